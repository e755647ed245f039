# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests: made, listed, stopped, moved and removed, and what their hosts are told meanwhile."""

from __future__ import annotations

import pytest

from lab.simulator import ha_work, power_report
from lab.simulator.records import Record
from tests.unit.lab.simulator.clouds import Site, rounds


def told(site, host: str) -> list[str]:
    """The commands that a host was sent."""
    return [command for name, command in site.machines.asked if name == host]


def test_a_guest_from_its_deployment_to_its_end(site):
    deployed = site.deploy("vm", on="h2")
    guest = deployed["jobresult"]["virtualmachine"]
    assert (guest["state"], guest["hostname"], guest["haenable"]) == ("Running", "h2", True)
    assert (guest["nic"][0]["broadcasturi"], guest["instancename"]) == ("vlan://300", "i-2-3-VM")
    assert told(site, "h2") == ["CopyCommand", "StartCommand"]
    stopped = site.api.job("stopVirtualMachine", id=guest["id"])["jobresult"]["virtualmachine"]
    assert (stopped["state"], "hostid" in stopped) == ("Stopped", False)
    started = site.api.job("startVirtualMachine", id=guest["id"])["jobresult"]["virtualmachine"]
    assert (started["state"], started["hostname"]) == ("Running", "h2")  # where it was last
    assert site.api.job("rebootVirtualMachine", id=guest["id"])["jobstatus"] == 1
    gone = site.api.job("destroyVirtualMachine", id=guest["id"], expunge="true")["jobresult"]["virtualmachine"]
    assert gone["state"] == "Expunging"
    assert (site.api("listVirtualMachines"), site.api("listVolumes")) == ({}, {})
    assert told(site, "h2")[-2:] == ["RebootCommand", "StopCommand"]
    assert "DeleteCommand" in told(site, "h1")  # any host that has the pool
    events = [event["type"] for event in site.api("listEvents", keyword="Instance ID")["event"]]
    assert events == ["VM.CREATE", "VM.STOP", "VM.START", "VM.REBOOT", "VM.DESTROY", "VM.EXPUNGE"]


def test_destroyed_and_expunged_later(site):
    guest = site.deploy("vm")["jobresult"]["virtualmachine"]["id"]
    refused = site.api.job("expungeVirtualMachine", id=guest)["jobresult"]
    assert "before expunging it" in refused["errortext"]
    assert site.api.job("destroyVirtualMachine", id=guest)["jobresult"]["virtualmachine"]["state"] == "Destroyed"
    assert site.api.job("expungeVirtualMachine", id=guest)["jobresult"] == {"success": True}
    assert site.api("listVirtualMachines") == {}


def test_deployed_and_not_started(site):
    guest = site.deploy("vm", startvm="false", displayname="shown")["jobresult"]["virtualmachine"]
    assert (guest["state"], guest["displayname"]) == ("Stopped", "shown")
    assert not told(site, "h1") + told(site, "h2")
    started = site.api.job("startVirtualMachine", id=guest["id"], hostid=site.hosts["h2"].uuid)
    assert started["jobresult"]["virtualmachine"]["hostname"] == "h2"


def test_volumes_name_guest_and_pool(site):
    guest = site.deploy("vm", on="h1")["jobresult"]["virtualmachine"]["id"]
    volume = site.api("listVolumes", virtualmachineid=guest)["volume"][0]
    assert (volume["storage"], volume["vmname"], volume["state"]) == ("p1", "vm", "Ready")
    assert site.api("listVolumes", hostid=site.hosts["h2"].uuid) == {}
    assert site.api("listVolumes", hostid=site.hosts["h1"].uuid)["count"] == 1


def test_hosts_show_what_is_allocated(site):
    site.deploy("vm", on="h2")
    host = site.host("h2")
    assert (host["cpuallocatedvalue"], host["memoryallocatedbytes"]) == (200, 128 * 2**20)
    assert (host["cpuallocated"], host["memoryallocatedpercentage"]) == ("5.00%", "6.25%")
    capacity = site.api("listCapacity", type="1")["capacity"][0]
    assert (capacity["capacityused"], capacity["percentused"]) == (200, "2.5")
    shown = site.api("listHostsMetrics", name="h2")["host"][0]
    assert shown["instances"] == "1 / 1"


