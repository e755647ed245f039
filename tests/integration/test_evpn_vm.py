# SPDX-License-Identifier: GPL-3.0-or-later
"""VXLAN over EVPN against BGP neighbours that run: the role network_bridge on a host with a kernel of its own, whose
eth1 leads to a leaf switch, and whose management network has a neighbour by address. Behind the leaf is a second host
with what the role renders for it. Guests on both are in one network of CloudStack's, and reach each other by tunnels.

The leaf, the second host and the neighbour by address are namespaces of the machine with an FRR of their own, and what
they announce is more than a host may take: default routes, and a part of its management network.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.evpn import frr_config
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile

from lab.control import images
from tests import uml_host
from tests.integration.playbooks import Run
from tests.integration.test_network_vm import KINDS, declare, play
from tests.uml_host import HOST, SWITCH, UmlHost

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(bool(uml_host.missing()), reason=uml_host.missing()),
]

SPINE, LEAF_LO, HOST_LO, OTHER_LO = "10.88.0.3", "203.0.113.1", "203.0.113.11", "203.0.113.12"
VNI, GUEST, OTHER_GUEST = 10042, "172.16.0.1", "172.16.0.2"
CONFIG = [
    {"name": "cloudbr0", "port": "eth0", "address": f"{HOST}/24", "gateway": SWITCH},
    {"name": "cloudbr1", "port": "eth1", "mtu": 1550},
]
EVPN = {
    "asn": 65011,
    "address": HOST_LO,
    "neighbors": [{"interface": "cloudbr1"}, {"address": SPINE, "asn": 65001}],
}
OTHER = {"asn": 65012, "address": OTHER_LO, "neighbors": [{"interface": "eth1"}]}
PEERS = ("leaf", "spine", "other")
# Wires of 1550 bytes have room for a guest's 1500 and the header of VXLAN. FRR is in the pool.
WIRES = f"""
mkdir -p /pool
mount -t hostfs -o {images.pool()} none /pool
for name in {" ".join(PEERS)}; do
  ip netns add $name
  ip -n $name link set lo up
  ip netns exec $name sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
done
ip -n switch link set port0 nomaster
ip -n switch link set port0 master br1 up
ip -n switch link set port1 nomaster
ip -n switch link set port1 netns leaf
ip -n leaf link set port1 mtu 1550 up
ip link add port2 mtu 1550 netns leaf type veth peer name eth1 mtu 1550 netns other
ip -n leaf link set port2 up
ip -n other link set eth1 up
ip link add port3 netns switch type veth peer name eth0 netns spine
ip -n switch link set port3 master br1 up
ip -n spine address add {SPINE}/24 dev eth0
ip -n spine link set eth0 up
"""
SCRIPTS = "/usr/share/cloudstack-common/scripts/vm/network/vnet"
# What the agent runs for a guest network, in the words of CloudStack's modifyvxlan-evpn.sh:
# https://github.com/apache/cloudstack/blob/main/scripts/vm/network/vnet/modifyvxlan-evpn.sh
MODIFY_VXLAN = """#!/bin/bash
set -e
while getopts o:v:p:b: option; do declare "$option=$OPTARG"; done
address=$(ip -4 -o address show scope global dev lo | awk 'NR == 1 {sub("/.*", "", $4); print $4}')
ip -f inet link add vxlan$v type vxlan id $v local $address dstport 4789 nolearning
ip link set vxlan$v up
sysctl -qw net.ipv6.conf.vxlan$v.disable_ipv6=1
ip link add name $b type bridge
ip link set $b up
sysctl -qw net.ipv6.conf.$b.disable_ipv6=1
ip link set vxlan$v master $b
bridge link set dev vxlan$v neigh_suppress on
bridge link set dev vxlan$v learning off
"""
FILES = {
    f"{SCRIPTS}/modifyvxlan.sh": "#!/bin/sh\necho 'by multicast' >&2\nexit 1\n",
    f"{SCRIPTS}/modifyvxlan-evpn.sh": MODIFY_VXLAN,
}
_PEER = """frr defaults datacenter
service integrated-vtysh-config
!
interface lo
 ip address {address}/32
exit
!
router bgp {asn}
 bgp router-id {address}
 no bgp default ipv4-unicast
 no bgp network import-check
{neighbors}
 address-family ipv4 unicast
{networks}
{of_unicast}
 exit-address-family
 address-family l2vpn evpn
{of_evpn}
 exit-address-family
