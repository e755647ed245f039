# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks whom."""

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Pool
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.plan import probes
from hypothesis import given
from hypothesis import strategies as st

DECLARED = {
    f"host{n}": {
        "address": f"10.88.0.1{n}",
        "oobm_address": f"10.88.0.21{n}",
        "exports": ["10.88.2.254:/export/primary"],
    }
    for n in (1, 2)
}


def test_a_host_asks_the_others_itself_the_management_servers_the_storage_and_its_bmc():
    found = probes.targets("host1", DECLARED, ["10.88.0.254"], ["10.88.2.254"], ["cloudbr1"])
    assert [(each["to"], each["port"]) for each in found] == [
        ("management server 10.88.0.254", 8250),
        ("storage 10.88.2.254", 2049),
        ("host1", 16514),
        ("host2", 16514),
        ("host2", 49152),
        ("cloudbr1", 623),
    ]
    assert found[-1] | {"udp_rmcp": True, "bind_device": "cloudbr1"} == found[-1]


def test_a_host_asks_the_others_at_their_guest_addresses_for_both_ports_of_vxlan():
    at = [Attachment(f"host{n}", "cloudbr1", f"10.88.1.1{n}") for n in (1, 2)]
    found = probes.vxlan_targets("host1", ["host1", "host2", "host3"], at)
    assert [(each["to"], each["address"], each["port"], each["purpose"], each["udp"]) for each in found] == [
        ("host2", "10.88.1.12", 8472, "VXLAN", True),
        ("host2", "10.88.1.12", 4789, "VXLAN", True),
    ]


def test_a_host_without_an_address_or_bmc_is_left_out():
    found = probes.targets("host1", {"host1": {"address": "10.88.0.11"}, "host2": {}}, [], [], ["cloudbr1"])
    assert [each["to"] for each in found] == ["host1"]


@given(st.integers(min_value=1, max_value=200))
def test_every_host_is_asked_as_often_as_it_asks(count):
    names = sorted(f"host{number}" for number in range(count))
    asked = [other for name in names for other in probes.peers(name, names)]
    assert all(name not in probes.peers(name, names) for name in names)
    assert {asked.count(name) for name in names} == {len(probes.peers(names[0], names))}


@pytest.mark.parametrize(
    ("labels", "bridges"),
    [
        ({"Management": ["cloudbr0"], "Guest": ["cloudbr1"], "Public": ["cloudbr1"]}, ["cloudbr1"]),
        ({"Management": ["cloudbr0"], "Guest": ["cloudbr0"]}, []),
        ({}, []),
    ],
)
def test_only_bridges_of_guests_alone_are_asked_for_a_bmc(labels, bridges):
    assert probes.guest_bridges(labels) == bridges


def test_the_exports_of_pools_and_of_the_inventory_are_asked_once():
    pools = [
        Pool("primary1", "NetworkFilesystem", "10.88.2.254", "/export/primary"),
        Pool("primary2", "NetworkFilesystem", "10.88.2.253", "/b"),
        Pool("ceph", "RBD", "mon", "x"),
    ]
    assert probes.exports(DECLARED["host1"], pools) == ["10.88.2.253:/b", "10.88.2.254:/export/primary"]


def test_a_login_has_the_bmc_of_its_host_unless_another_driver_talks_to_it():
    found = probes.logins(
        {**DECLARED, "host3": {"address": "10.88.0.13", "oobm_address": "10.88.0.213", "oobm_driver": "redfish"}},
        {"host1": "secret"},
    )
    assert [(each["name"], each["bmc_address"], each["bmc_password"]) for each in found] == [
        ("host1", "10.88.0.211", "secret"),
        ("host2", "10.88.0.212", ""),
        ("host3", None, ""),
    ]


def test_only_cpus_that_are_known_are_compared():
    facts = {"host1": {"libvirt": {"host_cpu": {"xml": "<cpu/>"}}}, "host2": {"libvirt": None}, "host3": {}}
    assert probes.cpus("host2", facts, facts) == {"host1": "<cpu/>"}
