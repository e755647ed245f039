# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that are declared wrongly, hosts that cannot carry a change out, and whoever is killed meanwhile: one table
for all back ends. The variants are made by numbers with a seed: the same in every run.

The host has eth0 with 10.88.0.11 and eth1 on one switch, eth9 on another wire. The switch has 10.88.0.1, where the
login comes from, and 10.88.0.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.integration.test_bridge_backends import KINDS, Kind

ADDRESS = "10.88.0.11"
MANAGEMENT = {"name": "cloudbr0", "port": "eth0", "address": f"{ADDRESS}/24", "gateway": "10.88.0.1"}
GUEST = {"name": "cloudbr1", "port": "eth1"}
IFUPDOWN = Kind(
    ["bridge-utils"],
    ["ifup", "ifdown"],
    {
        "/etc/network/interfaces": f"""source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# management
auto eth0
iface eth0 inet static
    address {ADDRESS}/24
    gateway 10.88.0.1

# unrelated
auto eth9
iface eth9 inet static
    address 192.0.2.9/24
"""
    },
    ["/etc/network", "/run/network"],
    "systemctl enable -q networking.service",
    "644",
)
HOSTS: Mapping[str, Kind] = {"ifupdown": IFUPDOWN, **KINDS}
PLAIN, BRIDGED = "a card with an address", "a bridge that is there"
NOT_CONFIRMED = "the change of the network was not confirmed in time"
NOT_AS_DECLARED = "the network is not as declared after the change"
NOT_REACHED = "could not be reached over the new network"
# What the host's daemon is called, "" where the back end has none.
DAEMONS = {
    "ifupdown": "",
    "netplan": "systemd-networkd",
    "networkd": "systemd-networkd",
    "networkmanager": "NetworkManager",
}
FOLDERS = {
    "ifupdown": "/etc/network",
    "netplan": "/etc/netplan",
    "networkd": "/etc/systemd/network",
    "networkmanager": "/etc/NetworkManager/system-connections",
}


@dataclass(frozen=True)
class Row:
    """One broken configuration. `says` are parts one of which the message has to have; none where nothing is wrong
    after all, and nothing may change. `stage` and `undo` are scripts before and after; `hook` is what happens at the
    command number `at` that changes something, `again` a second run meanwhile."""

    kind: str
    declared: Sequence[Mapping[str, Any]]
    says: Sequence[str]
    stage: str = ""
    undo: str = ""
    hook: str = ""
    at: int = 0
    host: str = PLAIN
    again: bool = False
    skipped: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def rows(backend: str) -> list[Row]:
    """All of a back end, in the order in which they are tried."""
    makers: Sequence[Callable[[str], list[Row]]] = (
        _ports,
        _addresses,
        _gateways,
        _sizes,
        _layers,
        _files,
        _disks,
        _tools,
        _killed,
        _surroundings,
        _on_a_bridge,
    )
    return [row for maker in makers for row in maker(backend)]


def one_of_each_kind() -> dict[str, list[Row]]:
    """Each kind once: with ifupdown, which has most, and what it cannot have with networkd, for which nothing has to be
    installed."""
    seen: set[str] = set()
    found: dict[str, list[Row]] = {}
    for backend in ("ifupdown", "networkd"):
        possible = [row for row in rows(backend) if not row.skipped and row.kind not in seen]
        found[backend] = list({row.kind: row for row in reversed(possible)}.values())[::-1]
        seen |= {row.kind for row in possible}
    return found


def _numbers(kind: str, count: int, first: int, last: int) -> list[int]:
    return Random(kind).sample(range(first, last), count)


def _management(**changes: Any) -> list[Mapping[str, Any]]:
    return [{**MANAGEMENT, **changes}]


def _ports(_backend: str) -> list[Row]:
    kind, names = "wrong port", [f"eth{number}" for number in _numbers("port", 1, 20, 90)]
    found = [Row(f"{kind}: not there", _management(port=name), ["does not exist"]) for name in names]
    found.append(Row(f"{kind}: not there", [MANAGEMENT, {**GUEST, "port": "enp9s0"}], ["does not exist"]))
    another = _management(port="eth1")
    found.append(Row(f"{kind}: another card", another, ["stands on eth0, which is not its port"]))
    elsewhere = [{**GUEST, "port": "eth9", "address": "10.88.0.12/24", "gateway": "10.88.0.1"}]
    found.append(Row(f"{kind}: on another wire", elsewhere, ["the gateway of cloudbr1 does not answer", "`ifup "]))
    found.append(Row(f"{kind}: too long", [{**GUEST, "port": "ethernet10"}], ["is too long for VLAN networks"]))
    found.append(Row(f"{kind}: not physical", [{**GUEST, "port": "lan0"}], ["would not count as physical"]))
    found.append(Row("wrong name", [{**GUEST, "name": "a-bridge-too-long"}], ["a bridge name is not usable"]))
    return found


