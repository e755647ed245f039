# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls are made for a cluster, and what becomes of settings that cannot be used."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.site import (
    find_place,
    read_settings,
    read_site,
    usable,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import SETTINGS

from tests.unit.plugins.scripted import ScriptedClient

OFF = "false"
ZONE = {
    "id": "z1",
    "name": "zone1",
    "allocationstate": "Enabled",
    "resourcedetails": {"outOfBandManagementEnabled": OFF, "resourceHAEnabled": "true"},
}
CLUSTER = {
    "id": "c1",
    "name": "cluster1",
    "podid": "p1",
    "allocationstate": "Disabled",
    "resourcedetails": {"resourceHAEnabled": OFF},
}
POD = {"id": "p1", "name": "pod1", "allocationstate": "Disabled"}
HOST = {"id": "h1", "name": "host1", "state": "Up", "resourcestate": "Enabled", "hypervisor": "KVM"}
MACHINE = {"id": "v1", "name": "vm1", "hostid": "h1"}


def _settings():
    """Each in the middle of others whose names hold its name."""
    for name, setting in SETTINGS.items():
        yield (
            "listConfigurations",
            [{"name": f"{name}.x", "value": "1"}, {"name": name, "value": str(setting.default)}],
        )


def test_a_cluster():
    script = [
        ("listPods", [POD]),
        ("listHosts", [HOST]),
        ("listStoragePools", []),
        *_settings(),
        ("listVirtualMachines", [MACHINE]),
        ("listVirtualMachines", [{"id": "v2", "name": "vm of a project", "hostid": "h1"}]),
        ("listSystemVms", []),
        ("listRouters", []),
        ("listRouters", []),
        ("listVolumes", []),
        ("listVolumes", []),
        ("listServiceOfferings", []),
        ("listServiceOfferings", []),
    ]
    client = ScriptedClient(*script)
    site = read_site(client, ZONE, CLUSTER, {})
    assert not client.script
    assert (site.zone, site.name) == ("zone1", "cluster1")
    assert site.disabled == "pod of the cluster is Disabled, cluster cluster1 is Disabled"
    assert client.sent[0] == ("listPods", {"id": "p1"})
    assert [guest.name for guest in site.on("host1")] == ["vm of a project", "vm1"]
    assert (site.oobm_off, site.ha_off) == (("zone zone1",), ("cluster cluster1",))
    assert site.settings == {name: setting.default for name, setting in SETTINGS.items()}
    assert [sent for command, sent in client.sent if command == "listVirtualMachines"] == [
        {"zoneid": "z1", "listall": "true"},
        {"zoneid": "z1", "listall": "true", "projectid": "-1"},
    ]
    volumes = [sent for command, sent in client.sent if command == "listVolumes"]
    assert all(sent["listsystemvms"] == "true" for sent in volumes) and len(volumes) == 2


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("kvm.ha.fence.timeout", {"clusterid": "c1"}),
        ("vm.ha.enabled", {"zoneid": "z1"}),
        ("ha.workers", {}),
        ("ping.timeout", {}),
    ],
)
def test_a_setting_is_read_where_it_counts(name, scope):
    client = ScriptedClient(*_settings())
    read_settings(client, "z1", "c1")
    assert {"name": name, **scope} in [sent for _command, sent in client.sent]


def test_settings_that_cannot_be_used():
    values, invalid = usable(
        {"ha.workers": {"value": "-5"}, "ha.tag": {"name": "ha.tag"}, "ping.timeout": {"value": "3"}}
    )
    assert values == {"ha.tag": "", "ping.timeout": 3.0}
    assert invalid == {"ha.workers": "ha.workers is -5, expected a whole number from 1 up (threads)"}


def test_a_place_that_does_not_exist():
    client = ScriptedClient(("listZones", [ZONE]), ("listClusters", [CLUSTER]))
    with pytest.raises(InputError, match="cluster cluster9 does not exist"):
        find_place(client, "zone1", "", "cluster9")


def test_a_place():
    client = ScriptedClient(
        ("listZones", [ZONE]), ("listPods", [{"id": "p1", "name": "pod1"}]), ("listClusters", [CLUSTER])
    )
    assert find_place(client, "zone1", "pod1", "cluster1") == (ZONE, CLUSTER)
    assert client.sent[-1] == ("listClusters", {"zoneid": "z1", "podid": "p1"})