exit
"""
GIVEN = {"network_bridge_config": CONFIG, "network_bridge_evpn": EVPN}
ROLE = {"roles": ["cloudstack.kvm.network_bridge"]}
# What the role cloudstack_agent does for EVPN, and what the pre-flight collects.
SCRIPT = {"ansible.builtin.include_role": {"name": "cloudstack.kvm.cloudstack_agent", "tasks_from": "evpn"}}
LOOK = [
    {"cloudstack.kvm.kvm_host_facts": {}},
    {
        "ansible.builtin.copy": {"content": "{{ ansible_facts.kvm_host | to_json }}", "dest": "{{ facts_file }}"},
        "delegate_to": "localhost",
        "changed_when": False,
    },
]
CLUSTER = Cluster(
    zone="zone1",
    isolation=("VXLAN",),
    vlan_ranges=("10000-20000",),
    labels={"Management": ("cloudbr0",), "Guest": ("cloudbr1",)},
)
# Those of VXLAN, MTU and routes. The others would speak of libvirt, storage and all that this machine does not have.
CHECKS = ("MTU001", "MTU004", "MTU005", "NET023", "NET024", "NET031", "NET037", "NET039", "NET041")
FRR = "systemctl show --property ActiveEnterTimestampMonotonic,MainPID frr.service"
CONVERGE = 60  # seconds


def peer(asn: int, address: str, neighbors: Mapping[str, str], networks: list[str]) -> str:
    """frr.conf of a switch: it announces itself, these networks, and to its hosts a default route."""
    return _PEER.format(
        asn=asn,
        address=address,
        neighbors="\n".join(f" neighbor {name} {how}" for name, how in neighbors.items()),
        networks="\n".join(f"  network {each}" for each in networks),
        of_unicast="\n".join(f"  neighbor {name} activate\n  neighbor {name} default-originate" for name in neighbors),
        of_evpn="\n".join(f"  neighbor {name} activate" for name in neighbors),
    )


EXTERNAL = "interface remote-as external"
NETWORKS = ["10.88.0.0/25", "198.51.100.0/24"]
CONFIGURATIONS = {
    "leaf": peer(65000, LEAF_LO, {"port1": EXTERNAL, "port2": EXTERNAL}, [f"{LEAF_LO}/32", *NETWORKS]),
    "spine": peer(65001, "203.0.113.2", {HOST: "remote-as external"}, NETWORKS),
    "other": frr_config(OTHER),
}


# Who reads router advertisements: the kernel, and systemd-networkd in its place
@pytest.fixture(scope="module", params=["ifupdown", "netplan"])
def machine(request: pytest.FixtureRequest) -> Iterator[UmlHost]:
    kind = KINDS[request.param]
    with uml_host.machine_of(request.param, kind.packages, kind.tools) as host:
        host.install({**FILES, **kind.plain}, kind.mode, wires=WIRES)
        yield host


def state(host: UmlHost) -> tuple[Any, str]:
    return host.links(), host.files(*KINDS[host.backend].folders, "/etc/systemd/network", "/etc/frr", "/etc/sysctl.d")


def refused(host: UmlHost, evpn: Any) -> str:
    """What the role says to this declaration, and it has changed nothing."""
    before = state(host)
    run = declare(host, CONFIG, network_bridge_evpn=evpn)
    assert (run.code, run.changed) == (2, {}), run.output
    assert state(host) == before
    (message,) = run.failures
    return message


@pytest.fixture(scope="module")
def tries(machine) -> dict[str, Any]:
    """What the role says on the bare host, which stays as it is: the tests of this come first. It is the same with each
    back end."""
    if machine.backend != "ifupdown":
        pytest.skip("refused is what the role finds out before it asks the back end")
    of_somebody = {"/etc/frr/frr.conf": "frr defaults traditional\n!\nrouter bgp 65000\n neighbor eth1 interface\n"}
    machine.write(of_somebody)
    said: dict[str, Any] = {"foreign": refused(machine, EVPN)}
    machine.sh("rm -r /etc/frr")
    away = [{"interface": "eth1"}, {"interface": "eth9"}, {"address": "192.0.2.9", "asn": 65001}]
    said["neighbors"] = refused(machine, {**EVPN, "neighbors": away})
    before = state(machine)
    said["check"] = declare(machine, CONFIG, ["--check", "--diff"], network_bridge_evpn=EVPN)
    assert state(machine) == before
    return said


@pytest.fixture(scope="module")
def fabric(machine) -> UmlHost:
    """The host as the role made it, its neighbours, and a guest on each of both hosts."""
    run = play(machine, {**ROLE, "tasks": [SCRIPT]}, GIVEN)
    assert (run.code, list(run.changed)) == (0, ["umlhost"]), run.output
    for name, text in CONFIGURATIONS.items():
        daemons = f'bgpd=yes\nvtysh_enable=yes\nwatchfrr_options="--netns={name}"\n'
        folder = f"/etc/frr/{name}"
        machine.write({f"{folder}/frr.conf": text, f"{folder}/daemons": daemons, f"{folder}/vtysh.conf": ""}, "644")
    machine.sh("chown -R frr:frr /etc/frr/*/")
    run_peers(machine)
    return machine


def run_peers(host: UmlHost) -> None:
    """Start what a boot does not start: the neighbours, CloudStack's networks and the guests."""
    host.sh("systemctl start " + " ".join(f"frr@{name}" for name in PEERS))
    for run, name, address in (("", "guest1", GUEST), ("ip netns exec other", "guest2", OTHER_GUEST)):
        host.sh(f"""
{run} bash {SCRIPTS}/modifyvxlan.sh -o add -v {VNI} -p cloudbr1 -b brvx-{VNI}
ip netns add {name}
{run} ip link add vnet0 type veth peer name inside netns {name}
{run} ip link set vnet0 master brvx-{VNI} up
ip -n {name} address add {address}/24 dev inside
ip -n {name} link set inside up""")
    require_connected(host)