def _addresses(_backend: str) -> list[Row]:
    found = []
    for number in _numbers("subnet", 2, 100, 250):
        declared = _management(address=f"10.{number}.0.11/24", gateway=f"10.{number}.0.1" if number % 2 else "")
        found.append(Row("wrong address: another subnet", declared, [NOT_REACHED]))
    controller = _management(address="10.88.0.1/24", gateway="10.88.0.2")
    found.append(Row("wrong address: the controller's", controller, ["the one that Ansible comes from"]))
    for number in _numbers("host", 1, 100, 150):
        change = f"address {{}} 10.88.0.{number}/24 dev br0"
        stage, undo = (f"ip -n switch {change.format(verb)}" for verb in ("add", "delete"))
        declared = _management(address=f"10.88.0.{number}/24")
        found.append(Row("duplicate address", declared, ["is in use by another machine"], stage, undo))
    for number in _numbers("typo", 1, 150, 200):
        declared = _management(address=f"10.88.0.{number}/24")
        found.append(Row("wrong address: nobody logs in there", declared, [NOT_CONFIRMED]))
    for length in (30, 32):
        declared = _management(address=f"{ADDRESS}/{length}", gateway="")
        found.append(Row("wrong prefix length", declared, [NOT_REACHED]))
    found.append(Row("wrong prefix length", _management(address=f"{ADDRESS}/29"), ["do not fit"]))
    for text in ("10.88.0.300/24", ADDRESS):
        found.append(Row("no address", _management(address=text), ["is not usable", "do not fit"]))
    return found


def _gateways(_backend: str) -> list[Row]:
    silent = ["the gateway of cloudbr0 does not answer"]
    found = [
        Row("wrong gateway: silent", _management(gateway=f"10.88.0.{number}"), silent)
        for number in _numbers("gateway", 1, 200, 250)
    ]
    for number in _numbers("outside", 1, 89, 250):
        found.append(Row("wrong gateway: outside", _management(gateway=f"10.{number}.0.1"), ["do not fit"]))
    own = _management(gateway=ADDRESS)
    found.append(Row("wrong gateway: the host itself", own, ["is its own address"]))
    alone = _management(address="")
    found.append(Row("wrong gateway: without an address", alone, ["has a gateway but no static address"]))
    two = [MANAGEMENT, {**GUEST, "address": "10.88.2.11/24", "gateway": "10.88.2.1"}]
    found.append(Row("wrong gateway: two", two, ["more than one bridge has a gateway"]))
    return found


def _sizes(_backend: str) -> list[Row]:
    found = [
        Row("wrong MTU", [MANAGEMENT, {**GUEST, "mtu": mtu}], ["the MTU of cloudbr1 is not valid"]) for mtu in (70000,)
    ]
    # The card below has 1500, of which VXLAN needs 50.
    stage = "ip link add vx9 address 02:00:00:00:00:99 type vxlan id 9 dev eth1 dstport 4789; ip link set vx9 up"
    declared = [{**GUEST, "port": "vx9", "mtu": 9000}]
    says = ["vx9", "`ifup --force", "`nmcli "]
    return [*found, Row("MTU too large for the link", declared, says, stage, "ip link delete vx9")]


