# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the list calls as a real 4.22.1.0 gave them (more.json, restart.json, ha.json, kvm-host-oobm.json)."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.host_ha import HaHost, Scope
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.host_ha import ha_host, scope_of

HOST = {
    "id": "h2",
    "name": "h2",
    "ipaddress": "10.88.0.12",
    "hypervisor": "KVM",
    "state": "Up",
    "resourcestate": "Enabled",
    "zoneid": "z1",
    "clusterid": "c1",
    "hostha": {"haenable": True, "hastate": "Available", "haprovider": "kvmhaprovider"},
    "outofbandmanagement": {"powerstate": "On", "enabled": True, "driver": "ipmitool", "password": "s****"},
}
ZONE = {"id": "z1", "name": "zone1", "allocationstate": "Enabled", "resourcedetails": {"resourceHAEnabled": "true"}}
CLUSTER = {
    "id": "c1",
    "name": "cluster1",
    "allocationstate": "Enabled",
    "resourcedetails": {
        "cpuOvercommitRatio": "1.0",
        "resourceHAEnabled": "true",
        "memoryOvercommitRatio": "1.0",
        "outOfBandManagementEnabled": "true",
    },
}
OTHERS = [
    HOST,
    {**HOST, "id": "h1"},
    {**HOST, "id": "h3", "state": "Down"},
    {**HOST, "id": "h4", "clusterid": "c2"},
    {**HOST, "id": "h5", "hypervisor": "VMware"},
]
POOLS = [
    {"name": "zone-wide", "type": "RBD", "state": "Up", "scope": "ZONE", "zoneid": "z1", "hypervisor": "KVM"},
    {"name": "mine", "type": "NetworkFilesystem", "state": "Up", "scope": "CLUSTER", "zoneid": "z1", "clusterid": "c1"},
    {"name": "c2s", "type": "NetworkFilesystem", "state": "Up", "scope": "CLUSTER", "zoneid": "z1", "clusterid": "c2"},
    {"name": "esx", "type": "PreSetup", "state": "Up", "scope": "ZONE", "zoneid": "z1", "hypervisor": "VMware"},
    {"name": "far", "type": "NetworkFilesystem", "state": "Up", "scope": "ZONE", "zoneid": "z2"},
    {"name": "h2-local", "type": "Filesystem", "state": "Up", "scope": "HOST", "zoneid": "z1", "clusterid": "c1"},
]  # fmt: skip


def test_a_host_with_all_around_it():
    assert ha_host(HOST, ZONE, CLUSTER, OTHERS, POOLS) == HaHost(
        address="10.88.0.12",
        hypervisor="KVM",
        state="Up",
        resource_state="Enabled",
        enabled=True,
        ha_state="Available",
        provider="kvmhaprovider",
        oobm_driver="ipmitool",
        oobm_enabled=True,
        power_state="On",
        neighbours=1,
        zone=Scope("zone", "zone1"),
        cluster=Scope("cluster", "cluster1"),
        pools=(("mine", "NetworkFilesystem", "Up"), ("zone-wide", "RBD", "Up")),
        id="h2",
        name="h2",
    )


def test_a_host_without_any_of_it():
    bare = {**HOST, "hostha": {"haenable": False, "hastate": "Disabled"}, "outofbandmanagement": {"enabled": False}}
    host = ha_host(bare, {}, {}, (), ())
    assert (host.enabled, host.ha_state, host.provider) == (False, "Disabled", "")
    assert (host.oobm_driver, host.oobm_enabled, host.power_state, host.neighbours) == ("", False, "Disabled", 0)


@pytest.mark.parametrize(
    ("details", "on"),
    [
        (None, True),
        ({}, True),
        ({"resourceHAEnabled": "true"}, True),
        ({"resourceHAEnabled": ""}, True),
        ({"resourceHAEnabled": "false"}, False),
        ({"resourceHAEnabled": "False"}, False),
        ({"resourceHAEnabled": "no"}, False),
    ],
)
def test_a_switch_that_was_never_touched_is_on(details, on):
    assert scope_of("zone", {"name": "z", "resourcedetails": details}).ha is on


def test_a_disabled_zone_takes_no_guests():
    scope = scope_of(
        "zone", {**ZONE, "allocationstate": "Disabled", "resourcedetails": {"outOfBandManagementEnabled": "false"}}
    )
    assert (scope.guests, scope.oobm, scope.ha) == (False, False, True)