# --- where a guest goes


def full(site: Site) -> None:
    site.hosts["h1"]["memorytotal"] = 100 * 2**20


def no_cpu(site: Site) -> None:
    site.hosts["h1"]["cpuspeed"] = 50


def down(site: Site) -> None:
    site.hosts["h1"]["state"] = "Down"


def in_maintenance(site: Site) -> None:
    site.hosts["h1"]["resourcestate"] = "Maintenance"


def another_hypervisor(site: Site) -> None:
    site.hosts["h1"]["hypervisor"] = "Simulator"


def without_tag(site: Site) -> None:
    site.offering("ha", hosttags="ssd")
    site.hosts["h2"]["tags"] = ["ssd", "gpu"]


def for_ha_alone(site: Site) -> None:
    site.api("updateConfiguration", name="ha.tag", value="spare")
    site.hosts["h1"]["tags"] = ["spare"]


def cannot_start(site: Site) -> None:
    site.machines.refused.add(("h1", "StartCommand"))


def is_lost(site: Site) -> None:
    site.machines.hang(site.hosts["h1"])


@pytest.mark.parametrize(
    "stage", [full, no_cpu, down, in_maintenance, another_hypervisor, without_tag, for_ha_alone, cannot_start]
)
def test_a_guest_goes_to_the_host_that_can(site, stage):
    stage(site)
    assert site.deploy("vm")["jobresult"]["virtualmachine"]["hostname"] == "h2"


def disabled_zone(site: Site) -> None:
    site.api("updateZone", id=site.zone, allocationstate="Disabled")


def disabled_cluster(site: Site) -> None:
    site.api("updateCluster", id=site.cluster, allocationstate="Disabled")


def no_pool(site: Site) -> None:
    for pool in site.api.cloud.table("storagepool"):
        pool.removed = True


def nearly_full(site: Site) -> None:
    """It fits, and takes its cluster over 85 %."""
    site.hosts["h1"]["memorytotal"], site.hosts["h2"]["state"] = 140 * 2**20, "Down"


def both_lost(site: Site) -> None:
    for row in site.hosts.values():
        site.machines.hang(row)


@pytest.mark.parametrize("stage", [disabled_zone, disabled_cluster, no_pool, nearly_full, both_lost])
def test_no_destination(site, stage):
    stage(site)
    job = site.deploy("vm")
    begin = 'No destination found for a deployment for VM instance {"id":3,"instanceName":"i-2-3-VM","state":"Stopped"'
    assert job["jobresult"]["errorcode"] == 533
    assert job["jobresult"]["errortext"].startswith(begin)
    assert site.guest("vm")["state"] == "Error"
    assert site.alerts(8)[0].startswith("Failed to deploy Vm VM instance ")


def test_a_start_that_nobody_confirmed_is_not_tried_elsewhere(site):
    """It may run there."""
    is_lost(site)
    assert site.deploy("vm")["jobresult"]["errorcode"] == 533
    assert "StartCommand" not in told(site, "h2")


def test_a_host_that_is_named_is_not_asked_for_the_share_of_its_cluster(site):
    nearly_full(site)
    assert site.deploy("vm", on="h1")["jobstatus"] == 1


def test_the_administrator_may_be_allowed_to_use_what_is_disabled(site):
    disabled_zone(site)
    site.api("updateConfiguration", name="allow.admin.vm.on.disabled.resources", value="true")
    assert site.deploy("vm")["jobstatus"] == 1


def test_overprovisioning_makes_room(site):
    for row in site.hosts.values():
        row["memorytotal"] = 90 * 2**20
    assert site.deploy("vm")["jobstatus"] == 2
    site.api("updateConfiguration", name="mem.overprovisioning.factor", value="2.0", clusterid=site.cluster)
    assert site.deploy("vm2")["jobstatus"] == 1


# --- moving


