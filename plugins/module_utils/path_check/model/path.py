# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path check's values: questions (Probe), answers (Outcome, Heard), and what is at fault (Element, Fault).

Sizes are whole IP packets in bytes, as an MTU counts them: an ICMP echo of size 1500 has 1472 bytes of data over IPv4,
1452 over IPv6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    LOCAL,
    NO_ADDRESS,
    NO_NEIGHBOUR,
    NO_ROUTE,
    NOT_ASKED,
    PROHIBITED,
    ROUTER,
    SILENT,
    TOO_LARGE,
)

# Outcome.failure
FAILURES = (LOCAL, ROUTER, TOO_LARGE, SILENT, NO_NEIGHBOUR, PROHIBITED, NO_ADDRESS, NO_ROUTE, NOT_ASKED)


@dataclass(frozen=True)
class Attachment:
    """A host on a network: the traffic label or any other name of a network whose hosts should all reach each other.

    `place` is the rack or leaf switch (two leafs that serve one bond count as one place), `nic` the card or bond below
    the bridge; "" if not known. `mac` is the link-layer address that belongs to the address, lower case.
    """

    host: str
    network: str
    address: str
    place: str = ""
    nic: str = ""
    mac: str = ""


@dataclass(frozen=True, order=True)
class Probe:
    """One question: can `host` reach `peer` at `address` on `network` with packets of `size` bytes, there and back?"""

    host: str
    network: str
    peer: str
    address: str
    size: int


@dataclass(frozen=True)
class Outcome:
    """What the asking host says of one probe.

    `control`: a small packet was answered. `passed`: one of the required size was, whole or in fragments; None if that
    was not tried. `sent`, `lost`: all small packets whose answer was waited for, so that loss does not depend on size.
    `bursts`: how often some were lost in a row (of more than five, each five), 0 if that was not counted. `path_mtu`:
    the largest packet that is answered; exact if the required size was not, and larger than the probe's size where the
    path takes more than declared. `fragmented`: the question or its answer came in fragments though the question
    forbade them. `forward`: a UDP datagram of the required size to a closed port was answered by the (small) ICMP
    error, so packets of this size get there: the way back is at fault. False if only a small datagram was answered,
    None if none was, or it was not tried. `neighbour`: the link-layer address at which the peer answered ARP or
    neighbour discovery, lower case, "" if unknown or routed; `neighbours`: all that answered, if that was tried.
    `text`: who said what, for the reader. `tcp`: a TCP SYN to the address was answered (accepted or refused), tried
    where no echo is; None if not tried.
    """

    probe: Probe
    control: bool
    passed: Optional[bool] = None
    sent: int = 0
    lost: int = 0
    rtt_min_ms: Optional[float] = None
    rtt_avg_ms: Optional[float] = None
    rtt_p99_ms: Optional[float] = None
    path_mtu: Optional[int] = None
    failure: str = ""
    forward: Optional[bool] = None
    fragmented: bool = False
    neighbour: str = ""
    neighbours: tuple[str, ...] = ()
    text: str = ""
    tcp: Optional[bool] = None
    bursts: int = 0

    @property
    def loss_percent(self) -> float:
        return 100.0 * self.lost / self.sent if self.sent else 0.0

    @property
    def losses(self) -> int:
        """How often something was lost. What is lost in a row is lost for one reason and counts as one packet."""
        return self.bursts or self.lost

    @property
    def larger(self) -> bool:
        """Whether the path takes more than is declared."""
        return self.path_mtu is not None and self.path_mtu > self.probe.size

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Outcome:
        """From what the module path_mtu returns: the keys of the probe and of the outcome. Others are ignored."""
        own = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        own["neighbours"] = tuple(own.get("neighbours") or ())
        return cls(probe=Probe(**{each.name: values[each.name] for each in fields(Probe)}), **own)


@dataclass(frozen=True)
class Heard:
    """`host` heard `count` echo requests of `peer` on `network` while it listened itself, the first and last by
    sequence number.

    That proves the direction peer -> host, and requests missing between the first and the last one were lost on the way
    there. Nothing heard proves nothing: the two hosts need not have run at the same moment.
    """

    host: str
    network: str
    peer: str
    count: int
    first: int
    last: int