def _layers(_backend: str) -> list[Row]:
    twice = ["is declared twice"]
    found = [
        Row("declared twice", [MANAGEMENT, {**GUEST, "port": "eth0"}], twice),
        Row("wrong name", [{**GUEST, "name": "eth9"}], ["exists and is not a bridge"]),
    ]
    for name in ("br7",):
        stage = f"ip link add {name} up type bridge; ip link set eth1 up master {name}"
        undo = f"ip link delete {name}"
        declared = [MANAGEMENT, GUEST]
        found.append(Row("port already in a bridge", declared, [f"belongs to {name} already"], stage, undo))
    stage, undo = "ip link add ethbr7 up type bridge", "ip link delete ethbr7"
    declared = [{**GUEST, "port": "ethbr7"}]
    found.append(Row("loop: a bridge in a bridge", declared, ["is a bridge itself"], stage, undo))
    found.append(Row("loop: a bridge in itself", [{**GUEST, "port": "cloudbr1"}], ["would not count as physical"]))
    links = {
        "wrong VLAN": "ip link add link eth1 name vlan7 type vlan id {}",
        "wrong VXLAN": "ip link add vlan7 type vxlan id {} dev eth1 dstport 4789 group 239.1.1.7",
    }
    declared = [{**GUEST, "port": "vlan7", "mtu": 1400, "address": "10.88.0.12/24", "gateway": "10.88.0.1"}]
    says = ["the gateway of cloudbr1 does not answer", "`ifup --force", "`nmcli "]
    for kind, link in links.items():
        stage = f"{link.format(_numbers(kind, 1, 100, 4000)[0])}; ip link set vlan7 up"
        found.append(Row(kind, declared, says, stage, "ip link delete vlan7"))
    return found


_SPOIL = {
    "ifupdown": ("/etc/network/interfaces", "    adress"),
    "netplan": ("/etc/netplan/10-cards.yaml", "      adresses: [10.88.0.12/24"),
    "networkd": ("/etc/systemd/network/10-management.network", "[Network\\nAdress"),
    "networkmanager": ("/etc/NetworkManager/system-connections/management.nmconnection", "[ipv4\\nmethod"),
}
_UNRELATED = {
    "ifupdown": ("/etc/network/interfaces", "auto eth7\\niface eth7 inet statik"),
    "netplan": ("/etc/netplan/20-other.yaml", "network: {ethernets: {eth7: {addresses: [192.0.2.300/24]}}}"),
    "networkd": ("/etc/systemd/network/30-other.network", "[Match]\\nName=eth7\\n[Network]\\nAddress=192.0.2.300/24"),
    "networkmanager": (
        "/etc/NetworkManager/system-connections/other.nmconnection",
        "[connection]\\nid=other\\ntype=ethernet\\ninterface-name=eth7\\n[ipv4]\\nmethod=manual\\naddress1=192.0.2.300",
    ),
}
# What says that eth0 is in something else, or what a bridge does not keep.
_LOST = {
    "ifupdown": ("/etc/network/interfaces", "iface eth0 inet6 static\\n    address 2001:db8::11/64", "inet6 static"),
    "netplan": ("/etc/netplan/20-bond.yaml", "network: {bonds: {bond0: {interfaces: [eth0]}}}", "netplan has eth0"),
    "networkd": (
        "/etc/systemd/network/05-bond.network",
        "[Match]\\nName=eth0\\n[Network]\\nBond=bond0",
        "networkd has eth0",
    ),
    "networkmanager": (
        "/etc/NetworkManager/system-connections/second.nmconnection",
        "[connection]\\nid=second\\ntype=ethernet\\ninterface-name=eth0",
        "more than one profile",
    ),
}
_ACCEPTS = {"ifupdown": "ifupdown does not accept", "netplan": "netplan does not accept", "networkd": NOT_CONFIRMED}
_CLOUD = {
    "ifupdown": "/etc/network/interfaces.d/50-cloud-init",
    "netplan": "/etc/netplan/50-cloud-init.yaml",
    "networkd": "/etc/systemd/network/10-cloud-init-eth0.network",
    "networkmanager": "/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection",
}


def _append(path: str, text: str, mode: str) -> tuple[str, str]:
    """Scripts that add lines to a file, and that make it as it was."""
    keep = f"rm -f /root/kept; [ ! -e {path} ] || cp -a {path} /root/kept"
    stage = f"{keep}; printf '{text}\\n' >>{path}; chmod {mode} {path}"
    return stage, f"rm -f {path}; [ ! -e /root/kept ] || mv /root/kept {path}"


