# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated fabrics for the path check: hosts with bridges on NICs or bonds, leaf switches, spines, and faults in them.

Nothing here knows how the check concludes; it only says what each host would answer. All randomness is the caller's.
Modelled:
- Which leg of a bond and which spine a packet takes follows from a hash of source, destination and protocol (echo, ARP,
  UDP, TCP), and differs in each direction. Some bonds hash the ICMP identifier too (Linux 5.14 and later): then a
  second run takes other legs.
- A host asks as path_check/plan/samples.py and timing.py do: eight packets without an answer are silence, a size
  counts as too large after so many tries. So a path that loses much may look silent, or too small for any MTU.
- Answers are not DF: a host whose own device is too small answers in fragments, which pass a small switch, or drops
  large packets unread.
- A host that cannot be reached by the controller asks nothing. Peers do not always run at the same time, so what they
  heard may be cut short or be missing. Stale neighbour entries hide that no device answers ARP. Duplicate addresses:
  the device that answers first is asked.
- Some fabrics lose a packet in 10,000 or 100,000 for no reason.
Not modelled: routers that send ICMP errors, tables of switches, faults that come and go, overload.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Optional
from zlib import crc32

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model import path as m
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    Attachment,
    Heard,
    Outcome,
    Probe,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.samples import GREETING
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.timing import tries_needed

SENT = 20  # small packets per probe
SMALL = 64  # their size
WIDE = 1 << 16  # larger than any packet
SIZES = {"Management": 1500, "Storage": 9000, "Guest": 1550}
MTUS = (1280, 1400, 1450, 1492)  # below each of the sizes
JUMBO_MTUS = (1500, 1600, 4000, 8996)
LISTENS, CUT_SHORT = 0.8, 0.2  # of the peers are running when a probe arrives; of these come late or leave early
UDP_ANSWERED = 0.7
STALE = 0.05  # of the neighbours that do not answer are believed to be there
SYNS = 2  # tries of a TCP connection
MANAGEMENT = "Management"

# Where a fault sits
BRIDGE, NIC, LEG, SWITCH, UPLINK, LINK, SPINE, TRUNK, HOST = (
    "bridge",
    "nic",
    "leg",
    "switch",
    "uplink",
    "link",
    "spine",
    "trunk",
    "host",
)
# What it is, beside the kinds of path_check/model/path.py
OWN_MTU = "own mtu"  # the host's own device, so the host itself refuses to send
ONE_WAY_L2 = "one way, ARP too"
FAULTS = (m.MTU, OWN_MTU, m.LOSS, m.ONE_WAY, ONE_WAY_L2, m.DEAD, m.UNPLUGGED, m.SUBNET, m.DUPLICATE, m.FILTERED)


@dataclass(frozen=True)
class Fabric:
    """`legs` by (host, nic). `salt` seeds the switches' hashes, `hashes_id`: the bonds' hash has the ICMP identifier in
    it. `noise`: of all packets are lost anyway."""

    attachments: tuple[Attachment, ...]
    sizes: dict[str, int]
    legs: dict[tuple[str, str], int]
    spines: int
    salt: int
    hashes_id: bool = False
    noise: float = 0.0
    at: dict[tuple[str, str], Attachment] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.at.update({(each.host, each.network): each for each in self.attachments})

    @property
    def hosts(self) -> list[str]:
        return sorted({each.host for each in self.attachments})

    @property
    def places(self) -> list[str]:
        return sorted({each.place for each in self.attachments})

    def chosen(self, what: str, choices: int, source: str, target: str) -> int:
        """Which of several parallel ways a packet takes at one point."""
        if choices == 1:
            return 0
        mixed = (
            crc32(f"{self.salt} {what} {source} {target}".encode()) * 0x9E3779B1
        )  # a bare CRC's last bit is no more than a parity
        return (mixed >> 16 & 0xFFFF) % choices


