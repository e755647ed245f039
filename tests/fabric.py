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
  heard may be cut short or be missing. Stale neighbour entries hide that nobody answers ARP. Duplicate addresses:
  whoever answers first is asked.
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
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment, Heard, Outcome, Probe
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
BRIDGE, NIC, LEG, SWITCH, UPLINK, LINK, SPINE, TRUNK, HOST = "bridge", "nic", "leg", "switch", "uplink", "link", "spine", "trunk", "host"
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
        mixed = crc32(f"{self.salt} {what} {source} {target}".encode()) * 0x9E3779B1  # a bare CRC's last bit is no more than a parity
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
        return self.host == host and (self.where == HOST or self.network == network or bool(self.nic and fabric.at[host, network].nic == self.nic))

    def is_crossed(self, fabric: Fabric, source: str, target: str, network: str, flow: str = "ip") -> bool:
        """By a packet in the direction in which the fault works."""
        ways = (m.OUT, m.IN) if self.direction == m.BOTH else (self.direction,)
        if self.host:
            return any(self._is_crossed_at_host(fabric, near, far, network, way, flow) for near, far, way in _ends(source, target) if way in ways)
        return any(self._is_crossed_at_place(fabric, near, far, network, way, flow) for near, far, way in _ends(source, target) if way in ways)

    def _is_crossed_at_host(self, fabric: Fabric, near: str, far: str, network: str, way: str, flow: str) -> bool:
        if not self.carries(fabric, near, network):
            return False
        legs = fabric.legs[near, self.nic] if self.where == LEG else 1
        return self.where != LEG or fabric.chosen(f"leg {way} {near} {self.nic} {network} {flow}", legs, near, far) == self.number

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