def wait(host: UmlHost, condition: str, what: str) -> None:
    """Until a condition of the shell is true."""
    script = shlex.quote(f"until {condition}; do sleep 0.2; done")
    told = host.sh(f"timeout {CONVERGE} sh -c {script} >/dev/null 2>&1 && echo yes || echo no").strip()
    evidence = "vtysh -c 'show bgp summary'; ip route; bridge fdb; journalctl -n 30 --no-pager -u frr.service"
    assert told == "yes", f"{what}: not within {CONVERGE} s\n{host.sh(evidence, check=False)}"


def require_connected(host: UmlHost) -> None:
    """The guests have found each other."""
    wait(host, f"ip netns exec guest1 ping -q -c 1 -W 1 {OTHER_GUEST}", f"a ping from {GUEST} to {OTHER_GUEST}")


def ask(host: UmlHost, question: str, peer_name: str = "") -> Any:
    """What FRR answers, of the host or of one of its neighbours."""
    return json.loads(host.sh(f"vtysh {peer_name and f'-N {peer_name}'} -c '{question} json'"))


def states(host: UmlHost) -> dict[str, set[str]]:
    """Neighbour of the host -> the states of its session, over both families."""
    found: dict[str, set[str]] = {}
    for family in ask(host, "show bgp summary").values():
        for name, session in family["peers"].items():
            found.setdefault(name, set()).add(session["state"])
    return found


def learnt(host: UmlHost, inside: str = "") -> set[str]:
    """Destinations that FRR has put into the kernel's table."""
    lines = host.sh(f"ip {inside} -4 route show proto bgp").splitlines()
    return {line.split()[0] for line in lines if line.strip()}


def found_by_checks(host: UmlHost, what: Mapping[str, Any]) -> tuple[Run, list[tuple[str, str, str]]]:
    """A play that begins with this and ends with a look at the host; id, severity and observation of what the checks of
    the pre-flight find then."""
    path = host.folder / "facts.json"
    run = play(host, {**what, "tasks": LOOK}, {**GIVEN, "facts_file": str(path)})
    assert run.code == 0, run.output
    profile = Profile("umlhost", json.loads(path.read_text()), {"bridges": CONFIG})
    findings = assess([profile], CLUSTER, Policy(), today="2026-11-25", only=CHECKS).findings
    return run, [(each.id, each.severity, str(each.observed)) for each in findings]


def test_somebodys_configuration_of_frr_is_refused(tries):
    assert "observed one that routes something" in tries["foreign"]
    assert "Nothing was changed on it" in tries["foreign"]


def test_neighbours_that_bgp_cannot_speak_to_are_refused(tries):
    assert "neighbor eth1: a port of cloudbr1, so BGP speaks over cloudbr1" in tries["neighbors"]
    assert "neighbor eth9: no such interface, and none is declared" in tries["neighbors"]
    assert "neighbor 192.0.2.9: in no network of the host" in tries["neighbors"]


def test_check_mode_shows_all_on_a_host_without_frr(tries):
    check: Run = tries["check"]
    assert (check.code, check.recap["umlhost"]["failed"]) == (0, 0), check.output
    for shown in ("+frr", "+router bgp 65011", '+bgpd="yes"', f"+ ip address {HOST_LO}/32", "before: frr.service"):
        assert shown in check.output