@dataclass(frozen=True)
class InjectedFault:
    """`kind` at `where` (SWITCH: a leaf, UPLINK: one of its links to the spines, LINK: all that is between it and the
    leaf `far`, TRUNK: a VLAN on all links to the spines), `direction` as seen from there."""

    kind: str
    where: str
    host: str = ""
    network: str = ""
    nic: str = ""
    place: str = ""
    number: int = 0  # of the leg or the spine
    direction: str = m.BOTH
    mtu: int = 0
    rate: float = 1.0
    other: str = ""  # the host that holds the duplicate address, "" for a stranger
    requests_only: bool = False  # filtered: questions are dropped, answers are not
    far: str = ""
    drops: bool = False  # own MTU: larger packets are not taken in

    def carries(self, fabric: Fabric, host: str, network: str) -> bool:
        """Whether what a host sends and gets on a network goes through this fault's card or bridge."""
        if self.host != host:
            return False
        on_nic = bool(self.nic) and fabric.at[host, network].nic == self.nic
        return self.where == HOST or self.network == network or on_nic

    def is_crossed(self, fabric: Fabric, source: str, target: str, network: str, flow: str = "ip") -> bool:
        """By a packet in the direction in which the fault works."""
        crossed = self._is_crossed_at_host if self.host else self._is_crossed_at_place
        for near, far, way in ((source, target, m.OUT), (target, source, m.IN)):
            if self.direction in (m.BOTH, way) and crossed(fabric, near, far, network, way, flow):
                return True
        return False

    def _is_crossed_at_host(self, fabric: Fabric, near: str, far: str, network: str, way: str, flow: str) -> bool:
        if not self.carries(fabric, near, network):
            return False
        if self.where != LEG:
            return True
        point = f"leg {way} {near} {self.nic} {network} {flow}"
        return fabric.chosen(point, fabric.legs[near, self.nic], near, far) == self.number

    def _is_crossed_at_place(self, fabric: Fabric, near: str, far: str, network: str, way: str, flow: str) -> bool:
        home, away = fabric.at[near, network].place, fabric.at[far, network].place
        if self.where == SWITCH:
            return home == self.place
        if home == away or (self.place and home != self.place):
            return False
        if self.where == LINK:
            return away == self.far
        if self.where == TRUNK:
            return network == self.network
        source, target = (near, far) if way == m.OUT else (far, near)
        return fabric.chosen(f"spine {network} {flow}", fabric.spines, source, target) == self.number


@dataclass(frozen=True)
class Answer:
    """What decides an outcome, before chance."""

    failure: str = ""
    control: bool = True
    tcp: Optional[bool] = None
    limit_there: int = WIDE
    limit_back: int = WIDE
    device: int = WIDE  # the asking host's own
    fragmented: bool = False
    keep_there: float = 1.0  # the part of the packets that arrive
    keep_back: float = 1.0
    neighbour: str = ""


def _shows(answer: Answer) -> tuple[object, ...]:
    """What a fault can show in: whether anything passes, how large, how often, and who answered."""
    if not answer.control:
        return False, answer.tcp
    return (
        True,
        answer.limit_there,
        answer.limit_back,
        answer.fragmented,
        answer.keep_there,
        answer.keep_back,
        answer.neighbour,
    )


