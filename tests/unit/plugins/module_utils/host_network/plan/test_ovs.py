# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands make a bridge of Open vSwitch what is declared, or what it was. That they do so is shown with the real
daemons by tests/integration/test_bridge_ovs.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bridge,
    Kept,
    Link,
    Network,
    Ovs,
    OvsRow,
    State,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import read_network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.kept import kept_text, parse_kept
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.ovs import parse_switches, with_switches
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import ifupdown, ovs, restore
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.adopt import adopt
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.bridges import guests_on, plan_network

from tests.unit.plugins.captured import text

SWITCHES = parse_switches(text("ovs_vsctl/debian12_configured.txt"))
BONDED = Bridge(
    "cloudbr0",
    "bond0",
    9000,
    "192.0.2.11/24",
    ovs=Ovs(100, (100, 200), ("eth0", "eth1"), "balance-tcp", "active"),
)
SINGLE = Bridge("cloudbr1", "eth2", ovs=Ovs(trunks=(0,)))


def test_what_is_as_declared_needs_nothing():
    assert ovs.is_switched(BONDED, SWITCHES)
    assert ovs.is_switched(SINGLE, SWITCHES)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tag": 101}, "set Port cloudbr0 tag=101"),
        ({"tag": None}, "clear Port cloudbr0 tag"),
        ({"trunks": ()}, "clear Port bond0 trunks"),
        ({"trunks": (100,)}, "set Port bond0 trunks=100"),
        ({"mode": "balance-slb"}, "set Port bond0 bond_mode=balance-slb"),
        ({"lacp": None}, "clear Port bond0 lacp"),
        ({"ports": ("eth0", "eth3")}, "--if-exists del-port cloudbr0 bond0 -- add-bond cloudbr0 bond0 eth0 eth3"),
    ],
)
def test_what_differs_is_changed_in_place(change, says):
    wanted = replace(BONDED, ovs=replace(BONDED.ovs, **change))
    assert not ovs.is_switched(wanted, SWITCHES)
    command = " ".join(ovs.switch_command(wanted, SWITCHES))
    assert says in command
    assert "vnet0" not in command, "the port of a guest"
    assert command.endswith("-- set Interface cloudbr0 mtu_request=9000")


def test_a_bridge_that_is_not_there_is_made_in_one_transaction():
    assert " ".join(ovs.switch_command(SINGLE, {})) == (
        "ovs-vsctl --timeout=20 --may-exist add-br cloudbr1 -- add-port cloudbr1 eth2 -- set Port eth2 trunks=0 "
        "-- set Interface cloudbr1 mtu_request=1500"
    )


def test_the_port_before_makes_way():
    command = " ".join(ovs.switch_command(replace(SINGLE, port="eth3"), SWITCHES, ["eth2"]))
    assert "--if-exists del-port cloudbr1 eth2 -- add-port cloudbr1 eth3" in command


NAMES = ("cloudbr0", "bond0", "eth0", "eth1")


def test_as_it_was_needs_nothing():
    assert ovs.restore_commands(SWITCHES, SWITCHES, [*NAMES, "cloudbr1"]) == []


def test_what_was_made_goes_and_what_went_comes_back_with_all_that_it_had():
    assert ovs.restore_commands({}, SWITCHES, ["cloudbr1"]) == [
        ("ovs-vsctl", "--timeout=20", "--if-exists", "del-br", "cloudbr1")
    ]
    ((*words,),) = ovs.restore_commands(SWITCHES, {}, ["cloudbr0"])
    command = " ".join(words)
    for part in (
        "--may-exist add-br cloudbr0 -- ",
        "add-bond cloudbr0 bond0 eth0 eth1 -- set Port bond0 trunks=[100,200] -- set Port bond0 bond_mode=balance-tcp",
        "set Port cloudbr0 tag=100",
        "set Interface cloudbr0 mtu_request=9000",
        'add-port cloudbr0 vnet0 -- set Port vnet0 tag=7 -- set Interface vnet0 external_ids={iface-id="a b"}',
    ):
        assert part in command


def test_a_guest_that_came_or_went_meanwhile_is_left_alone():
    switch = SWITCHES["cloudbr0"]
    without = replace(switch, rows=switch.rows[:2])
    new = replace(switch, rows=(*switch.rows, OvsRow("vnet1", (), (OvsRow("vnet1"),))))
    assert ovs.restore_commands({"cloudbr0": switch}, {"cloudbr0": without}, NAMES) == []
    assert ovs.restore_commands({"cloudbr0": switch}, {"cloudbr0": new}, NAMES) == []


