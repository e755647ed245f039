# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as people have them: the declaration that describes each, what it cannot say, and that applying it changes
nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bond,
    Bridge,
    Link,
    Network,
    Route,
    State,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import read_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import (
    ifupdown,
    netplan,
    networkd,
    networkmanager,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.adopt import VARIABLE, Adopted, adopt
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.bridges import plan_network

from tests.yaml_files import read_yaml

FOLDER = Path(__file__).parents[5] / "fixtures/adopted_networks"
PLANS = {"ifupdown": ifupdown, "netplan": netplan, "networkd": networkd, "networkmanager": networkmanager}
CASES = [
    pytest.param(name, case, id=f"{name}: {case['kind']}")
    for name in PLANS
    for case in read_yaml(FOLDER / f"{name}.yml")
]


def options(name, network):
    """Of a device that is declared, as `ip` tells them."""
    device = network.devices.get(name)
    if isinstance(device, Bond):
        pairs = {
            "mode": device.mode,
            "lacp_rate": device.lacp_rate,
            "xmit_hash_policy": device.hash_policy,
            "primary": device.primary,
        }
        return tuple((key, value) for key, value in pairs.items() if value)
    on = {"stp_state": getattr(device, "stp", False), "mcast_querier": getattr(device, "multicast_querier", False)}
    tag = (("id", str(device.id)), ("protocol", "802.1Q")) if isinstance(device, Vlan) else ()
    return (*tag, *((key, str(int(each))) for key, each in on.items()))


def measured(lines, network):
    """What the fixture says of the kernel, with the options of what is declared."""
    links, routes = {}, []
    for line in lines.splitlines():
        name, kind, mtu, *words = line.split()
        said = dict(word.split("=", 1) for word in words if "=" in word)
        addresses = tuple(Address(word) for word in words if "/" in word)
        links[name] = Link(
            name, kind, int(mtu), True, said.get("master"), addresses, said.get("parent"), "", options(name, network)
        )
        for key, version in (("via", 4), ("via6", 6)):
            if key in said:
                words = ("default", "via", said[key], "dev", name)
                routes.append(Route(version, (name,), words, said[key]))
    for bridge in network.bridges:
        for route in bridge.routes:
            table = ("table", str(route.table)) if route.table else ()
            words = (route.to, "via", route.via, "dev", bridge.name, *table)
            routes.append(Route(4, (bridge.name,), words, route.via, not route.table))
    rules = tuple(rule for bridge in network.bridges for rule in bridge.rules)
    return State(links, tuple(routes), rules)


def rendered(plan, network, files):
    return plan.render(network, files) if plan is ifupdown else plan.render(network, files, {})


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_declaration_describes_the_host_and_changes_nothing(name, case):
    plan, files = PLANS[name], case["files"]
    found = plan.declared(files)
    state = measured(case["links"], read_network(case["config"]))
    adopted = adopt(found, state)
    assert adopted.config == case["config"]
    untold = [note for note in case.get("notes", []) if not any(each.startswith(note) for each in adopted.notes)]
    assert (untold, len(adopted.notes)) == ([], len(case.get("notes", []))), adopted.notes

    printed = yaml.safe_load(adopted.text)[VARIABLE]
    assert printed == case["config"]
    network = read_network(printed)
    assert rendered(plan, network, files) == {}
    assert plan_network(network, files, {}, found, state, new=found).summary() == []


@pytest.mark.parametrize("name", PLANS)
def test_what_is_added_to_it_moves_nothing_of_what_was_there(name):
    case = next(each.values[1] for each in CASES if each.values[0] == name)
    config = {**case["config"], "bridges": [*case["config"]["bridges"], {"name": "cloudbr9", "port": "eth9"}]}
    changed = rendered(PLANS[name], read_network(config), case["files"])
    assert any("cloudbr9" in text for text in changed.values())
    moved = [path for path, text in case["files"].items() if not changed.get(path, text).startswith(text.rstrip())]
    assert moved == []


def test_there_are_enough_of_them_and_each_says_where_it_is_from():
    assert len(CASES) >= 20
    assert [case.values[1]["kind"] for case in CASES if not case.values[1]["source"].startswith("https://")] == []


def test_a_host_without_bridges_is_told_so_and_nothing_is_declared():
    state = State({"eth0": Link("eth0", "ether", 1500, True, None, (Address("192.0.2.9/24"),))})
    adopted = adopt(Network(), state)
    assert adopted == Adopted(
        {}, ("eth0: has 192.0.2.9/24 itself; addresses are declared on bridges only, so this stays as it is",)
    )
    assert yaml.safe_load(adopted.text) == {VARIABLE: {}}


@pytest.mark.parametrize(
    ("vlan", "options", "note"),
    [
        (Vlan("eth0.7", "eth0", 7), {"id": "7", "protocol": "802.1Q"}, ""),
        (Vlan("eth0.7", "eth0", 7), {"id": "8"}, "the files say VLAN 7 on eth0, protocol 802.1Q, the host has 8 on"),
        (Vlan("eth0.7", "eth0", 7), {"protocol": "802.1ad"}, "the host has 7 on eth0, protocol 802.1ad; left out"),
        (
            Vlan("eth0.7", "eth0", 7, protocol="802.1ad"),
            {"id": "7", "protocol": "802.1ad"},
            "a VLAN device of the protocol 802.1ad; declared are those of 802.1Q; left out",
        ),
    ],
)
def test_a_vlan_device_is_declared_where_files_and_kernel_agree_on_a_tag_that_can_be_declared(vlan, options, note):
    links = {
        "eth0": Link("eth0", "ether", 1500, True, None),
        "eth0.7": Link("eth0.7", "vlan", 1500, True, None, parent="eth0", options=tuple(options.items())),
    }
    adopted = adopt(Network(vlans=(vlan,)), State(links))
    assert adopted.config.get("vlans", []) == ([] if note else [{"parent": "eth0", "id": 7}])
    assert [note in each for each in adopted.notes] == ([True] if note else [])


@pytest.mark.parametrize(
    ("mode", "note"),
    [
        ("balance-rr", "bond0: a bond of the mode balance-rr; declared are 802.3ad, active-backup, balance-xor; left"),
        ("802.3ad", "bond0: of the kind bond, or in the files in a form that cannot be declared; left out"),
    ],
)
def test_a_bond_that_no_file_declares_in_a_known_form_is_told_with_its_mode(mode, note):
    links = {"bond0": Link("bond0", "bond", 1500, True, None, options=(("mode", mode),))}
    (told,) = adopt(Network(), State(links)).notes
    assert told.startswith(note)


@pytest.mark.parametrize(
    ("said", "measured", "declared", "note"),
    [
        (True, "1", [{"name": "cloudbr1", "port": "eth1", "multicast_querier": True}], ""),
        (False, "0", [{"name": "cloudbr1", "port": "eth1"}], ""),
        (False, "1", [{"name": "cloudbr1", "port": "eth1"}], "a multicast querier, which no file says"),
        (True, "0", [], "the files say multicast querier, the host has none there; left out"),
    ],
)
def test_a_multicast_querier_is_declared_where_files_and_kernel_agree(said, measured, declared, note):
    found = Network(bridges=(Bridge("cloudbr1", "eth1", multicast_querier=said),))
    options = (("mcast_querier", measured),)
    links = {
        "eth1": Link("eth1", "ether", 1500, True, "cloudbr1"),
        "cloudbr1": Link("cloudbr1", "bridge", 1500, True, None, options=options),
    }
    adopted = adopt(found, State(links))
    assert adopted.config.get("bridges", []) == declared
    assert [note in each for each in adopted.notes] == ([True] if note else [])