def random_fabric(rng: Random, hosts: int) -> Fabric:
    """Racks of one or of varying sizes, one to three networks on one or two NICs or bonds, one to eight spines."""
    networks = rng.choice([["Storage"], ["Management", "Storage"], ["Guest", "Management", "Storage"]])
    split = rng.random() < 0.4 and len(networks) > 1  # management on a card of its own
    racks = _random_racks(rng, hosts)
    legs = {nic: rng.choice([1, 2, 2]) for nic in ("bond0", "bond1")}
    attachments = []
    for number, rack in enumerate(racks):
        for index, network in enumerate(networks):
            nic = "bond1" if split and network == MANAGEMENT else "bond0"
            mac = f"02:{index:02x}:00:00:{number >> 8:02x}:{number & 255:02x}"
            address = f"10.{index}.{number >> 8}.{number & 255}"
            attachments.append(Attachment(f"host{number:04}", network, address, f"rack{rack:03}", nic, mac))
    sizes = {network: SIZES[network] for network in networks}
    bonds = {(each.host, each.nic): legs[each.nic] for each in attachments}
    noise = rng.choice([0.0, 0.0, 1e-5, 1e-4])
    return Fabric(tuple(attachments), sizes, bonds, rng.randint(1, 8), rng.getrandbits(30), rng.random() < 0.5, noise)


def _random_racks(rng: Random, hosts: int) -> list[int]:
    """The number of each host's rack."""
    rack_max = rng.choice([hosts, 4, 16, 40])
    racks: list[int] = []
    rack = 0
    while len(racks) < hosts:
        left = hosts - len(racks)
        racks += [rack] * min(left, rack_max if rng.random() < 0.5 else rng.randint(1, rack_max))
        rack += 1
    return racks


def random_fault(rng: Random, fabric: Fabric, kind: str) -> InjectedFault:
    """A fault of this kind somewhere in the fabric where it can be."""
    each = rng.choice(fabric.attachments)
    direction = rng.choice([m.IN, m.OUT, m.BOTH])
    if kind in (m.DEAD, m.FILTERED):
        return InjectedFault(kind, HOST, host=each.host, requests_only=rng.random() < 0.5)
    if kind in (m.SUBNET, m.DUPLICATE):
        other = rng.choice([host for host in fabric.hosts if host != each.host] + [""])
        return InjectedFault(kind, BRIDGE, host=each.host, network=each.network, other=other)
    if kind == m.UNPLUGGED:
        if len(fabric.places) > 1 and rng.random() < 0.3:
            return InjectedFault(kind, TRUNK, place=each.place, network=each.network)
        return InjectedFault(kind, BRIDGE, host=each.host, network=each.network)
    if kind in (m.ONE_WAY, ONE_WAY_L2):
        return _somewhere(rng, fabric, each, kind, direction=rng.choice([m.IN, m.OUT]))
    if kind == m.LOSS:
        return _somewhere(rng, fabric, each, kind, direction=direction, rate=rng.choice([0.05, 0.1, 0.2, 0.5]))
    mtu = rng.choice([mtu for mtu in MTUS + JUMBO_MTUS if mtu < fabric.sizes[each.network]])
    if kind == OWN_MTU:
        where, drops = rng.choice([BRIDGE, NIC]), rng.random() < 0.3
        part = {"network": each.network} if where == BRIDGE else {"nic": each.nic}
        return InjectedFault(kind, where, host=each.host, mtu=mtu, drops=drops, **part)
    return _somewhere(rng, fabric, each, kind, direction=direction, mtu=mtu)


def _somewhere(rng: Random, fabric: Fabric, each: Attachment, kind: str, **values: Any) -> InjectedFault:
    legs, places = fabric.legs[each.host, each.nic], [place for place in fabric.places if place != each.place]
    where = rng.choice(_points(kind, legs, len(fabric.places)))
    if where == SWITCH:
        return InjectedFault(kind, where, place=each.place, **{**values, "direction": m.BOTH})
    if where == BRIDGE:
        return InjectedFault(kind, where, host=each.host, network=each.network, **values)
    if where in (NIC, LEG):
        leg = rng.randrange(legs)
        return InjectedFault(kind, where, host=each.host, nic=each.nic, number=leg if where == LEG else 0, **values)
    if where == LINK:
        return InjectedFault(kind, where, place=each.place, far=rng.choice(places), **values)
    place = each.place if where == UPLINK else ""
    return InjectedFault(kind, where, place=place, number=rng.randrange(fabric.spines), **values)