def link(name, kind="ether", mtu=1500, addresses=()):
    return Link(name, kind, mtu, True, None, tuple(Address(each) for each in addresses), mac="02:00:00:00:00:01")


KERNEL = {
    "cloudbr0": link("cloudbr0", "openvswitch", 9000, ("192.0.2.11/24",)),
    "cloudbr1": link("cloudbr1", "openvswitch"),
    "eth0": link("eth0", mtu=9000),
    "eth1": link("eth1", mtu=9000),
    "eth2": link("eth2"),
    "vnet0": link("vnet0", "tun", 9000),
}
STATE = State(with_switches(KERNEL, SWITCHES), switches=SWITCHES)
NETWORK = Network(bridges=(BONDED, SINGLE)).layered
FILES = {path.replace("cloudstack-kvm", "site"): each for path, each in ifupdown.render(NETWORK, {}).items()}


def plan(network, state=STATE, files=FILES):
    rendered = ifupdown.render(network, files)
    new = ifupdown.declared({**files, **rendered})
    return plan_network(network, files, rendered, ifupdown.declared(files), state, new=new)


def test_a_host_that_is_as_declared_needs_no_step():
    assert not plan(NETWORK)


def test_what_adopt_prints_is_the_declaration_and_changes_nothing():
    adopted = adopt(ifupdown.declared(FILES), STATE)
    assert adopted.notes == ()
    assert read_network(adopted.config) == NETWORK
    assert not plan(read_network(adopted.config))


def test_what_files_and_database_disagree_on_is_left_out():
    other = {**SWITCHES, "cloudbr0": replace(SWITCHES["cloudbr0"], rows=SWITCHES["cloudbr0"].rows[1:])}
    adopted = adopt(ifupdown.declared(FILES), State(with_switches(KERNEL, other), switches=other))
    assert [each["name"] for each in adopted.config["bridges"]] == ["cloudbr1"]
    assert "cloudbr0: the files say port eth0, eth1, the host has vnet0; left out" in adopted.notes


def test_a_bridge_is_changed_in_place_and_guests_are_told_of():
    files = {**FILES, **ifupdown.render(NETWORK, {})}
    files = {path: each for path, each in files.items() if "site" not in path}
    network = Network(bridges=(replace(BONDED, ovs=replace(BONDED.ovs, tag=101, trunks=(101,))), SINGLE)).layered
    changes = plan(network, files=files)
    first = next(iter(changes))
    assert (first.action, first.target, first.data["stays"], first.data["flush"]) == (
        "take down",
        "cloudbr0",
        True,
        True,
    )
    assert [change.target for change in changes if change.action == "take down"] == ["cloudbr0"], "no NIC leaves it"
    assert guests_on(changes, STATE.links, Network()) == ["vnet0"]
    assert "attach" not in {change.action for change in changes}, "Open vSwitch knows its ports; `ip` cannot add one"


def test_a_lease_and_another_bridge_in_place_is_refused():
    leased = Network(bridges=(replace(BONDED, address="dhcp"), SINGLE)).layered
    files = ifupdown.render(NETWORK, {})
    with pytest.raises(InputError, match="cloudbr0, a bridge of Open vSwitch, has or gets an address from DHCP"):
        plan(leased, files=files)


def test_ip_touches_neither_the_bridge_itself_nor_who_is_in_it():
    bare = {name: each for name, each in KERNEL.items() if not name.startswith("cloudbr")}
    commands = restore.restore_commands(State(bare), STATE, [*NAMES, "cloudbr1", "eth2"])
    assert [" ".join(each[3:]) for each in commands] == ["del-br cloudbr0", "del-br cloudbr1"]
    back = restore.restore_commands(STATE, State(bare), [*NAMES, "cloudbr1", "eth2"])
    assert not [each for each in back if "master" in each or "nomaster" in each or each[:3] == ("ip", "link", "delete")]
    assert ("ip", "link", "set", "cloudbr0", "mtu", "9000") in back


def test_it_is_kept_over_the_process_that_made_the_change():
    kept = Kept("ifupdown", STATE, NAMES, (), (), ())
    assert parse_kept(kept_text(kept)) == kept
