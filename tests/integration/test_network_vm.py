# SPDX-License-Identifier: GPL-3.0-or-later
"""Bonds and VLANs on a kernel that has them: the role network_bridge on a host whose NICs lead to an LACP partner, over
the very connection that moves, with each back end. What cannot work is put back, a reboot keeps what can, and a guest
on the bridge keeps its connection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

import pytest
import yaml

from tests import uml_host
from tests.integration.playbooks import ROOT, Run, command, environment
from tests.uml_host import CONTROLLER, HOST, SWITCH, UmlHost

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(bool(uml_host.missing()), reason=uml_host.missing()),
]

LIMIT = 1200  # seconds for a play; the machine may be busy
ADDRESS = {"address": f"{HOST}/24", "gateway": SWITCH}
BOND = {"name": "bond0", "ports": ["eth0", "eth1"], "mode": "802.3ad", "lacp_rate": "fast", "hash_policy": "layer3+4"}
STORAGE = {"name": "cloudbr2", "port": "bond0.200", "mtu": 9000, "address": "10.88.2.11/24"}
UNTAGGED = {
    "bonds": [BOND],
    "vlans": [{"parent": "bond0", "id": 200}],
    "bridges": [{"name": "cloudbr0", "port": "bond0", **ADDRESS}, STORAGE],
}
NO_SUCH_GATEWAY = {**UNTAGGED, "bridges": [{**UNTAGGED["bridges"][0], "gateway": "10.88.0.99"}, STORAGE]}
OTHER_HASH = {**UNTAGGED, "bonds": [{**BOND, "hash_policy": "layer2+3", "lacp_rate": "slow"}]}
JUMBO = {**OTHER_HASH, "bridges": [{**UNTAGGED["bridges"][0], "mtu": 9000}, STORAGE]}


# How operators tag the VLAN device bond0.200; netplan has no words for 802.1ad, ifupdown takes the tag from the name.
OTHER_TAGS = {"netplan": ("802.1Q", 201), "networkmanager": ("802.1ad", 200), "networkd": ("802.1ad", 200)}
# Debian's NetworkManager has no plug-in for Open vSwitch, and networkd no words
SWITCHES = ("ifupdown", "netplan")
OVS = {"type": "openvswitch"}
OVS_BOND = {"name": "bond0", "ports": BOND["ports"], "mode": "balance-tcp", "lacp": "active", **OVS}
OVS_BRIDGE = {"name": "cloudbr0", "port": "bond0", **ADDRESS, **OVS}
SWITCHED = {"bonds": [OVS_BOND], "bridges": [OVS_BRIDGE]}
OTHER_BALANCE = {"bonds": [{**OVS_BOND, "mode": "balance-slb"}], "bridges": [{**OVS_BRIDGE, "mtu": 9000}]}


def tagged(vlan: int) -> dict[str, Any]:
    """Management on a VLAN, where it was on a VLAN device of one NIC; what is untagged is the guests'."""
    return {
        "bonds": [BOND],
        "vlans": [{"name": "eth0.100", "state": "absent"}, {"parent": "bond0", "id": vlan}],
        "bridges": [{"name": "cloudbr0", "port": f"bond0.{vlan}", **ADDRESS}, {"name": "cloudbr1", "port": "bond0"}],
    }


@dataclass(frozen=True)
class Kind:
    """A back end: its packages, its commands that change something, the files of a host whose address is on eth0, those
    of one whose address is on the VLAN device eth0.100, and those of two whose address is on the bond bond0: one of no
    mode, with the VLAN device bond0.200 of another tag where the back end has words for that, and one of active-backup
    that looks after its ports by ARP."""

    packages: Sequence[str]
    tools: Sequence[str]
    plain: Mapping[str, str]
    on_vlan: Mapping[str, str]
    no_mode: Mapping[str, str]
    backup: Mapping[str, str]
    folders: Sequence[str]
    mode: str = "644"


