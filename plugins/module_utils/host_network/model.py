# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network as it is declared, layer by layer, and as it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Optional, Union

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState

# Path -> text of the files that a back end reads. A byte that is not UTF-8 is a surrogate in it, so that it can be
# written back.
Files = Mapping[str, str]


def to_text(content: bytes) -> str:
    """What a file holds, as Files have it."""
    return content.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """A text of Files as it stands in the file, byte for byte."""
    return text.encode("utf-8", "surrogateescape")


MIIMON = 100  # milliseconds between two looks at the carrier of a bond's ports, the same in every back end
MODES = ("802.3ad", "active-backup", "balance-xor")  # that can be declared
# Those of the kernel, each at its number; a bond that is made without one has the first (bonding.rst).
_KERNEL_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_WITH_ARP = _KERNEL_MODES[:4]
# Options of a bond that not every mode has a use for, by the kernel's names: most of them it refuses in another mode
# (bond_opts in its bond_options.c).
_OPTION_MODES = {
    "lacp_rate": ("802.3ad",),
    "ad_actor_sys_prio": ("802.3ad",),
    "ad_actor_system": ("802.3ad",),
    "ad_user_port_key": ("802.3ad",),
    "xmit_hash_policy": ("balance-xor", "802.3ad", "balance-tlb"),
    "arp_interval": _WITH_ARP,
    "arp_ip_target": _WITH_ARP,
    "arp_validate": _WITH_ARP,
    "arp_all_targets": _WITH_ARP,
    "primary": ("active-backup", "balance-tlb", "balance-alb"),
    "active_slave": ("active-backup", "balance-tlb", "balance-alb"),
    "packets_per_slave": ("balance-rr",),
    "tlb_dynamic_lb": ("balance-tlb",),
}
VLAN_PROTOCOL = "802.1Q"  # of VLAN devices that can be declared
HASH_POLICIES = ("layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4", "vlan+srcmac")
LACP_RATES = ("slow", "fast")
# Of bonds of Open vSwitch (ovs-vswitchd.conf.db(5), table Port: bond_mode, lacp).
OVS_MODES = ("active-backup", "balance-slb", "balance-tcp")
OVS_LACP = ("off", "active", "passive")
LINUX_BRIDGE, OPEN_VSWITCH = "bridge", "openvswitch"  # kinds of bridges, as `ip` tells them
OVS_DATAPATHS = ("ovs-system", "ovs-netdev")  # links that its daemon makes for itself


def bond_mode(said: str) -> str:
    """The name of a mode that files say by name, by number or, "", not at all."""
    numbers = {str(number): name for number, name in enumerate(_KERNEL_MODES)}
    return numbers.get(said, said) or _KERNEL_MODES[0]


def vlan_protocol(said: str) -> str:
    """As `ip` says it, of what files say; they may say nothing."""
    return "802.1ad" if said.lower() == "802.1ad" else VLAN_PROTOCOL


def has_option(mode: str, option: str) -> bool:
    """Whether a bond of this mode has a use for an option, which goes by the kernel's name."""
    return mode in _OPTION_MODES.get(option, (mode,))


@dataclass(frozen=True)
class Card:
    """A NIC as the host has it: its own MAC, whatever a bond gives it, the driver, and the slot on its bus."""

    name: str
    mac: str = ""
    driver: str = ""
    slot: str = ""

    @property
    def words(self) -> str:
        """How a message tells it."""
        parts = [("MAC", self.mac), ("driver", self.driver), ("slot", self.slot)]
        return f"{self.name} ({', '.join(f'{key} {value}' for key, value in parts if value)})"


@dataclass(frozen=True)
class Bond:
    """Several NICs as one. `mtu` in bytes; None leaves to the kernel what a bond of this mode has by itself. Source of
    the names and values: the kernel's bonding.rst."""

    name: str
    ports: tuple[str, ...]  # NICs, in the order in which they were declared
    mode: str = "802.3ad"  # one of MODES where it is declared; files may say another one of the kernel's
    lacp_rate: Optional[str] = None  # 802.3ad only
    hash_policy: Optional[str] = None  # 802.3ad and balance-xor
    primary: Optional[str] = None  # active-backup only: one of the ports
    mtu: int = 1500


@dataclass(frozen=True)
class Vlan:
    """A VLAN device on a NIC or a bond. `id` is 1 to 4094, `mtu` in bytes."""

    name: str
    parent: str
    id: int
    mtu: int = 1500
    protocol: str = VLAN_PROTOCOL  # as `ip` says it; files may say 802.1ad, the outer tag of two


@dataclass(frozen=True)
class StaticRoute:
    """A route over a bridge. `to` is CIDR or "default"; no `table` means main."""

    to: str
    via: str
    table: Optional[int] = None


@dataclass(frozen=True)
class RoutingRule:
    """Which packets look up which table: those from `source`, or to `to`, both CIDR or None."""

    table: int
    priority: int
    source: Optional[str] = None
    to: Optional[str] = None