def _files(backend: str) -> list[Row]:
    refused = _ACCEPTS.get(backend, "NetworkManager does not accept")
    # networkd leaves out what it does not understand, NetworkManager the profile
    unrelated = refused if backend in ("ifupdown", "netplan") else NOT_CONFIRMED
    path, text, lost = _LOST[backend]
    mode = HOSTS[backend].mode
    found = [
        Row(
            "syntax error in the file",
            _management(),
            [refused, f"cannot read {_SPOIL[backend][0]}"],
            *_append(*_SPOIL[backend], mode),
        ),
        Row("unrelated wrong stanza", _management(), [unrelated], *_append(*_UNRELATED[backend], mode)),
        Row("a file says more of the port", _management(), [lost], *_append(path, text, mode)),
    ]
    plain, cloud = next(iter(HOSTS[backend].files)), _CLOUD[backend]
    if backend == "networkmanager":
        plain = _SPOIL[backend][0]
    stage = f"mkdir -p /etc/cloud; echo 'datasource_list: [None]' >/etc/cloud/cloud.cfg; mv {plain} {cloud}"
    if backend == "ifupdown":
        stage += f"; echo 'source /etc/network/interfaces.d/*' >{plain}"
    undo = f"mv {cloud} {plain}; rm -r /etc/cloud"
    says = ["would write that file again", "50-cloud-init configures eth0"]
    return [*found, Row("cloud-init writes the file", _management(), says, stage, undo)]


def _disks(backend: str) -> list[Row]:
    places = {
        "the back end's files": FOLDERS[backend],
        "what the rollback needs": "/var/lib/cloudstack-kvm",
        "systemd's units": "/etc/systemd/system",
    }
    found = []
    for name, path in places.items():
        locked = f"mkdir -p {path}; mount --bind {path} {path}; mount -o remount,bind,ro {path}"
        undo = f"umount {path}"
        found.append(Row(f"read-only: {name}", _management(), ["Read-only file system"], locked, undo))
    for name, path in list(places.items())[:2]:
        full = f"""mkdir -p {path}
mount -t tmpfs -o size=256k,mode=755 tmpfs /mnt
cp -a {path}/. /mnt
mount --bind /mnt {path}
dd if=/dev/zero of={path}/.filler bs=1k count=400 2>/dev/null || true"""
        undo = f"umount {path}; umount /mnt"
        found.append(Row(f"disk full: {name}", _management(), ["No space left on device"], full, undo))
    return found


# What goes with a tool: netplan's generator is called by itself.
WITH_TOOL = {"netplan": "/usr/libexec/netplan/generate /usr/lib/netplan/generate"}
# netplan is asked twice before anything is touched.
ASKED = {"netplan": 2}
# A daemon that starts again takes away what no file says, also from links that the change does not touch.
BY_HAND = [f"ip address {verb} 192.0.2.99/24 dev eth9" for verb in ("delete", "add")]
FAILS, HALF = "echo 'made to fail' >&2; exit 1", '(real "$@"); echo "made to fail" >&2; exit 1'
BROKEN = f"touch /run/broken; {FAILS}"


def _tools(backend: str) -> list[Row]:
    """Whichever command fails, it is put back, or done all the same."""
    tools = [tool for tool in HOSTS[backend].tools if tool != "ifdown"]
    found = []
    for tool in tools:
        paths = f"$(readlink -f /usr/sbin/{tool} /usr/bin/{tool} | grep -v /opt) {WITH_TOOL.get(tool, '')}"
        away = f"for each in {paths} /opt/shims/{tool}; do [ ! -e $each ] || mv $each $each.away; done"
        back = f"for each in {paths} /opt/shims/{tool}; do [ ! -e $each.away ] || mv $each.away $each; done"
        # The daemon is started again where its tool is not there.
        stage, undo = f"{BY_HAND[0]}; {away}", f"{back}; {BY_HAND[1]}"
        says = [f"{tool} is not installed", f"`{tool}"]
        found.append(Row("the back end's tool is missing", _management(), says, stage, undo))
    says = ["made to fail", "broken", NOT_AS_DECLARED, NOT_REACHED, NOT_CONFIRMED]
    declared = [{**MANAGEMENT, "mtu": 9000}, {**GUEST, "address": "10.88.2.11/24"}]
    for how, hook, numbers in (("does nothing", FAILS, (1, 3)), ("does its work", HALF, (2,))):
        for number in numbers:
            kind = f"command {number} fails, and {how}"
            found.append(Row(kind, declared, says, hook=hook, at=number))
    for number in (1, 4):
        kind = f"command {number} fails, and each after it"
        found.append(Row(kind, declared, says, *BY_HAND, hook=BROKEN, at=number))
    return found