def _ends(source: str, target: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    return (source, target, m.OUT), (target, source, m.IN)


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
    return True, answer.limit_there, answer.limit_back, answer.fragmented, answer.keep_there, answer.keep_back, answer.neighbour


def random_fabric(rng: Random, hosts: int) -> Fabric:
    """Racks of one or of varying sizes, one to three networks on one or two NICs or bonds, one to eight spines."""
    networks = rng.choice([["Storage"], ["Management", "Storage"], ["Guest", "Management", "Storage"]])
    split = rng.random() < 0.4 and len(networks) > 1  # management on a card of its own
    rack_max = rng.choice([hosts, 4, 16, 40])
    racks, left = [], hosts
    while left:
        racks.append(min(left, rack_max if rng.random() < 0.5 else rng.randint(1, rack_max)))
        left -= racks[-1]
    legs = {nic: rng.choice([1, 2, 2]) for nic in ("bond0", "bond1")}
    attachments, number = [], 0
    for rack, count in enumerate(racks):
        for _each in range(count):
            for index, network in enumerate(networks):
                nic = "bond1" if split and network == MANAGEMENT else "bond0"
                mac = f"02:{index:02x}:00:00:{number >> 8:02x}:{number & 255:02x}"
                attachments.append(Attachment(f"host{number:04}", network, f"10.{index}.{number >> 8}.{number & 255}", f"rack{rack:03}", nic, mac))
            number += 1
    sizes = {network: SIZES[network] for network in networks}
    bonds = {(each.host, each.nic): legs[each.nic] for each in attachments}
    noise = rng.choice([0.0, 0.0, 1e-5, 1e-4])
    return Fabric(tuple(attachments), sizes, bonds, rng.randint(1, 8), rng.getrandbits(30), rng.random() < 0.5, noise)


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
        trunk = len(fabric.places) > 1 and rng.random() < 0.3
        return InjectedFault(kind, TRUNK, place=each.place, network=each.network) if trunk else InjectedFault(kind, BRIDGE, host=each.host, network=each.network)
    if kind in (m.ONE_WAY, ONE_WAY_L2):
        return _somewhere(rng, fabric, each, kind, direction=rng.choice([m.IN, m.OUT]))
    if kind == m.LOSS:
        return _somewhere(rng, fabric, each, kind, direction=direction, rate=rng.choice([0.05, 0.1, 0.2, 0.5]))
    size = fabric.sizes[each.network]
    mtu = rng.choice([mtu for mtu in MTUS + JUMBO_MTUS if mtu < size])
    if kind == OWN_MTU:
        where, drops = rng.choice([BRIDGE, NIC]), rng.random() < 0.3
        network, nic = (each.network, "") if where == BRIDGE else ("", each.nic)
        return InjectedFault(kind, where, host=each.host, network=network, nic=nic, mtu=mtu, drops=drops)
    return _somewhere(rng, fabric, each, kind, direction=direction, mtu=mtu)


def _somewhere(rng: Random, fabric: Fabric, each: Attachment, kind: str, **values: Any) -> InjectedFault:
    places = [BRIDGE, NIC] + [LEG] * (fabric.legs[each.host, each.nic] > 1) + [UPLINK, LINK, SPINE] * (len(fabric.places) > 1)
    where = rng.choice(places + [SWITCH] * (kind in (m.MTU, m.LOSS)))
    if where == SWITCH:
        return InjectedFault(kind, where, place=each.place, **{**values, "direction": m.BOTH})
    if where == BRIDGE:
        return InjectedFault(kind, where, host=each.host, network=each.network, **values)
    if where in (NIC, LEG):
        leg = rng.randrange(fabric.legs[each.host, each.nic])
        return InjectedFault(kind, where, host=each.host, nic=each.nic, number=leg if where == LEG else 0, **values)
    if where == LINK:
        return InjectedFault(kind, where, place=each.place, far=rng.choice([place for place in fabric.places if place != each.place]), **values)
    return InjectedFault(kind, where, place=each.place if where == UPLINK else "", number=rng.randrange(fabric.spines), **values)


class Simulator:
    """Answers probes, each call of `ask` in another run of the hosts. `unseen` are the faults that so far made no
    difference to what passes, alone or behind another one."""

    def __init__(self, fabric: Fabric, injections: Sequence[InjectedFault], rng: Random) -> None:
        self.fabric, self.injections, self.rng = fabric, list(injections), rng
        self.unseen = set(injections)
        self.ran = frozenset(host for host in fabric.hosts if not any(self._cuts_off(injected, host) for injected in injections))
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

    def _answer(self, probe: Probe, injections: Sequence[InjectedFault]) -> Answer:
        fabric, host, peer, network = self.fabric, probe.host, probe.peer, probe.network
        for injected in injections:
            if injected.kind == m.SUBNET and injected.carries(fabric, host, network):
                return Answer(m.NO_ADDRESS, control=False)
        holder = self._holder(probe, injections)
        gone = any(injected.kind in (m.DEAD, m.SUBNET) and injected.carries(fabric, peer, network) for injected in injections) and holder == fabric.at[peer, network].mac
        deaf = any(
            injected.kind in (m.UNPLUGGED, ONE_WAY_L2)
            and (injected.is_crossed(fabric, host, peer, network, "arp") or injected.is_crossed(fabric, peer, host, network, "arp"))
            for injected in injections
        )
        if gone or deaf:
            return Answer(m.NO_NEIGHBOUR, control=False)
        drops = [injected for injected in injections if injected.kind in (m.ONE_WAY, ONE_WAY_L2)]
        stopped_there, stopped_back = self._stopped(drops, probe, self._echo)
        # the peer's answer goes to whoever holds the asking host's address for it
        stolen = self._holder(Probe(peer, network, host, "", 0), injections) != fabric.at[host, network].mac
        filters = [injected for injected in injections if injected.kind == m.FILTERED]
        refused = any(injected.carries(fabric, peer, network) for injected in filters)
        ignored = any(injected.carries(fabric, host, network) and not injected.requests_only for injected in filters)
        answer = self._sized(probe, injections, holder)
        if stopped_there or stopped_back or stolen or refused or ignored:
            tcp = not stolen and not any(self._stopped(drops, probe, "tcp"))
            there = 0.0 if stopped_there or refused else answer.keep_there
            return Answer(m.SILENT, False, tcp, keep_there=there, keep_back=0.0, neighbour=holder)
        return answer

    def _stopped(self, drops: Iterable[InjectedFault], probe: Probe, flow: str) -> tuple[bool, bool]:
        """There, back."""
        ways = (probe.host, probe.peer), (probe.peer, probe.host)
        there, back = (any(injected.is_crossed(self.fabric, *way, probe.network, flow) for injected in drops) for way in ways)
        return there, back

    def _sized(self, probe: Probe, injections: Sequence[InjectedFault], holder: str) -> Answer:
        fabric, host, peer, network, flow = self.fabric, probe.host, probe.peer, probe.network, self._echo
        there, back, keep_there, keep_back, device, pieces = WIDE, WIDE, 1.0, 1.0, WIDE, WIDE
        for injected in injections:
            if injected.kind == OWN_MTU and injected.mtu < probe.size and injected.carries(fabric, host, network):
                device = min(device, injected.mtu)
            elif injected.kind == OWN_MTU and injected.mtu < probe.size and injected.carries(fabric, peer, network):
                pieces = min(pieces, injected.mtu)
                there = min(there, injected.mtu) if injected.drops else there
            elif injected.kind == m.MTU:
                there = min(there, injected.mtu) if injected.is_crossed(fabric, host, peer, network, flow) else there
                back = min(back, injected.mtu) if injected.is_crossed(fabric, peer, host, network, flow) else back
            elif injected.kind == m.LOSS:
                keep_there *= 1 - injected.rate if injected.is_crossed(fabric, host, peer, network, flow) else 1
                keep_back *= 1 - injected.rate if injected.is_crossed(fabric, peer, host, network, flow) else 1
        back = WIDE if pieces <= back else back
        there, back = (WIDE if limit >= probe.size else limit for limit in (there, back))
        failure = m.LOCAL if device < WIDE else m.TOO_LARGE if min(there, back) < probe.size else ""
        return Answer(failure, True, None, there, back, device, pieces < WIDE and not failure, keep_there, keep_back, holder)

    def _holder(self, probe: Probe, injections: Sequence[InjectedFault]) -> str:
        """The link-layer address that answers first when the host asks for the peer's address."""
        for injected in injections:
            if injected.kind == m.DUPLICATE and injected.carries(self.fabric, probe.peer, probe.network) and injected.other != probe.host:
                thief = self.fabric.at[injected.other, probe.network].mac if injected.other else "02:ff:00:00:00:01"
                return (self.fabric.at[probe.peer, probe.network].mac, thief)[self.fabric.chosen("arp", 2, probe.host, probe.peer)]
        return self.fabric.at[probe.peer, probe.network].mac

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
            arrived = [number for number in arrived if number >= begin] if self.rng.random() < 0.5 else [number for number in arrived if number < begin]
        return Heard(probe.peer, probe.network, probe.host, len(arrived), arrived[0], arrived[-1]) if arrived else None

    def _outcome(self, probe: Probe, answer: Answer, samples: tuple[int, int], direction: bool) -> Outcome:
        sent, lost = samples
        keep = answer.keep_there * answer.keep_back
        if lost == sent:
            return self._silence(probe, answer, samples)
        limit = probe.size if not answer.failure else min(answer.limit_there, answer.limit_back)
        if keep < 1 and answer.failure != m.LOCAL and self.rng.random() < (1 - keep) ** tries_needed(lost, sent):
            limit = self.rng.randrange(SMALL, limit)  # the one size that had to be refused to prove it was lost each time
        failure = answer.failure or (m.TOO_LARGE if limit < probe.size else "")
        forward = None
        if direction and failure == m.TOO_LARGE and self.rng.random() < UDP_ANSWERED:
            # a UDP datagram may take another one of the parallel ways
            small = (injected for injected in self._near(probe) if injected.kind == m.MTU and injected.mtu < probe.size)
            deaf = any(injected.drops and injected.mtu < probe.size and injected.carries(self.fabric, probe.peer, probe.network) for injected in self._near(probe))
            forward = not deaf and not any(injected.is_crossed(self.fabric, probe.host, probe.peer, probe.network, "udp") for injected in small)
        mtu = answer.device if failure == m.LOCAL else limit
        return Outcome(probe, True, not failure, sent, lost, 0.1, 0.12, 0.2, mtu, failure, forward, answer.fragmented and not failure, answer.neighbour)

    def _silence(self, probe: Probe, answer: Answer, samples: tuple[int, int]) -> Outcome:
        failure, tcp = answer.failure if not answer.control else m.SILENT, False
        if failure == m.NO_NEIGHBOUR and self.rng.random() < STALE:
            failure = m.SILENT
        elif failure == m.SILENT:
            keep = answer.keep_there * answer.keep_back if answer.control else 1.0
            tcp = answer.tcp is not False and self.rng.random() >= (1 - keep) ** SYNS
        return Outcome(probe, False, None, *samples, failure=failure, neighbour=answer.neighbour, tcp=tcp)