@dataclass(frozen=True)
class Ovs:
    """What a bridge of Open vSwitch has beside what every bridge has. With `ports` the bridge's port is a bond of these
    NICs, which the kernel does not know. Source: ovs-vswitchd.conf.db(5)."""

    tag: Optional[int] = None  # VLAN of the bridge's own addresses, 1 to 4094; None: untagged
    trunks: tuple[int, ...] = ()  # VLANs that the port carries, 0 to 4095, 0 being untagged; none: all
    ports: tuple[str, ...] = ()  # NICs of the bond
    mode: Optional[str] = None  # of the bond, one of OVS_MODES
    lacp: Optional[str] = None  # of the bond: "active" or "passive"; None: off


@dataclass(frozen=True)
class Bridge:
    """A bridge with one port: a NIC, a bond or a VLAN device. With `ovs` it is one of Open vSwitch.

    `mtu` in bytes, for the bridge; what lies under it has at least that. `address` is CIDR, "dhcp" or None;
    `addresses6` are CIDR; `forward_delay` in seconds, which counts where `stp` is on. With `multicast_querier` it asks
    for members of multicast groups itself (IGMP, MLD).
    """

    name: str
    port: str
    mtu: int = 1500
    address: Optional[str] = None
    gateway: Optional[str] = None
    stp: bool = False
    forward_delay: int = 0
    addresses6: tuple[str, ...] = ()
    gateway6: Optional[str] = None
    routes: tuple[StaticRoute, ...] = ()
    rules: tuple[RoutingRule, ...] = ()
    dns: tuple[str, ...] = ()  # addresses of name servers
    search: tuple[str, ...] = ()  # domains
    ovs: Optional[Ovs] = None
    multicast_querier: bool = False

    @property
    def kind(self) -> str:
        """As `ip` tells it."""
        return OPEN_VSWITCH if self.ovs else LINUX_BRIDGE

    @property
    def links(self) -> tuple[str, ...]:
        """The links that it lies on: its port, or the NICs of a bond of Open vSwitch."""
        return (self.ovs.ports if self.ovs else ()) or (self.port,)

    @property
    def ipv4(self) -> str:
        """Its static IPv4 address without prefix length, "" where it has none."""
        address = (self.address or "").partition("/")[0]
        return "" if ":" in address or address == "dhcp" else address


Device = Union[Bond, Vlan, Bridge]