_LO = "auto lo\niface lo inet loopback\n\n"
_STATIC = f"    address {HOST}/24\n    gateway {SWITCH}\n"
_NM = "/etc/NetworkManager"
# Debian's udev rules keep veth devices from NetworkManager; eth1, which has no profile, it would ask DHCP for, and give
# up after some minutes, in the middle of a comparison.
_MANAGED = {
    f"{_NM}/conf.d/90-veth.conf": "[main]\nno-auto-default=*\n\n"
    "[device-veth]\nmatch-device=interface-name:eth*\nmanaged=1\n"
}
_NM_STATIC = f"[ipv4]\nmethod=manual\naddress1={HOST}/24,{SWITCH}\n\n[ipv6]\nmethod=disabled\n"
_NM_NONE = "[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=disabled\n"
_PROFILES = f"{_NM}/system-connections"


def _profile(name: str, kind: str, more: str, number: int) -> dict[str, str]:
    uuid = f"11111111-2222-4333-8444-55555555550{number}"
    head = f"[connection]\nid={name}\nuuid={uuid}\ntype={kind}\ninterface-name={name}\n\n"
    return {f"{_PROFILES}/{name}.nmconnection": head + more}


def _stanza_of_bond(options: Sequence[str]) -> dict[str, str]:
    lines = "".join(f"    bond-{each}\n" for each in ("slaves eth0 eth1", *options))
    return {"/etc/network/interfaces": f"{_LO}auto bond0\niface bond0 inet static\n{_STATIC}{lines}"}


def _definition_of_bond(parameters: str, more: str = "") -> dict[str, str]:
    text = "network:\n  version: 2\n  ethernets:\n    eth0: {}\n    eth1: {}\n  bonds:\n    bond0:\n"
    text += f"      interfaces: [eth0, eth1]\n      parameters: {{{parameters}}}\n"
    text += f"      addresses: [{HOST}/24]\n      routes: [{{to: default, via: {SWITCH}}}]\n"
    return {"/etc/netplan/10-cards.yaml": text + more}


def _profiles_of_bond(options: str) -> dict[str, str]:
    ports: dict[str, str] = {}
    for number, name in enumerate(BOND["ports"], 1):
        ((path, text),) = _profile(name, "ethernet", "[ethernet]\n", number).items()
        ports[path] = text.replace("\n\n[ethernet]", "\nmaster=bond0\nslave-type=bond\n\n[ethernet]")
    return {**_MANAGED, **ports, **_profile("bond0", "bond", f"[bond]\n{options}\n{_NM_STATIC}", 0)}


def _units_of_bond(options: str, first: str = "", vlan: str = "") -> dict[str, str]:
    folder, address = "/etc/systemd/network", f"Address={HOST}/24\nGateway={SWITCH}\n"
    return {
        f"{folder}/20-bond.netdev": f"[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\n{options}",
        f"{folder}/20-bond.network": f"[Match]\nName=bond0\n\n[Network]\n{address}{vlan}",
        f"{folder}/10-eth0.network": f"[Match]\nName=eth0\n\n[Network]\nBond=bond0\n{first}",
        f"{folder}/10-eth1.network": "[Match]\nName=eth1\n\n[Network]\nBond=bond0\n",
    }


