# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of a real CloudStack 4.22.1.0 into a cluster (recorded/kvm-host-vm.json, host-simulator.json, oobm.json)."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import Guest, HaHost, HaPool
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.site import guests_of, hosts_of, pools_of

HOST = {
    "id": "04dbd1ba-5d96-4490-9920-72b031603428",
    "name": "h2",
    "state": "Up",
    "type": "Routing",
    "hypervisor": "KVM",
    "resourcestate": "Enabled",
    "cpuallocatedvalue": 200,
    "cpuwithoverprovisioning": "2596",
    "memorywithoverprovisioning": "8589934592",
    "memoryallocatedbytes": 134217728,
    "hosttags": "gold,ssd",
    "hostha": {"haenable": True, "hastate": "Available", "haprovider": "kvmhaprovider"},
    "outofbandmanagement": {
        "powerstate": "On",
        "enabled": True,
        "driver": "ipmitool",
        "address": "10.88.0.212",
        "port": "623",
        "username": "ADMIN",
        "password": "s****",
    },
}
MACHINE = {
    "id": "d4b5a2d6-8ea9-4e32-80dd-fc809b484fa4",
    "name": "tk-vm2",
    "instancename": "i-2-6-VM",
    "state": "Running",
    "haenable": True,
    "hostid": "04dbd1ba-5d96-4490-9920-72b031603428",
    "serviceofferingid": "b99a01f2-d5c8-4370-b6c0-c4c6ba6ebe4f",
    "serviceofferingname": "truth-kvm-tiny",
    "cpunumber": 1,
    "cpuspeed": 200,
    "memory": 128,
    "affinitygroup": [{"id": "a1", "name": "db", "type": "host anti-affinity"}],
}
OFFERING = {"id": "b99a01f2-d5c8-4370-b6c0-c4c6ba6ebe4f", "offerha": True, "hosttags": "gold", "memory": 128}
SYSTEM_OFFERING = {"id": "s1", "issystem": True, "cpunumber": 1, "cpuspeed": 500, "memory": 512}


def test_a_host():
    (host,) = hosts_of([HOST], {"h2": "OPERATOR", "h3": "USER"})
    assert host == HaHost(
        "h2",
        "04dbd1ba-5d96-4490-9920-72b031603428",
        oobm_enabled=True,
        oobm_driver="ipmitool",
        oobm_address="10.88.0.212",
        oobm_port="623",
        power_state="On",
        ha_enabled=True,
        ha_state="Available",
        ha_provider="kvmhaprovider",
        cpu=2596,
        cpu_used=200,
        memory=8589934592,
        memory_used=134217728,
        tags=("gold", "ssd"),
        privilege="OPERATOR",
    )
    assert host.usable


def test_a_host_without_any_of_it():
    """As a new host is shown: no provider, no driver, no tags."""
    new = {key: HOST[key] for key in ("id", "name", "state", "resourcestate", "hypervisor")}
    records = {"hostha": {"haenable": False, "hastate": "Disabled"}, "outofbandmanagement": {"powerstate": "Disabled"}}
    (host,) = hosts_of([{**new, **records}], {})
    assert (host.ha_enabled, host.ha_provider, host.oobm_driver, host.oobm_enabled) == (False, "", "", False)
    assert (host.tags, host.cpu, host.privilege) == ((), 0, None)
    assert hosts_of([new], {})[0].ha_state == ""


def test_a_number_that_is_none():
    with pytest.raises(ParseError, match="memorywithoverprovisioning of h2"):
        hosts_of([{**HOST, "memorywithoverprovisioning": "plenty"}], {})


def test_pools_that_the_cluster_uses():
    names, pools = pools_of(
        [
            {
                "id": "p1",
                "name": "ps1",
                "scope": "CLUSTER",
                "clusterid": "c1",
                "type": "NetworkFilesystem",
                "state": "Up",
            },
            {"id": "p2", "name": "ps1", "scope": "ZONE", "type": "RBD", "state": "Maintenance"},
            {"id": "p5", "name": "esx", "scope": "ZONE", "hypervisor": "VMware", "type": "NetworkFilesystem"},
            {"id": "p6", "name": "racks", "scope": "ZONE", "storageaccessgroups": "rack9", "type": "NetworkFilesystem"},
            {"id": "p3", "name": "other", "scope": "CLUSTER", "clusterid": "c2", "type": "RBD", "state": "Up"},
            {"id": "p4", "name": "h2 Local", "scope": "HOST", "clusterid": "c1", "type": "Filesystem", "state": "Up"},
        ],
        {"id": "c1", "hypervisortype": "KVM", "podstorageaccessgroups": "rack1"},
    )
    assert names == {"p1": "ps1 (p1)", "p2": "ps1 (p2)", "p4": "h2 Local"}
    assert pools == (
        HaPool("ps1 (p1)"),
        HaPool("ps1 (p2)", "RBD", "ZONE", "Maintenance"),
        HaPool("h2 Local", "Filesystem", "HOST"),
    )


def _guests(machines=(), system=(), volumes=()):
    return guests_of(
        machines, system, volumes, [OFFERING, SYSTEM_OFFERING], {"p1": "ps1", "p4": "local"}, {HOST["id"]: "h2"}
    )


def test_a_guest():
    volumes = [
        {"virtualmachineid": MACHINE["id"], "storageid": "p1", "type": "ROOT"},
        {"virtualmachineid": MACHINE["id"], "storageid": "p1", "type": "DATADISK"},
        {"virtualmachineid": MACHINE["id"], "storageid": "p4", "type": "DATADISK"},
        {"virtualmachineid": "another", "storageid": "p4"},
        {"virtualmachineid": MACHINE["id"], "storageid": "of another cluster"},
        {"storageid": "p1"},
    ]
    assert _guests([MACHINE], volumes=volumes) == (
        Guest(
            "tk-vm2 (i-2-6-VM)",
            "h2",
            ha=True,
            offering="truth-kvm-tiny",
            cpu=200,
            memory=128 * 2**20,
            tags=("gold",),
            pools=("ps1", "local"),
            groups=(("db", "host anti-affinity"),),
        ),
    )


def test_guests_that_are_not_on_a_host_of_the_cluster():
    stopped = {key: value for key, value in MACHINE.items() if key != "hostid"}
    assert _guests([stopped, {**MACHINE, "hostid": "elsewhere"}]) == ()


def test_a_guest_that_is_listed_twice_counts_once():
    assert len(_guests([MACHINE, MACHINE])) == 1


def test_a_system_vm_has_the_sizes_of_its_offering():
    system = {"id": "r1", "name": "r-7-VM", "hostid": HOST["id"], "serviceofferingid": "s1", "state": "Running"}
    (guest,) = _guests(system=[system])
    assert (guest.name, guest.system, guest.cpu, guest.memory) == ("r-7-VM", True, 500, 512 * 2**20)