def test_sessions_are_established(fabric):
    both = '[ "$(vtysh -c "show bgp summary json" | grep -cw Established)" = 4 ]'
    wait(fabric, both, "sessions with two neighbours, for both families")
    assert states(fabric) == {"cloudbr1": {"Established"}, SPINE: {"Established"}}


def test_nothing_but_the_ends_of_tunnels_is_taken(fabric):
    """Sessions by interface need router advertisements of the leaf, so these have come in by now."""
    assert learnt(fabric) == {LEAF_LO, OTHER_LO}
    default = fabric.sh("ip -4 route show default").strip()
    assert default.startswith(f"default via {SWITCH} dev cloudbr0")
    assert "\n" not in default
    assert "dev cloudbr0" in fabric.sh("ip route get 10.88.0.77")
    assert fabric.sh("ip -6 route show default") == ""
    heard = fabric.sh("cat /proc/net/dev_snmp6/cloudbr1 | grep Icmp6InRouterAdvertisements").split()
    assert int(heard[1]) > 0


def test_the_host_is_no_way_between_its_neighbours(fabric):
    assert learnt(fabric, "-n other") >= {HOST_LO}
    wait(fabric, f"ip -n spine route | grep -q {HOST_LO}", f"{HOST_LO} at the neighbour by address")
    assert learnt(fabric, "-n spine") == {HOST_LO}
    told = ask(fabric, "show bgp l2vpn evpn route", "spine")
    assert [each for each in told if each.startswith(f"{OTHER_LO}:")] == []
    assert [each for each in told if each.startswith(f"{HOST_LO}:")] != []


def test_guests_reach_each_other_in_whole_packets(fabric):
    """Type 3 makes the list of ends that frames for all are sent to, type 2 tells where a MAC is; both are read by the
    kernel, which learns nothing by itself."""
    entries = fabric.sh(f"bridge fdb show dev vxlan{VNI}")
    mac = fabric.sh("ip netns exec guest2 cat /sys/class/net/inside/address").strip()
    assert re.search(rf"^00:00:00:00:00:00 dst {OTHER_LO} self permanent", entries, re.M), entries
    assert re.search(rf"^{mac} dst {OTHER_LO} self extern_learn", entries, re.M), entries
    fragments = [f"{run} nstat -asz IpFragCreates IpReasmReqds" for run in ("", "ip netns exec leaf")]
    fabric.sh(f"ip netns exec guest1 ping -q -c 3 -W 5 -M do -s 1472 {OTHER_GUEST}")
    counted = re.findall(r"^Ip\w+\s+(\d+)", fabric.sh("\n".join(fragments)), re.M)
    assert counted == ["0"] * 4


def test_a_second_run_changes_nothing_and_the_checks_find_nothing(fabric):
    before = fabric.sh(FRR), state(fabric)[1]
    run, findings = found_by_checks(fabric, ROLE)
    assert (run.changed, findings) == ({}, []), run.output
    assert (fabric.sh(FRR), state(fabric)[1]) == before


def test_the_checks_find_what_does_not_run_and_whom_bgp_does_not_speak_to(fabric):
    fabric.sh(f"vtysh -c 'configure terminal' -c 'router bgp 65011' -c 'neighbor {SPINE} remote-as 65009'")
    wait(fabric, f"vtysh -c 'show bgp neighbors {SPINE}' | grep -q 'Bad Peer AS'", "an answer from another AS")
    ((check, severity, observed),) = found_by_checks(fabric, {})[1]
    assert (check, severity) == ("NET039", "warning")
    assert re.fullmatch(rf"{re.escape(SPINE)} is (Idle|Connect|Active|OpenSent)", observed)
    fabric.sh("systemctl stop frr.service")
    assert found_by_checks(fabric, {})[1] == [("NET039", "error", "frr.service does not run")]
    fabric.sh("systemctl start frr.service")
    require_connected(fabric)


def test_a_reboot_keeps_it(fabric):
    fabric.reboot()
    assert f"{HOST_LO}/32" in fabric.sh("ip -4 address show dev lo")
    assert fabric.sh("sysctl -n net.ipv6.conf.cloudbr1.accept_ra").strip() == "0"
    run_peers(fabric)
    fabric.sh(f"ip netns exec guest1 ping -q -c 3 -W 5 -M do -s 1472 {OTHER_GUEST}")
    assert learnt(fabric) == {LEAF_LO, OTHER_LO}
    assert fabric.sh("ip -6 route show default") == ""