@dataclass(frozen=True)
class Network:
    """What is declared of a host, or what files declare. `absent` names bonds, VLAN devices and bridges that shall go;
    what is in none of them is not touched."""

    bonds: tuple[Bond, ...] = ()
    vlans: tuple[Vlan, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[Device, ...]:
        """What is made, each after what it lies on."""
        return self.bonds + self.vlans + self.bridges

    @property
    def devices(self) -> dict[str, Device]:
        """The same by name."""
        return {each.name: each for each in self.made}

    @property
    def nics(self) -> tuple[str, ...]:
        """What everything lies on and nothing here makes."""
        made = self.devices
        below = [name for each in made for name in self.below(each)]
        return tuple(dict.fromkeys(name for name in below if name not in made))

    @property
    def names(self) -> tuple[str, ...]:
        """NICs and devices, each after what it lies on."""
        return (*self.nics, *self.devices)

    @property
    def taken(self) -> tuple[str, ...]:
        """Those that are configured as declared here. A NIC that is nothing but the parent of VLAN devices is left to
        whatever has it, with its addresses."""
        kinds = {name: {type(self.devices[each]) for each in self.above(name)} for name in self.nics}
        return tuple(name for name in self.names if kinds.get(name) != {Vlan})

    def below(self, name: str) -> tuple[str, ...]:
        """What a device lies on directly; nothing for a NIC."""
        device = self.devices.get(name)
        if isinstance(device, Bond):
            return device.ports
        if isinstance(device, Vlan):
            return (device.parent,)
        return device.links if device else ()

    def above(self, name: str) -> tuple[str, ...]:
        """What lies on a device or NIC directly."""
        return tuple(each for each in self.devices if name in self.below(each))

    def stack(self, name: str) -> tuple[str, ...]:
        """A device with all that it lies on, each after what it lies on."""
        found, waiting = {name}, [name]
        while waiting:
            new = set(self.below(waiting.pop())) - found
            found |= new
            waiting += new
        return tuple(each for each in self.names if each in found)

    def mtu_of(self, name: str) -> int:
        """The MTU that a device or NIC must have: its own, or the largest of what lies on it. 0 as the MTU of a
        bond or VLAN device means that; 1500 where nothing lies on it. Bytes."""
        found, waiting = {name}, [name]
        while waiting:
            new = set(self.above(waiting.pop())) - found
            found |= new
            waiting += new
        sizes = [device.mtu or (0 if self.above(device.name) else 1500) for device in self.made if device.name in found]
        return max(sizes, default=1500)

    @property
    def layered(self) -> Network:
        """The same with the MTU of each layer at least that of what lies on it."""
        return replace(
            self,
            bonds=tuple(replace(each, mtu=self.mtu_of(each.name)) for each in self.bonds),
            vlans=tuple(replace(each, mtu=self.mtu_of(each.name)) for each in self.vlans),
        )

    @property
    def is_plain(self) -> bool:
        """Whether it is bridges on NICs, with no more than MTU, IPv4 address and gateway."""
        simple = [Bridge(each.name, each.port, each.mtu, each.address, each.gateway) for each in self.bridges]
        return not (self.bonds or self.vlans or self.absent) and simple == list(self.bridges)


@dataclass(frozen=True)
class Address:
    """An address of a link. `options` are those of `ip address add`; `lifetimes` (valid, preferred, in seconds) only
    where they end."""

    cidr: str
    options: tuple[str, ...] = ()
    dynamic: bool = False  # it has an end: a lease, or announced by a router
    lifetimes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Link:
    """A network link as the kernel has it. `options` are those of a bridge, a bond or a VLAN device, by the names that
    `ip link` has for them."""

    name: str
    kind: str
    mtu: int
    up: bool
    master: Optional[str]
    addresses: tuple[Address, ...] = ()
    parent: Optional[str] = None  # what a VLAN device lies on
    mac: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def ipv4(self) -> tuple[str, ...]:
        """Its IPv4 addresses in CIDR form."""
        return tuple(each.cidr for each in self.addresses if ":" not in each.cidr)

    @property
    def leased(self) -> tuple[str, ...]:
        """Those of them that a DHCP server gave for a time."""
        return tuple(each.cidr for each in self.addresses if ":" not in each.cidr and each.dynamic)


@dataclass(frozen=True)
class Route:
    """A route that did not come with an address. `words` are what `ip route add` takes, destination first."""

    version: int  # of IP: 4 or 6
    devices: tuple[str, ...]
    words: tuple[str, ...]
    gateway: Optional[str] = None
    main: bool = True  # whether it is in the table main
    unknown: tuple[str, ...] = ()  # parts of it that `words` do not say: it could not be set again

    @property
    def to(self) -> str:
        """Its destination, as `ip` says it."""
        return self.words[0]

    @property
    def table(self) -> str:
        """Its table, as `ip` says it."""
        return self.words[self.words.index("table") + 1] if "table" in self.words else "main"


@dataclass(frozen=True)
class OvsRow:
    """A bridge, port or interface in the database of Open vSwitch. `columns` are those that can be set, each with its
    value as ovs-vsctl takes it, without those that are empty; `rows` what is in it: ports of a bridge, interfaces of a
    port."""

    name: str
    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[OvsRow, ...] = ()

    def value(self, column: str) -> str:
        """The value of a column, "" where it is empty."""
        return dict(self.columns).get(column, "")

    def row(self, name: str) -> Optional[OvsRow]:
        """The port or interface of this name."""
        return next((each for each in self.rows if each.name == name), None)


@dataclass(frozen=True)
class State:
    """The links of a host, its routes, routing rules and bridges of Open vSwitch, as measured at one moment.

    A link in a bridge of Open vSwitch has that bridge as its master, and the bridge's own link is of the kind
    openvswitch: the kernel itself shows neither.
    """

    links: Mapping[str, Link]
    routes: tuple[Route, ...] = ()
    rules: tuple[RoutingRule, ...] = ()  # those that a RoutingRule can say
    switches: Mapping[str, OvsRow] = field(default_factory=dict)  # bridges of Open vSwitch

    @property
    def gateways(self) -> dict[str, str]:
        """Device -> gateway, of the IPv4 default routes."""
        defaults = [route for route in self.routes if route.main and route.version == 4 and route.words[0] == "default"]
        return {route.devices[0]: route.gateway for route in defaults if route.gateway}

    def touched(self, names: set[str]) -> set[str]:
        """These links, those that are ports of them, and what goes where one of them goes: VLAN devices on it."""
        above = {link.name for link in self.links.values() if link.parent in names and link.kind != "veth"}
        found = names | above | {link.name for link in self.links.values() if link.master in names}
        return found if found == names else self.touched(found)


@dataclass(frozen=True)
class Kept:
    """What is needed to put a change back, by the run that made it or by the host itself."""

    backend: str
    state: State  # before the change
    names: tuple[str, ...]  # links that the change touches
    files: tuple[FileState, ...]  # as they were; those that were not there are absent
    taken_down: tuple[str, ...]  # links whose DHCP clients are started again
    leased: tuple[str, ...]  # bridges that the change gives a DHCP client
    # Put back by the next boot alone: the database of Open vSwitch, of which its running daemon is told by commands.
    boot_files: tuple[FileState, ...] = ()