def _points(kind: str, legs: int, places: int) -> list[str]:
    """Where a fault of this kind can be."""
    found = [BRIDGE, NIC]
    if legs > 1:
        found.append(LEG)
    if places > 1:
        found += [UPLINK, LINK, SPINE]
    if kind in (m.MTU, m.LOSS):
        found.append(SWITCH)
    return found


class Simulator:
    """Answers probes, each call of `ask` in another run of the hosts. `unseen` are the faults that so far made no
    difference to what passes, alone or behind another one."""

    def __init__(self, fabric: Fabric, injections: Sequence[InjectedFault], rng: Random) -> None:
        self.fabric, self.injections, self.rng = fabric, list(injections), rng
        self.unseen = set(injections)
        self.ran = frozenset(
            host for host in fabric.hosts if not any(self._cuts_off(injected, host) for injected in injections)
        )
        self._run = 0
        self._hosts: dict[str, list[InjectedFault]] = defaultdict(list)
        for injected in injections:
            self._hosts[injected.host].append(injected)
            if injected.other:
                self._hosts[injected.other].append(injected)

    def ask(self, probes: Iterable[Probe], *, direction: bool = False) -> tuple[list[Outcome], list[Heard]]:
        """`direction`: the hosts send UDP datagrams, too."""
        outcomes, heard = [], []
        self._run += 1
        for probe in probes:
            if probe.host not in self.ran:
                continue
            near = self._near(probe)
            answer = self._answer(probe, near)
            sent, lost, ear = self._chance(probe, answer)
            for injected in self.unseen.intersection(near):
                rest = self._answer(probe, [other for other in near if other != injected])
                if _shows(answer) != _shows(rest) and (lost or injected.kind != m.LOSS):
                    self.unseen.discard(injected)
            outcomes.append(self._outcome(probe, answer, (sent, lost), direction))
            if ear:
                heard.append(ear)
        return outcomes, heard

    @property
    def _echo(self) -> str:
        return f"echo {self._run}" if self.fabric.hashes_id else "echo"

    def _cuts_off(self, injected: InjectedFault, host: str) -> bool:
        """Whether this fault keeps the controller from the host: it comes over the management network."""
        if injected.kind == m.DEAD or (host, MANAGEMENT) not in self.fabric.at:
            return injected.kind == m.DEAD and injected.host == host
        silences = injected.kind in (m.ONE_WAY, ONE_WAY_L2, m.UNPLUGGED, m.SUBNET) and injected.where in (BRIDGE, NIC)
        return silences and injected.carries(self.fabric, host, MANAGEMENT)

    def _near(self, probe: Probe) -> list[InjectedFault]:
        """The faults that may matter to a probe."""
        found = self._hosts.get(probe.host, []) + self._hosts.get(probe.peer, [])
        return list(dict.fromkeys(found + self._hosts.get("", [])))

    def _answer(self, probe: Probe, faults: Sequence[InjectedFault]) -> Answer:
        fabric, host, peer, network = self.fabric, probe.host, probe.peer, probe.network
        if any(fault.kind == m.SUBNET and fault.carries(fabric, host, network) for fault in faults):
            return Answer(m.NO_ADDRESS, control=False)
        holder = self._holder(probe, faults)
        if any(self._silences_arp(fault, probe, holder) for fault in faults):
            return Answer(m.NO_NEIGHBOUR, control=False)
        drops = [fault for fault in faults if fault.kind in (m.ONE_WAY, ONE_WAY_L2)]
        stopped_there, stopped_back = self._stopped(drops, probe, self._echo)
        # the peer's answer goes to whichever device holds the asking host's address for it
        stolen = self._holder(Probe(peer, network, host, "", 0), faults) != fabric.at[host, network].mac
        filters = [fault for fault in faults if fault.kind == m.FILTERED]
        refused = any(fault.carries(fabric, peer, network) for fault in filters)
        ignored = any(fault.carries(fabric, host, network) and not fault.requests_only for fault in filters)
        answer = self._sized(probe, faults, holder)
        if stopped_there or stopped_back or stolen or refused or ignored:
            tcp = not stolen and not any(self._stopped(drops, probe, "tcp"))
            there = 0.0 if stopped_there or refused else answer.keep_there
            return Answer(m.SILENT, False, tcp, keep_there=there, keep_back=0.0, neighbour=holder)
        return answer

    def _silences_arp(self, fault: InjectedFault, probe: Probe, holder: str) -> bool:
        """`holder`: the device that would answer."""
        fabric, host, peer, network = self.fabric, probe.host, probe.peer, probe.network
        if fault.kind in (m.DEAD, m.SUBNET):
            return fault.carries(fabric, peer, network) and holder == fabric.at[peer, network].mac
        if fault.kind not in (m.UNPLUGGED, ONE_WAY_L2):
            return False
        pairs = ((host, peer), (peer, host))
        return any(fault.is_crossed(fabric, *pair, network, "arp") for pair in pairs)

    def _stopped(self, drops: Sequence[InjectedFault], probe: Probe, flow: str) -> tuple[bool, bool]:
        """There, back."""
        host, peer, network = probe.host, probe.peer, probe.network
        there = any(fault.is_crossed(self.fabric, host, peer, network, flow) for fault in drops)
        back = any(fault.is_crossed(self.fabric, peer, host, network, flow) for fault in drops)
        return there, back

    def _sized(self, probe: Probe, faults: Sequence[InjectedFault], holder: str) -> Answer:
        """The answer if nothing stops the probe: limited by MTUs, thinned by loss."""
        fabric, host, peer, network, size = self.fabric, probe.host, probe.peer, probe.network, probe.size
        device, pieces, there = self._own_limits(probe, faults)
        back, keep_there, keep_back = WIDE, 1.0, 1.0
        for fault in faults:
            if fault.kind in (m.MTU, m.LOSS):
                if fault.is_crossed(fabric, host, peer, network, self._echo):
                    there = min(there, fault.mtu or WIDE)
                    keep_there *= 1 - fault.rate if fault.kind == m.LOSS else 1
                if fault.is_crossed(fabric, peer, host, network, self._echo):
                    back = min(back, fault.mtu or WIDE)
                    keep_back *= 1 - fault.rate if fault.kind == m.LOSS else 1
        if pieces <= back:
            back = WIDE  # the answer comes in pieces that pass
        there, back = (WIDE if limit >= size else limit for limit in (there, back))
        failure = ""
        if device < WIDE:
            failure = m.LOCAL
        elif min(there, back) < size:
            failure = m.TOO_LARGE
        cut = pieces < WIDE and not failure
        return Answer(failure, True, None, there, back, device, cut, keep_there, keep_back, holder)

    def _own_limits(self, probe: Probe, faults: Sequence[InjectedFault]) -> tuple[int, int, int]:
        """By devices of the two hosts: what is sent whole, answered whole, and taken in."""
        device = pieces = taken = WIDE
        for fault in faults:
            if fault.kind == OWN_MTU and fault.mtu < probe.size:
                if fault.carries(self.fabric, probe.host, probe.network):
                    device = min(device, fault.mtu)
                elif fault.carries(self.fabric, probe.peer, probe.network):
                    pieces = min(pieces, fault.mtu)
                    taken = min(taken, fault.mtu) if fault.drops else taken
        return device, pieces, taken

    def _holder(self, probe: Probe, faults: Sequence[InjectedFault]) -> str:
        """The link-layer address that answers first when the host asks for the peer's address."""
        at, network = self.fabric.at, probe.network
        for fault in faults:
            applies = fault.kind == m.DUPLICATE and fault.other != probe.host
            if applies and fault.carries(self.fabric, probe.peer, network):
                thief = at[fault.other, network].mac if fault.other else "02:ff:00:00:00:01"
                return (at[probe.peer, network].mac, thief)[self.fabric.chosen("arp", 2, probe.host, probe.peer)]
        return at[probe.peer, network].mac

    def _chance(self, probe: Probe, answer: Answer) -> tuple[int, int, Optional[Heard]]:
        """Packets sent and lost, and what the peer heard."""
        if answer.failure in (m.NO_ADDRESS, m.NO_NEIGHBOUR):
            return len(GREETING), len(GREETING), None
        certain = answer.control and answer.keep_there == answer.keep_back == 1
        if certain and (not self.fabric.noise or self.rng.random() > 2 * SENT * self.fabric.noise):
            return SENT, 0, None
        lost_by_chance = self.rng.randrange(2 * SENT) if certain else 2 * SENT
        arrived: list[int] = []
        sent = returned = 0
        while sent < (SENT if returned else len(GREETING)):
            if lost_by_chance != sent and self.rng.random() < answer.keep_there:
                arrived.append(sent)
                returned += answer.control and lost_by_chance != SENT + sent and self.rng.random() < answer.keep_back
            sent += 1
        return sent, sent - returned, self._heard(probe, arrived)

    def _heard(self, probe: Probe, arrived: list[int]) -> Optional[Heard]:
        if probe.peer not in self.ran or self.rng.random() > LISTENS:
            return None
        if self.rng.random() < CUT_SHORT:
            begin = self.rng.randrange(SENT)
            late = self.rng.random() < 0.5
            arrived = [number for number in arrived if (number >= begin) == late]
        if not arrived:
            return None
        return Heard(probe.peer, probe.network, probe.host, len(arrived), arrived[0], arrived[-1])

    def _outcome(self, probe: Probe, answer: Answer, samples: tuple[int, int], direction: bool) -> Outcome:
        sent, lost = samples
        keep = answer.keep_there * answer.keep_back
        if lost == sent:
            return self._silence(probe, answer, samples)
        limit = probe.size if not answer.failure else min(answer.limit_there, answer.limit_back)
        if keep < 1 and answer.failure != m.LOCAL and self.rng.random() < (1 - keep) ** tries_needed(lost, sent):
            limit = self.rng.randrange(
                SMALL, limit
            )  # the one size that had to be refused to prove it was lost each time
        failure = answer.failure or (m.TOO_LARGE if limit < probe.size else "")
        forward = self._forward(probe) if direction and failure == m.TOO_LARGE else None
        mtu = answer.device if failure == m.LOCAL else limit
        cut = answer.fragmented and not failure
        return Outcome(probe, True, not failure, *samples, 0.1, 0.12, 0.2, mtu, failure, forward, cut, answer.neighbour)

    def _forward(self, probe: Probe) -> Optional[bool]:
        """Whether a large UDP datagram gets there, which may take another one of the parallel ways; None: no answer."""
        if self.rng.random() >= UDP_ANSWERED:
            return None
        small = [fault for fault in self._near(probe) if fault.mtu < probe.size]
        for fault in small:
            if fault.drops and fault.carries(self.fabric, probe.peer, probe.network):
                return False
            if fault.kind == m.MTU and fault.is_crossed(self.fabric, probe.host, probe.peer, probe.network, "udp"):
                return False
        return True

    def _silence(self, probe: Probe, answer: Answer, samples: tuple[int, int]) -> Outcome:
        failure, tcp = answer.failure if not answer.control else m.SILENT, False
        if failure == m.NO_NEIGHBOUR and self.rng.random() < STALE:
            failure = m.SILENT
        elif failure == m.SILENT:
            keep = answer.keep_there * answer.keep_back if answer.control else 1.0
            tcp = answer.tcp is not False and self.rng.random() >= (1 - keep) ** SYNS
        return Outcome(probe, False, None, *samples, failure=failure, neighbour=answer.neighbour, tcp=tcp)