def _killed(backend: str) -> list[Row]:
    found = []
    unit, lost = DAEMONS[backend], "ifupdown has no daemon" if not DAEMONS[backend] else ""
    says = ["`", NOT_AS_DECLARED, NOT_REACHED, NOT_CONFIRMED]
    first = ASKED.get(backend, 0)
    for number in (first + 1, first + 2):
        hook = f"systemctl kill -s KILL {unit}.service"
        kind = "the back end's daemon is killed"
        found.append(Row(kind, _management(), says, *BY_HAND, hook=hook, at=number, skipped=lost))
    for number in (first + 1, first + 3):
        hook = "kill -KILL $PPID; exit 1"
        found.append(Row("the module is killed", _management(mtu=9000), [NOT_CONFIRMED], hook=hook, at=number))
    for declared in (_management(), [MANAGEMENT, GUEST]):
        found.append(Row("the controller is killed before it confirms", declared, [NOT_CONFIRMED]))
    earlier = ["an earlier change of the network was not confirmed"]
    kind, longer = "a second run before the first is confirmed", {"rollback_timeout": 20}
    found.append(Row(kind, _management(), earlier, again=True, options=longer))
    return found


def _surroundings(backend: str) -> list[Row]:
    silent = "nsenter --net=/run/netns/switch sh -c 'echo {} >/proc/sys/net/ipv4/icmp_echo_ignore_all'"
    found = [
        Row(
            "the controller does not answer ping",
            _management(),
            ["does not answer ping"],
            silent.format(1),
            silent.format(0),
        )
    ]
    lease = "ip address add 10.88.0.50/24 dev eth0 valid_lft 3600 preferred_lft 1800"
    undo = "ip address delete 10.88.0.50/24 dev eth0"
    found.append(Row("the port has a lease", _management(), ["from a DHCP server"], lease, undo))
    if backend == "ifupdown":
        path, text = "/etc/systemd/network/10-eth0.network", "[Match]\\nName=eth0\\n[Link]\\nUnmanaged=yes"
        before, after = "systemctl start systemd-networkd", "systemctl stop -q systemd-networkd.socket systemd-networkd"
    else:
        path, text, before, after = "/etc/network/interfaces", "iface eth0 inet manual", ":", ":"
    stage, undo = _append(path, text, "644")
    stage, undo = f"mkdir -p $(dirname {path}); {stage}; {before}", f"{after}; {undo}"
    found.append(Row("two back ends have the port", _management(), ["configures eth0 too"], stage, undo))
    return found


def _on_a_bridge(backend: str) -> list[Row]:
    """The host has cloudbr0 as MANAGEMENT says it, confirmed."""
    # udev gives a link whose hardware address was not chosen another one, some time later
    macs = "ip link add vnet0 address 02:00:00:00:00:20 type veth peer name tap0 address 02:00:00:00:00:21"
    tap = f"{macs}; ip link set vnet0 master cloudbr0 up"
    moved = _management(address="10.88.0.222/24")
    taken_down = ["would be taken down, and with it what lies on it"]
    vlan = "ip link add link cloudbr0 name cloudbr0.9 type vlan id 9"
    second = 2 + ASKED.get(backend, 0)
    elsewhere = [NOT_REACHED, "would have eth9 beside it", "`ifup --force"]
    mask = _management(address=f"{ADDRESS}/255.255.255.0")
    found = [
        Row("address in netmask form", mask, []),
        Row("guests on the bridge", moved, ["guests are connected"], tap, "ip link delete vnet0"),
        Row("a VLAN lies on the bridge", moved, taken_down, vlan, "ip link delete cloudbr0.9"),
        Row("wrong gateway: silent", _management(gateway="10.88.0.251"), ["the gateway of cloudbr0 does not answer"]),
        Row("wrong address: another subnet", _management(address="10.99.0.11/24", gateway=""), [NOT_REACHED]),
        Row("duplicate address", _management(address="10.88.0.2/24"), ["is in use by another machine"]),
        Row("wrong address: nobody logs in there", moved, [NOT_CONFIRMED]),
        Row("wrong port: on another wire", _management(port="eth9"), elsewhere),
        Row("command 1 fails, and each after it", moved, ["`", NOT_AS_DECLARED], *BY_HAND, hook=BROKEN, at=second - 1),
        Row("the module is killed", moved, [NOT_CONFIRMED], hook="kill -KILL $PPID; exit 1", at=second),
        Row("the controller is killed before it confirms", _management(mtu=9000), [NOT_CONFIRMED]),
    ]
    return [Row(**{**vars(row), "host": BRIDGED}) for row in found]
