# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of CloudStack: made, changed, left alone, refused, removed."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import (
    CLUSTER,
    PHYSICAL_NETWORK,
    POD,
    STORAGE_POOL,
    TRAFFIC_TYPE,
    ZONE,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.resource import (
    plan_absent,
    plan_present,
    resource_result,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

CURRENT_ZONE = {
    "id": "z1",
    "name": "zone1",
    "networktype": "Advanced",
    "dns1": "192.0.2.1",
    "allocationstate": "Disabled",
}
CURRENT_POD = {"id": "p1", "name": "pod1", "gateway": "192.0.2.1", "startip": ["192.0.2.10"], "endip": ["192.0.2.20"]}
CURRENT_NET = {"id": "n1", "name": "net", "vlan": "200-210,100-199", "isolationmethods": "VLAN", "state": "Enabled"}
CURRENT_POOL = {
    "id": "s1",
    "type": "NetworkFilesystem",
    "ipaddress": "192.0.2.9",
    "path": "/export/p",
    "scope": "CLUSTER",
    "tags": "b,a",
}


def _calls(plan):
    return [(change.data["command"], change.data["params"]) for change in plan]


@pytest.mark.parametrize(
    ("resource", "desired", "current"),
    [
        (ZONE, {"dns1": "192.0.2.1", "network_type": "advanced", "dns2": None}, CURRENT_ZONE),
        (POD, {"gateway": "192.0.2.1", "start_ip": "192.0.2.10", "end_ip": "192.0.2.20"}, CURRENT_POD),
        (
            PHYSICAL_NETWORK,
            {"vlan": "100-199, 200-210", "isolation_methods": ["vlan"], "allocation_state": "Enabled"},
            CURRENT_NET,
        ),
        (CLUSTER, {"hypervisor": "KVM", "arch": "x86_64"}, {"id": "c", "hypervisortype": "KVM", "arch": "x86_64"}),
        (STORAGE_POOL, {"url": "nfs://192.0.2.9:/export/p/", "scope": "cluster", "tags": ["a", "b"]}, CURRENT_POOL),
        (TRAFFIC_TYPE, {"kvm_label": None}, {"id": "t", "traffictype": "Guest"}),
    ],
)
def test_what_is_as_declared_is_left_alone(resource, desired, current):
    assert not plan_present(resource, "x", desired, current, {})


@pytest.mark.parametrize(
    ("resource", "desired", "current", "expected"),
    [
        (
            ZONE,
            {"allocation_state": "Enabled"},
            CURRENT_ZONE,
            ("updateZone", {"id": "z1", "allocationstate": "Enabled"}),
        ),
        (POD, {"gateway": "192.0.2.2"}, CURRENT_POD, ("updatePod", {"id": "p1", "gateway": "192.0.2.2"})),
        (
            PHYSICAL_NETWORK,
            {"vlan": "100-150"},
            CURRENT_NET,
            ("updatePhysicalNetwork", {"id": "n1", "vlan": "100-150"}),
        ),
        (
            TRAFFIC_TYPE,
            {"kvm_label": "br1"},
            {"id": "t", "kvmnetworklabel": "br0"},
            ("updateTrafficType", {"id": "t", "kvmnetworklabel": "br1"}),
        ),
    ],
)
def test_only_what_differs_is_changed(resource, desired, current, expected):
    assert _calls(plan_present(resource, "x", desired, current, {})) == [expected]


@pytest.mark.parametrize(
    ("resource", "desired", "current"),
    [
        (ZONE, {"network_type": "Basic"}, CURRENT_ZONE),
        (CLUSTER, {"hypervisor": "KVM"}, {"id": "c", "hypervisortype": "VMware"}),
        (STORAGE_POOL, {"url": "nfs://192.0.2.9/other"}, CURRENT_POOL),
        (POD, {"end_ip": "192.0.2.30"}, CURRENT_POD),  # updatePod takes it and drops it
    ],
)
def test_what_cloudstack_cannot_change_is_refused_with_all_four_parts(resource, desired, current):
    with pytest.raises(InputError) as caught:
        plan_present(resource, "x", desired, current, {})
    for part in ("x", "Expected", "Observed", "Next"):
        assert part in str(caught.value)


def test_creation_of_a_cluster_sends_what_the_call_requires():
    plan = plan_present(CLUSTER, "c1", {"hypervisor": "KVM", "arch": None}, None, {"zoneid": "z", "podid": "p"})
    assert _calls(plan) == [
        (
            "addCluster",
            {"zoneid": "z", "podid": "p", "clustertype": "CloudManaged", "clustername": "c1", "hypervisor": "KVM"},
        )
    ]


def test_state_of_a_new_physical_network_is_set_afterwards():
    plan = plan_present(PHYSICAL_NETWORK, "n", {"vlan": "1-2", "allocation_state": "Enabled"}, None, {"zoneid": "z"})
    assert _calls(plan) == [
        ("createPhysicalNetwork", {"zoneid": "z", "name": "n", "vlan": "1-2"}),
        ("updatePhysicalNetwork", {"id": None, "state": "Enabled"}),
    ]
    assert all(change.data["is_async"] for change in plan)


@pytest.mark.parametrize(
    ("resource", "desired"),
    [
        (POD, {"gateway": "192.0.2.1", "netmask": "255.255.255.0", "start_ip": "192.0.2.30", "end_ip": "192.0.2.20"}),
        (PHYSICAL_NETWORK, {"tags": ["a", "b"]}),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_what_would_be_taken_without_a_word_is_refused(resource, desired, there):
    current = {"id": "x"} if there else None
    with pytest.raises(InputError):
        plan_present(resource, "x", desired, current, {})


def test_removal():
    assert not plan_absent(POD, "pod1", None)
    assert _calls(plan_absent(POD, "pod1", CURRENT_POD)) == [("deletePod", {"id": "p1"})]


def test_description_has_the_options_as_keys():
    assert resource_result(POD, "pod1", CURRENT_POD)["start_ip"] == "192.0.2.10"
    assert resource_result(STORAGE_POOL, "s", CURRENT_POOL)["url"] == "nfs://192.0.2.9/export/p"
    assert resource_result(POD, "pod1", None) is None