def test_migration(site):
    guest = site.deploy("vm", on="h2")["jobresult"]["virtualmachine"]["id"]
    moved = site.api.job("migrateVirtualMachine", virtualmachineid=guest, hostid=site.hosts["h1"].uuid)
    assert moved["jobresult"]["virtualmachine"]["hostname"] == "h1"
    assert told(site, "h2")[-1] == "StopCommand"
    again = site.api.job("migrateVirtualMachine", virtualmachineid=guest, hostid=site.hosts["h1"].uuid)["jobresult"]
    assert "already present on this host" in again["errortext"]
    chosen = site.api.job("migrateVirtualMachine", virtualmachineid=guest, autoselect="true")
    assert chosen["jobresult"]["virtualmachine"]["hostname"] == "h2"


@pytest.mark.parametrize(
    ("host", "command", "state"),
    [("h2", "StopCommand", "Running on h2"), ("h1", "StartCommand", "Running on h2")],
)
def test_a_migration_that_fails_leaves_the_guest_where_it_was(site, host: str, command: str, state: str):
    guest = site.deploy("vm", on="h2")["jobresult"]["virtualmachine"]["id"]
    site.machines.refused.add((host, command))
    failed = site.api.job("migrateVirtualMachine", virtualmachineid=guest, hostid=site.hosts["h1"].uuid)["jobresult"]
    assert failed == {"errorcode": 530, "errortext": "Failed to migrate domain [i-2-3-VM]."}
    assert site.alerts(17) == ["Unable to migrate vm i-2-3-VM from host h2 in zone z and pod p"]
    assert site.shown("vm") == state


def test_maintenance_moves_guests_away(site):
    """As recorded: moved, and Maintenance with the next ping."""
    site.deploy("vm", on="h1")
    host = site.hosts["h1"]
    assert site.api.job("prepareHostForMaintenance", id=host.uuid)["jobstatus"] == 1
    seen = rounds(site.api, 120, lambda: (host["resourcestate"], site.shown("vm")))
    assert [state for _, state in seen] == [
        ("PrepareForMaintenance", "Running on h2"),
        ("Maintenance", "Running on h2"),
    ]
    assert site.alerts(7)[0].startswith("Migration Complete for host name: h1 (id:")


def test_maintenance_waits_for_a_guest_that_can_go_nowhere(site):
    site.deploy("vm", on="h1")
    host = site.hosts["h1"]
    site.hosts["h2"]["resourcestate"] = "Disabled"
    site.api.job("prepareHostForMaintenance", id=host.uuid)
    rounds(site.api, 60, lambda: None)
    assert (host["resourcestate"], site.shown("vm")) == ("ErrorInPrepareForMaintenance", "Running on h1")
    site.hosts["h2"]["resourcestate"] = "Enabled"
    rounds(site.api, 100, lambda: None)
    assert (host["resourcestate"], site.shown("vm")) == ("Maintenance", "Running on h2")


def test_guests_of_a_deleted_host_are_started_elsewhere(site):
    site.offering("plain", offerha=False)
    site.deploy("vm", on="h1")
    site.deploy("other", on="h1", offering="plain")
    site.api("deleteHost", id=site.hosts["h1"].uuid, forced="true")
    rounds(site.api, 10, lambda: None)
    assert (site.shown("vm"), site.shown("other")) == ("Running on h2", "Stopped on None")


# --- what a lost agent leaves undone


@pytest.mark.parametrize("command", ["stopVirtualMachine", "rebootVirtualMachine", "destroyVirtualMachine"])
def test_a_host_that_does_not_answer_changes_nothing(site, command: str):
    guest = site.deploy("vm", on="h2")["jobresult"]["virtualmachine"]["id"]
    site.machines.hang(site.hosts["h2"])
    assert site.api.job(command, id=guest)["jobresult"]["errorcode"] == 530
    assert site.shown("vm") == "Running on h2"


def test_a_forced_stop_is_believed(site):
    guest = site.deploy("vm", on="h2")["jobresult"]["virtualmachine"]["id"]
    site.machines.hang(site.hosts["h2"])
    assert site.api.job("stopVirtualMachine", id=guest, forced="true")["jobstatus"] == 1
    assert site.shown("vm") == "Stopped on None"


