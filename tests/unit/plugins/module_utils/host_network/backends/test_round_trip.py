# SPDX-License-Identifier: GPL-3.0-or-later
"""Random networks: what others wrote as the role would have stays in their files; and where a back end's own tool is
there, it accepts what is rendered. That it is read back is shown by test_networks.py."""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.registry import BACKENDS
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    HASH_POLICIES,
    LACP_RATES,
    MODES,
    Bond,
    Bridge,
    Card,
    Link,
    Network,
    Ovs,
    RoutingRule,
    State,
    StaticRoute,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import read_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import netplan, networkd, networkmanager
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.bridges import plan_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.netplan_querier import (
    own_path,
    without_queriers,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.rules import check
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import says
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PLANS = {"netplan": netplan, "networkd": networkd, "networkmanager": networkmanager}
MACS = {"eth0": "02:00:00:00:00:01", "eth4": "02:00:00:00:00:05"}
MTUS = st.sampled_from([1500, 1550, 9000])
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The tools are processes, which take a while each.
SLOW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@st.composite
def bonds(draw, name, ports):
    mode = draw(st.sampled_from(MODES))
    rate = draw(st.sampled_from([None, *LACP_RATES])) if mode == "802.3ad" else None
    policy = draw(st.sampled_from([None, *HASH_POLICIES[:5]])) if mode != "active-backup" else None
    primary = draw(st.sampled_from([None, *ports])) if mode == "active-backup" else None
    return Bond(name, ports, mode, rate, policy, primary, draw(MTUS))


@st.composite
def bridges(draw, name, port, number):
    """Name servers and routes only with an address of their kind, as the module asks for it."""
    four = draw(st.sampled_from([None, "dhcp", f"192.0.2.{number + 1}/24"]))
    six = (f"2001:db8:{number}::2/64",) if draw(st.booleans()) else ()
    static = four not in (None, "dhcp")
    routes = [StaticRoute("198.51.100.0/24", "192.0.2.254"), StaticRoute("default", "192.0.2.253", 100 + number)]
    rules = (RoutingRule(100 + number, 1000, "192.0.2.0/24"), RoutingRule(100 + number, 1001, None, "203.0.113.0/24"))
    route6 = StaticRoute("2001:db8:9::/48", f"2001:db8:{number}::9")
    dns = [*(["192.0.2.53"] if four else []), *([f"2001:db8:{number}::53"] if six else [])]
    return Bridge(
        name,
        port,
        draw(MTUS),
        four,
        "192.0.2.1" if static and number == 0 else None,
        draw(st.booleans()),
        draw(st.integers(4, 20)),
        six,
        f"2001:db8:{number}::1" if six and number == 0 else None,
        (*(draw(st.sampled_from([[], routes[:1], routes])) if static else []), *([route6] if six else [])),
        draw(st.sampled_from([(), rules])) if static else (),
        tuple(draw(st.sampled_from([[], dns]))),
        ("example.org", "example.net") if dns and draw(st.booleans()) else (),
        multicast_querier=draw(st.booleans()),
    )


@st.composite
def networks(draw):
    """A bond or two, VLAN devices on bonds and NICs, and bridges on some of all these."""
    made = [draw(bonds("bond0", ("eth0", "eth1"))), draw(bonds("bond1", ("eth2", "eth3")))][: draw(st.integers(0, 2))]
    lower = [*(each.name for each in made), "eth4", "eth5"]
    vlans = [
        Vlan(f"{parent}.{100 + number}", parent, 100 + number, draw(MTUS))
        for number, parent in enumerate(draw(st.lists(st.sampled_from(lower), max_size=3)))
    ]
    every = [*lower, *(each.name for each in vlans)]
    ports = draw(st.lists(st.sampled_from(every), unique=True, min_size=1, max_size=4))
    on_top = [draw(bridges(f"cloudbr{number}", port, number)) for number, port in enumerate(ports)]
    return Network(tuple(made), tuple(vlans), tuple(on_top)).layered


def differ(found, wanted):
    """Names of the devices that are not the same in both, whatever the order of ports, routes and rules."""
    names = {*found.devices, *wanted.devices}
    pairs = {name: (found.devices.get(name), wanted.devices.get(name)) for name in names}
    return [name for name, (one, two) in pairs.items() if not (one and two and says(one, two) and says(two, one))]


@pytest.mark.parametrize("name", PLANS)
@given(network=networks())
@QUICK
def test_the_same_in_other_files_is_left_there(name, network):
    """What somebody else has written as the role would have: nothing moves."""
    plan = PLANS[name]
    files = {path.replace("cloudstack-kvm", "site"): text for path, text in plan.render(network, {}, MACS).items()}
    assert plan.render(network, files, MACS) == {}


@pytest.mark.parametrize("name", PLANS)
@given(network=networks())
@QUICK
def test_what_shall_go_goes_and_the_rest_stays(name, network):
    plan = PLANS[name]
    files = plan.render(network, {}, MACS)
    gone = network.bridges[-1].name
    rest = Network(network.bonds, network.vlans, network.bridges[:-1], (gone,))
    after = {**files, **plan.render(rest, files, MACS)}
    assert gone not in plan.declared({path: text for path, text in after.items() if text}).devices
    assert plan.render(rest, after, MACS) == {}


# A NIC with the address of the login: a VLAN device and its bridge come beside it, and nothing of it is touched.
PARENTS = {
    "netplan": ("/etc/netplan/10-cards.yaml", "network:\n  ethernets:\n    eth0: {addresses: [192.0.2.9/24]}\n"),
    "networkd": ("/etc/systemd/network/10-eth0.network", "[Match]\nName=eth0\n[Network]\nAddress=192.0.2.9/24\n"),
    "networkmanager": (
        "/etc/NetworkManager/system-connections/eth0.nmconnection",
        "[connection]\nid=eth0\nuuid=1\ntype=ethernet\ninterface-name=eth0\n[ipv4]\nmethod=manual\naddress1=192.0.2.9/24\n",
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_the_parent_of_a_vlan_keeps_its_file_and_its_address(name):
    plan, (path, text) = PLANS[name], PARENTS[name]
    network = Network((), (Vlan("eth0.7", "eth0", 7),), (Bridge("cloudbr1", "eth0.7", 1500, "198.51.100.9/24"),))
    new = plan.render(network, {path: text}, MACS)
    assert path not in new
    assert differ(plan.declared({path: text, **new}), network) == []
    if name == "networkd":  # where the parent's file names its VLANs, the role's comes first, and says the same
        own = new["/etc/systemd/network/00-cloudstack-kvm-eth0.network"]
        assert "Address=192.0.2.9/24" in own
        assert "VLAN=eth0.7" in own


PAGE = Path(__file__).parents[6] / "docs/network.md"
EXAMPLES = re.findall(r"```yaml\n(network_bridge_config:\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
CARDS = [Card("eth0", "52:54:00:12:34:01"), Card("eth1", "52:54:00:12:34:02", "ixgbe", "0000:3b:00.1")]


# What a back end has no words for, by name, and how it says so. All else must be possible everywhere.
NO_WORDS = {
    "networkd": ("type: openvswitch", "systemd-networkd cannot make cloudbr0, a bridge of Open vSwitch"),
    "netplan": ("trunks:", "netplan cannot say tag or trunks of cloudbr0"),
}


def bare_host(network):
    """NICs alone, without an address."""
    return State({nic: Link(nic, "ether", 1500, True, None) for nic in network.nics})


@pytest.mark.parametrize("text", EXAMPLES)
@pytest.mark.parametrize("name", BACKENDS)
def test_the_examples_of_the_page_are_planned_on_a_bare_host(name, text):
    network, backend = read_network(yaml.safe_load(text)["network_bridge_config"], CARDS), BACKENDS[name]()
    state = bare_host(network)
    check(network, state.links)
    words, says = NO_WORDS.get(name, ("nothing", ""))
    if words in text:
        with pytest.raises(InputError, match=says):
            backend.render(network, {})
        return
    files = backend.render(network, {})
    declared = backend.declared(files)
    assert differ(declared, network) == []
    plan = plan_network(network, {}, files, Network(), state, new=declared)
    assert [change.target for change in plan if change.action == "build"] == list(network.devices)


def test_the_page_has_five_complete_examples():
    complete = PAGE.read_text(encoding="utf-8").split("## Complete examples")[1].split("\n## ")[0]
    found = [each for each in EXAMPLES if each in complete]
    networks = [read_network(yaml.safe_load(each)["network_bridge_config"], CARDS) for each in found]
    kinds = {
        "one NIC": [each for each in networks if each.is_plain or (len(each.nics) == 1 and not each.bonds)],
        "bonded with VLANs": [each for each in networks if each.bonds and each.vlans],
        "jumbo storage": [each for each in networks if any(bridge.mtu == 9000 for bridge in each.bridges)],
        "Open vSwitch": [each for each in networks if any(bridge.ovs for bridge in each.bridges)],
        "room for VXLAN": [each for each in networks if any(bridge.mtu == 1550 for bridge in each.bridges)],
    }
    assert [kind for kind, each in kinds.items() if not each] == []


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **more)


@pytest.mark.skipif(not shutil.which("netplan"), reason="netplan's own parser: netplan is not installed here")
@given(network=networks())
@SLOW
def test_netplan_accepts_it_and_its_generator_makes_the_same_of_it(tmp_path_factory, network):
    root = tmp_path_factory.mktemp("root")
    files = netplan.render(network, {}, MACS)
    for path, text in files.items():
        place = Path(f"{root}{path}")
        place.parent.mkdir(parents=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(0o600)
    answer = run("netplan", "generate", "--root-dir", str(root))
    assert (answer.returncode, answer.stderr) == (0, "")
    folder = root / "run/systemd/network"
    made = {f"/run/systemd/network/{each.name}": each.read_text(encoding="utf-8") for each in folder.iterdir()}
    assert differ(networkd.declared(made), without_queriers(network)) == []
    drop_ins = {path for path in files if path.endswith(".conf")}
    asking = {own_path(bridge.name) for bridge in network.bridges if bridge.multicast_querier}
    assert drop_ins == asking
    files_of_netplan = {posixpath.basename(path) for path in made}
    assert {path.split("/")[-2][: -len(".d")] for path in drop_ins} <= files_of_netplan, "networkd reads them"


@pytest.mark.skipif(not shutil.which("nmcli"), reason="NetworkManager's own parser: nmcli is not installed here")
@given(network=networks())
@SLOW
def test_nmcli_accepts_every_profile(network):
    for path, text in networkmanager.render(network, {}, MACS).items():
        name = posixpath.basename(path)
        answer = run("nmcli", "--offline", "connection", "modify", "connection.id", name, input=text)
        assert (answer.returncode, answer.stderr) == (0, ""), text


SWITCHED = Network(
    bridges=(
        Bridge(
            "cloudbr0",
            "bond0",
            9000,
            "192.0.2.1/24",
            "192.0.2.254",
            ovs=Ovs(None, (), ("eth0", "eth1"), "balance-tcp", "active"),
        ),
        Bridge("cloudbr1", "eth4", 1500, "dhcp", ovs=Ovs()),
    )
).layered


@pytest.mark.skipif(not (shutil.which("netplan") and shutil.which("ovs-vsctl")), reason="needs netplan and ovs-vsctl")
def test_netplan_makes_commands_of_open_vswitch_of_it(tmp_path):
    (text,) = netplan.render(SWITCHED, {}, MACS).values()
    place = tmp_path / "etc/netplan/90.yaml"
    place.parent.mkdir(parents=True)
    place.write_text(text, encoding="utf-8")
    place.chmod(0o600)
    answer = run("netplan", "generate", "--root-dir", str(tmp_path))
    assert (answer.returncode, answer.stderr) == (0, "")
    units = "".join(each.read_text() for each in (tmp_path / "run/systemd/system").glob("netplan-ovs-*.service"))
    for part in (
        "--may-exist add-br cloudbr0",
        "--may-exist add-bond cloudbr0 bond0 eth",
        "set Port bond0 bond_mode=balance-tcp",
        "set Port bond0 lacp=active",
        "--may-exist add-port cloudbr1 eth4",
    ):
        assert part in units


@pytest.mark.skipif(not shutil.which("nmcli"), reason="NetworkManager's own parser: nmcli is not installed here")
def test_nmcli_accepts_the_profiles_of_open_vswitch():
    tagged = replace(SWITCHED.bridges[0], ovs=replace(SWITCHED.bridges[0].ovs, tag=100, trunks=(0, 100, 200)))
    for path, text in networkmanager.render(Network(bridges=(tagged, SWITCHED.bridges[1])), {}, MACS).items():
        name = posixpath.basename(path)
        answer = run("nmcli", "--offline", "connection", "modify", "connection.id", name, input=text)
        assert (answer.returncode, answer.stderr) == (0, ""), text