# Fault.kinds
MTU = "mtu"  # packets of the required size do not pass, smaller ones do
FRAGMENTED = "fragmented"  # they pass in fragments
LOSS = "loss"  # some packets are lost; with a direction: one-way loss
DEAD = "dead"  # the host gave no results, and no other host reaches it on any network
UNPLUGGED = "unplugged"  # not even ARP gets an answer: wrong VLAN, link down
SUBNET = "subnet"  # the host lacks the address that is declared for it, or has it in another subnet
DUPLICATE = "duplicate"  # a second device answers for the host's address
ONE_WAY = "one_way"  # nothing gets through in one direction
FILTERED = "filtered"  # ICMP echo is filtered, other packets pass: nothing can be said of the MTU
KINDS = (MTU, FRAGMENTED, LOSS, DEAD, UNPLUGGED, SUBNET, DUPLICATE, ONE_WAY, FILTERED)

# Element.kind
HOST = "host"  # a host on all its networks
NIC = "nic"  # all networks on one card or bond of a host, and its switch port
PORT = "port"  # a host on one network: its bridge or VLAN device, and the VLAN on its switch port
PLACE = "place"  # a rack or leaf switch: everything in and out of it
UPLINK = "uplink"  # between a place and all other places
LINK = "link"  # between two places
CORE = "core"  # between all places: the spine
FABRIC = "fabric"  # all there is (of one network, if it is named)
PAIR = "pair"  # between two hosts only
HOST_KINDS = (HOST, NIC, PORT)

IN, OUT, BOTH = "in", "out", "both"


class Element(NamedTuple):
    """A part of the fabric that can be at fault, as far as probes from end to end can tell parts from one another.

    `network` is empty where all networks are meant. `other` is the second host or place of a PAIR or LINK.
    """

    kind: str
    host: str = ""
    nic: str = ""
    place: str = ""
    other: str = ""
    network: str = ""

    def __str__(self) -> str:
        words = {
            HOST: self.host,
            NIC: f"{self.nic} of {self.host}",
            PORT: self.host,
            PLACE: self.place,
            UPLINK: f"the uplink of {self.place}",
            LINK: f"the way between {self.place} and {self.other}",
            CORE: "the way between the places",
            FABRIC: "the fabric",
            PAIR: f"the way between {self.host} and {self.other}",
        }[self.kind]
        return f"{words} on {self.network}" if self.network else words


@dataclass(frozen=True)
class Fault:
    """One fault that explains failures.

    `suspects`: one element, then it is decided; several, then any of them explains as much and nothing asked so far
    tells them apart. `kinds` likewise: the first is likelier, or none is. `direction`: OUT leaves the element (the
    host, the place, the LINK's or PAIR's first end), IN enters it, "" is not known. `partial`: only some of the pairs
    fail, as with one leg of a bond or one of several parallel links. `self_reported`: the host itself says that its
    own device is too small. `mtu`: what still passes. `loss_percent`: of all packets there. `failed_pairs` of
    `tested_pairs` across the element failed; `evidence` are some of the probes that did. `others`: hosts that hold
    the duplicate address, as far as known.
    """

    kinds: tuple[str, ...]
    suspects: tuple[Element, ...]
    direction: str = ""
    partial: bool = False
    self_reported: bool = False
    mtu: Optional[int] = None
    loss_percent: Optional[float] = None
    failed_pairs: int = 0
    tested_pairs: int = 0
    evidence: tuple[Probe, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        return len(self.suspects) == 1 and self.suspects[0].kind != PAIR


@dataclass(frozen=True)
class FaultReport:
    """The fewest faults that explain all failures, and the probes that would decide what is undecided."""

    faults: tuple[Fault, ...] = ()
    next_probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class PathResults:
    """What the path check of a cluster found.

    `at`: who is attached where, by host and network. `outcomes`: the worst answer to each probe. `ran`: hosts that
    gave results. `report`: the faults that explain the outcomes.
    """

    at: dict[tuple[str, str], Attachment]
    outcomes: tuple[Outcome, ...]
    ran: frozenset[str]
    report: FaultReport