# --- power reports


def report(site: Site, host: Record, minutes: int, running: tuple[str, ...]) -> None:
    """The host's pings, each minute."""
    for _ in range(minutes + 1):
        power_report.read(site.api.cloud, host, running)
        site.api.clock.sleep(60)
    ha_work.tick(site.api.cloud)


def test_a_guest_that_is_missing_for_long_is_started_again(site):
    site.deploy("vm", on="h2")
    site.machines.all[site.hosts["h2"].number].running.clear()
    report(site, site.hosts["h2"], 1, ())
    assert told(site, "h2").count("StartCommand") == 1
    report(site, site.hosts["h2"], 1, ())
    assert told(site, "h2").count("StartCommand") == 2
    assert site.guest("vm")["state"] == "Running"


def test_a_guest_that_is_reported_stays(site):
    site.deploy("vm", on="h2")
    report(site, site.hosts["h2"], 5, ("i-2-3-VM",))
    assert told(site, "h2").count("StartCommand") == 1


def test_a_guest_without_ha_that_is_missing_is_stopped(site):
    site.offering("plain", offerha=False)
    site.deploy("vm", on="h2", offering="plain")
    report(site, site.hosts["h2"], 3, ())
    assert site.shown("vm") == "Stopped on None"
    assert site.alerts(20) == ["VM vm(i-2-3-VM) state is sync-ed (Running -> Stopped) from out-of-context transition."]


# --- refused


@pytest.mark.parametrize(
    ("command", "words", "text"),
    [
        ("deployVirtualMachine", {"name": "vm"}, "The vm with hostName vm already exists in the network domain: null"),
        ("deployVirtualMachine", {"networkids": ""}, "without networkids and templateid"),
        ("deployVirtualMachine", {"affinitygroupnames": "g"}, "with the argument affinitygroupnames"),
    ],
)
def test_refused_at_once(site, command: str, words: dict, text: str):
    site.deploy("vm")
    parts = {"templateid": site.template(), "networkids": site.network, "zoneid": site.zone}
    assert text in site.api(command, serviceofferingid=site.offering("ha"), **{**parts, **words})["errortext"]


def test_a_pool_with_guests_is_kept(site):
    site.deploy("vm")
    pool = site.api("listStoragePools", name="p1")["storagepool"][0]["id"]
    assert "with guests that run" in site.api.job("enableStorageMaintenance", id=pool)["jobresult"]["errortext"]


def test_updating_the_flag(site):
    guest = site.deploy("vm")["jobresult"]["virtualmachine"]["id"]
    assert site.api("updateVirtualMachine", id=guest, haenable="false")["virtualmachine"]["haenable"] is False


# --- hosts of the simulator plug-in


def test_hosts_of_the_simulator_plug_in_run_guests_too(api):
    site = Site(api, "Simulator")
    where = {"zoneid": site.zone, "podid": site.pod, "clusterid": site.cluster}
    for name in ("s1", "s2"):
        made = api("addHost", hypervisor="Simulator", url="http://sim/c0", username="u", password="p", **where)
        site.hosts[name] = api.cloud.table("host").find(len(site.hosts) + 1)
        assert made["host"][0]["id"] == site.hosts[name].uuid
    site.add_pool()
    assert site.deploy("vm", on="s1")["jobresult"]["virtualmachine"]["state"] == "Running"
    host = site.hosts["s1"]
    api.job("configureHAForHost", hostid=host.uuid, provider="simulatorhaprovider")
    api.clock.sleep(6)
    api.job("enableHAForHost", hostid=host.uuid)
    health = {"health": "false", "activity": "false", "recover": "false", "fence": "true"}
    api("configureSimulatorHAProviderState", hostid=host.uuid, **health)
    rounds(api, 60, lambda: None)
    assert (host["ha"]["state"], host["state"]) == ("Fenced", "Down")
    assert site.guest("vm")["hostid"] == site.hosts["s2"].uuid