KINDS = {
    "ifupdown": Kind(
        ["ifupdown", "bridge-utils", "vlan", "ifenslave"],
        ["ifup", "ifdown"],
        {"/etc/network/interfaces": f"{_LO}auto eth0\niface eth0 inet static\n{_STATIC}"},
        {
            "/etc/network/interfaces": f"{_LO}auto eth0\niface eth0 inet manual\n\n"
            f"auto eth0.100\niface eth0.100 inet static\n{_STATIC}"
        },
        _stanza_of_bond(["miimon 100"]),
        _stanza_of_bond(
            ["mode active-backup", "primary eth0", "arp-interval 200", f"arp-ip-target {SWITCH}"],
        ),
        ["/etc/network"],
    ),
    "netplan": Kind(
        ["netplan.io"],
        ["netplan", "networkctl"],
        {
            "/etc/netplan/10-cards.yaml": "network:\n  version: 2\n  ethernets:\n    eth0:\n"
            f"      addresses: [{HOST}/24]\n      routes: [{{to: default, via: {SWITCH}}}]\n"
        },
        {
            "/etc/netplan/10-cards.yaml": "network:\n  version: 2\n  ethernets:\n    eth0: {}\n"
            f"  vlans:\n    eth0.100:\n      id: 100\n      link: eth0\n      addresses: [{HOST}/24]\n"
            f"      routes: [{{to: default, via: {SWITCH}}}]\n"
        },
        _definition_of_bond("mii-monitor-interval: 100", "  vlans:\n    bond0.200: {id: 201, link: bond0}\n"),
        _definition_of_bond(
            f"mode: active-backup, primary: eth0, arp-interval: 200, arp-ip-targets: [{SWITCH}]",
        ),
        ["/etc/netplan", "/run/systemd/network"],
        "600",
    ),
    "networkmanager": Kind(
        ["network-manager"],
        ["nmcli"],
        {**_MANAGED, **_profile("eth0", "ethernet", _NM_STATIC, 0)},
        {
            **_MANAGED,
            **_profile("eth0", "ethernet", _NM_NONE, 0),
            **_profile("eth0.100", "vlan", f"[vlan]\nid=100\nparent=eth0\n\n{_NM_STATIC}", 1),
        },
        {
            **_profiles_of_bond("miimon=100\n"),
            **_profile("bond0.200", "vlan", f"[vlan]\nid=200\nparent=bond0\nprotocol=802.1ad\n\n{_NM_NONE}", 3),
        },
        _profiles_of_bond(f"mode=active-backup\nprimary=eth0\narp_interval=200\narp_ip_target={SWITCH}\n"),
        [_PROFILES],
        "600",
    ),
    "networkd": Kind(
        [],
        ["networkctl"],
        {
            "/etc/systemd/network/10-management.network": "[Match]\nName=eth0\n\n"
            f"[Network]\nAddress={HOST}/24\nGateway={SWITCH}\n"
        },
        {
            "/etc/systemd/network/10-eth0.network": "[Match]\nName=eth0\n\n[Network]\nVLAN=eth0.100\n",
            "/etc/systemd/network/20-vlan.netdev": "[NetDev]\nName=eth0.100\nKind=vlan\n\n[VLAN]\nId=100\n",
            "/etc/systemd/network/20-vlan.network": "[Match]\nName=eth0.100\n\n"
            f"[Network]\nAddress={HOST}/24\nGateway={SWITCH}\n",
        },
        {
            **_units_of_bond("MIIMonitorSec=100ms\n", vlan="VLAN=bond0.200\n"),
            "/etc/systemd/network/30-vlan.netdev": "[NetDev]\nName=bond0.200\nKind=vlan\n\n"
            "[VLAN]\nId=200\nProtocol=802.1ad\n",
        },
        _units_of_bond(f"Mode=active-backup\nARPIntervalSec=200ms\nARPIPTargets={SWITCH}\n", "PrimarySlave=yes\n"),
        ["/etc/systemd/network"],
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def machine(request: pytest.FixtureRequest) -> Iterator[UmlHost]:
    kind = KINDS[request.param]
    with uml_host.machine_of(request.param, kind.packages, kind.tools) as host:
        yield host


@pytest.fixture(scope="module", params=SWITCHES)
def switch(request: pytest.FixtureRequest) -> Iterator[UmlHost]:
    kind = KINDS[request.param]
    packages = [*kind.packages, "openvswitch-switch"]
    with uml_host.machine_of(request.param, packages, kind.tools) as host:
        yield host


def declare(host: UmlHost, config: Any, arguments: Sequence[str] = (), **variables: Any) -> Run:
    """The role, as an operator runs it, with these arguments of ansible-playbook."""
    role = {"roles": ["cloudstack.kvm.network_bridge"]}
    return play(host, role, {"network_bridge_config": config, **variables}, arguments)


def play(host: UmlHost, what: Mapping[str, Any], variables: Mapping[str, Any], arguments: Sequence[str] = ()) -> Run:
    """One play, from the controller."""
    login = {
        "ansible_host": HOST,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(host.login),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={host.folder}/known_hosts -o ConnectTimeout=10",
        "ansible_python_interpreter": "/usr/bin/python3",
        "network_bridge_rollback_timeout": 60,
    }
    inventory, book = host.folder / "hosts.yml", host.folder / "book.yml"
    inventory.write_text(yaml.safe_dump({"kvm_hosts": {"hosts": {"umlhost": {**login, **variables}}}}))
    book.write_text(yaml.safe_dump([{"hosts": "kvm_hosts", "gather_facts": False, **what}]))
    line = command(str(book), inventory, {}, tuple(arguments))
    # Logins that live on are found by address, and other machines of this one have the same
    env = environment({"ANSIBLE_SSH_CONTROL_PATH_DIR": str(host.folder / "cp")})
    done = host.spaces.run(host.name, line, cwd=ROOT, env=env, timeout=LIMIT, check=False)
    return Run(done.returncode, done.stdout + done.stderr)


def snapshot(host: UmlHost) -> tuple[Any, Any, str]:
    return host.links(), bond_options(host), host.files(*KINDS[host.backend].folders)


def bond_options(host: UmlHost) -> dict[str, Any]:
    """Bond -> all that it was made with, as the kernel tells it, without what LACP and the links make of that."""
    shown = json.loads(host.sh("ip -j -d link show type bond"))
    passing = ("ad_info", "active_slave")
    found = {each["ifname"]: each["linkinfo"]["info_data"] for each in shown if "ifname" in each}
    return {name: {key: data[key] for key in data if key not in passing} for name, data in found.items()}


def lasting(found: dict[str, Any]) -> dict[str, Any]:
    """What a reboot keeps. A bond has the MAC of the port that was first, or one that udev makes up; NetworkManager's
    metrics follow the order in which it activates devices; a declaration says nothing of either."""
    shown = {name: {**link, "address": None} for name, link in found["links"].items()}
    return {**found, "links": shown, "routes": sorted(re.sub(r" metric \d+", "", line) for line in found["routes"])}


def require_kept(host: UmlHost, config: Mapping[str, Any]) -> None:
    """A second run changes nothing, also after a reboot, which changes nothing either."""
    links = lasting(host.links())
    again = host.bridge(config)
    assert (again.get("msg"), again["changed"], again["diff"]) == (None, False, [])
    host.reboot()
    assert lasting(host.links()) == links
    again = host.bridge(config)
    assert (again.get("msg"), again["changed"], again["diff"]) == (None, False, [])


def require_put_back(host: UmlHost, config: Mapping[str, Any], reason: str, **options: Any) -> None:
    before = snapshot(host)
    result = host.bridge(config, rollback_timeout=5, **options)
    assert result.get("failed"), result
    assert f"{reason}; the network was put back as it was" in result["msg"]
    assert snapshot(host) == before


def fall_back(host: UmlHost) -> None:
    """Without LACP the switch uses one of the two ports: that of eth0, as long as the other one is up later. Which one
    it is then is the switch's to choose, now and then the other; so until it is."""
    host.sh(f"""
for _round in 1 2 3 4 5; do
  ip -n switch link set port1 down
  for _try in $(seq 60); do ping -q -c 1 -W 1 {CONTROLLER} >/dev/null && break; done
  ip -n switch link set port1 up
  ping -q -c 3 -W 5 {CONTROLLER} && exit
done
echo "no answer: $(ip -n switch -br link | grep port), $(ip -br address)" >&2
exit 1""")


def require_lacp(host: UmlHost) -> None:
    """Both NICs are in one aggregator, and the partner is the switch."""
    told = host.sh("cat /proc/net/bonding/bond0")
    mac = json.loads(host.sh("ip -n switch -j link show lag"))[0]["address"]
    assert "IEEE 802.3ad" in told
    assert "Number of ports: 2" in told, told
    assert f"Partner Mac Address: {mac}" in told, told


GUEST = "10.88.0.50"
_GONE = "timeout 30 sh -c 'while ip link show vnet0 >/dev/null 2>&1; do sleep 0.1; done'"  # a namespace ends later
# A guest on cloudbr0, with a connection to the switch on which it sends a number ten times a second.
_CONNECTION = f"""
ip netns add guest
ip link add vnet0 type veth peer name inside netns guest
ip link set vnet0 up
if ovs-vsctl br-exists cloudbr0 2>/dev/null; then
  ovs-vsctl add-port cloudbr0 vnet0
else
  ip link set vnet0 master cloudbr0
fi
ip -n guest address add {GUEST}/24 dev inside
ip -n guest link set inside up
systemd-run -q --unit=sink -p NetworkNamespacePath=/run/netns/switch python3 -c '
import socket
server = socket.create_server(("{SWITCH}", 7777))
one, _ = server.accept()
for line in one.makefile():
    one.sendall(line.encode())
'
systemd-run -q --unit=guest -p NetworkNamespacePath=/run/netns/guest python3 -c '
import os, socket, time
for _try in range(100):
    try:
        wire = socket.create_connection(("{SWITCH}", 7777), timeout=600)
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
lines = wire.makefile()
number = 0
while True:
    number += 1
    wire.sendall(f"{{number}}\\n".encode())
    assert lines.readline() == f"{{number}}\\n"
    open("/run/echoing", "w").write(str(number))
    os.replace("/run/echoing", "/run/echoed")  # a reader sees a whole number
    time.sleep(0.1)
'
until=$(($(date +%s) + 60))
while [ ! -s /run/echoed ] && [ $(date +%s) -lt $until ]; do sleep 0.2; done
"""
_STILL = """
from=$(cat /run/echoed)
until=$(($(date +%s) + 120))
while [ "$(cat /run/echoed)" = "$from" ] && [ $(date +%s) -lt $until ]; do sleep 0.2; done
systemctl is-active guest sink
echo $(($(cat /run/echoed) - from))
"""


def require_connected(host: UmlHost) -> None:
    active, also, more = host.sh(_STILL).split()
    assert (active, also) == ("active", "active")
    assert int(more) > 0


def require_done(result: Mapping[str, Any]) -> None:
    assert not result.get("failed"), result["msg"]
    assert result["changed"]


def test_a_nic_becomes_a_bond_with_vlans_under_bridges_and_guests_stay_connected(machine):
    """First what cannot work, then over the connection that moves; then the bond is made anew under a guest, and its
    bridge gets jumbo frames."""
    kind = KINDS[machine.backend]
    machine.install(kind.plain, kind.mode)
    require_put_back(machine, NO_SUCH_GATEWAY, "the gateway of cloudbr0 does not answer")
    fall_back(machine)
    run = declare(machine, UNTAGGED)
    assert (run.code, list(run.changed)) == (0, ["umlhost"]), run.output
    require_lacp(machine)
    machine.sh("ping -q -c 1 -W 5 -M do -s 8972 10.88.2.1")

    machine.sh(_CONNECTION)
    require_connected(machine)
    refused = machine.bridge(OTHER_HASH)
    assert "guests are connected to a bridge that would be taken down" in refused["msg"]
    for config in (OTHER_HASH, JUMBO):
        require_done(machine.bridge(config, allow_guest_disruption=True))
        require_lacp(machine)
        require_connected(machine)
    lost = {**JUMBO, "bonds": NO_SUCH_GATEWAY["bonds"], "bridges": NO_SUCH_GATEWAY["bridges"]}
    require_put_back(machine, lost, "the gateway of cloudbr0 does not answer", allow_guest_disruption=True)
    require_connected(machine)
    machine.sh("systemctl stop guest sink || true; ip netns delete guest; " + _GONE)  # one may end with the other
    require_kept(machine, JUMBO)
    require_lacp(machine)


def test_management_moves_to_a_vlan_on_a_bond(machine):
    kind = KINDS[machine.backend]
    machine.install(kind.on_vlan, kind.mode, management=100)
    lost = f"{CONTROLLER}, where Ansible comes from, could not be reached over the new network"
    require_put_back(machine, tagged(300), lost)
    fall_back(machine)
    run = declare(machine, tagged(100))
    assert (run.code, list(run.changed)) == (0, ["umlhost"]), run.output
    require_lacp(machine)
    assert "eth0.100" not in machine.links()["links"]
    require_kept(machine, tagged(100))


def tag(host: UmlHost) -> tuple[str | None, int | None]:
    """Protocol and VLAN of bond0.200, where it is."""
    found = host.links()["layers"].get("bond0.200", {})
    return found.get("protocol"), found.get("id")


def require_same_after_boot(host: UmlHost, boot: Callable[[], None]) -> None:
    folders = KINDS[host.backend].folders
    before = lasting(host.links()), bond_options(host), host.files(*folders)
    boot()
    assert (lasting(host.links()), bond_options(host), host.files(*folders)) == before


def test_the_power_is_cut_before_a_bond_of_the_default_mode_becomes_802_3ad(machine):
    """The operator's files say no mode, which is balance-rr; the declaration does not have that one, and another VLAN
    tag."""
    kind = KINDS[machine.backend]
    machine.install(kind.no_mode, kind.mode)
    assert machine.links()["layers"]["bond0"]["mode"] == "balance-rr"
    assert tag(machine) == OTHER_TAGS.get(machine.backend, (None, None))

    def fail() -> None:
        assert machine.bridge(UNTAGGED, keep=False)["waits"]
        machine.cut_power()
        machine.start()

    require_same_after_boot(machine, fail)
    require_put_back(machine, NO_SUCH_GATEWAY, "the gateway of cloudbr0 does not answer")
    require_done(machine.bridge(UNTAGGED))
    require_lacp(machine)
    assert tag(machine) == ("802.1Q", 200)


def test_a_bond_of_active_backup_becomes_802_3ad(machine):
    """It has a primary port and looks for ARP answers, which 802.3ad has no use for."""
    kind = KINDS[machine.backend]
    machine.install(kind.backup, kind.mode)
    fall_back(machine)
    bond = bond_options(machine)["bond0"]
    assert (bond["mode"], bond["primary"], bond["arp_ip_target"]) == ("active-backup", "eth0", [SWITCH])
    require_put_back(machine, NO_SUCH_GATEWAY, "the gateway of cloudbr0 does not answer")
    require_same_after_boot(machine, machine.reboot)
    fall_back(machine)
    require_done(machine.bridge(UNTAGGED))
    require_lacp(machine)


def require_switched(host: UmlHost, mode: str) -> None:
    """The kernel's own datapath, and a bond that speaks LACP with the switch."""
    assert host.sh("ovs-vsctl get bridge cloudbr0 datapath_type").strip() in ('""', "system")
    assert host.sh("ovs-vsctl get port bond0 bond_mode").strip() == mode
    negotiated = "until ovs-appctl lacp/show bond0 | grep -q 'status: active negotiated'; do sleep 0.2; done"
    host.sh(f'timeout 60 sh -c "{negotiated}"')
    assert host.sh("ovs-appctl lacp/show bond0").count("current attached") == 2


def test_a_nic_becomes_a_bond_under_a_bridge_of_open_vswitch_and_guests_stay_connected(switch):
    kind = KINDS[switch.backend]
    switch.install(kind.plain, kind.mode)
    lost = {**SWITCHED, "bridges": [{**OVS_BRIDGE, "gateway": "10.88.0.99"}]}
    require_put_back(switch, lost, "the gateway of cloudbr0 does not answer")
    fall_back(switch)
    run = declare(switch, SWITCHED)
    assert (run.code, list(run.changed)) == (0, ["umlhost"]), run.output
    require_switched(switch, "balance-tcp")

    switch.sh(_CONNECTION)
    require_connected(switch)
    require_done(switch.bridge(OTHER_BALANCE, allow_guest_disruption=True))
    require_switched(switch, "balance-slb")
    require_connected(switch)
    switch.sh(f"ping -q -c 1 -W 5 {CONTROLLER}")
    switch.sh(f"systemctl stop guest sink || true; ovs-vsctl del-port vnet0; ip netns delete guest; {_GONE}")
    for _boot in (1, 2):
        again = switch.bridge(OTHER_BALANCE)
        assert (again.get("msg"), again["changed"], again["diff"]) == (None, False, [])
        switch.reboot()  # Debian's script for ifupdown gives the bond a link of its own then (--fake-iface)
        require_switched(switch, "balance-slb")
        switch.sh(f"ping -q -c 1 -W 5 {CONTROLLER}")
