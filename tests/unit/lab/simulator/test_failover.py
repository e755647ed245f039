# SPDX-License-Identifier: GPL-3.0-or-later
"""A host dies with guests on it: the recorded real failover step by step (recorded/kvm-host-ha.json), and what else
can become of it. Times follow the settings and CloudStack's rules, on a clock that stands still."""

from __future__ import annotations

import json
import threading
import time
from itertools import groupby
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import PROFILES
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timing import failover

from lab.simulator import hosts
from lab.simulator.commands import ha
from lab.simulator.errands import Beside
from tests.unit.lab.simulator.clouds import HEALTH_TIMEOUT, rounds

RECORDED = Path(__file__).parents[3] / "fixtures" / "recorded" / "kvm-host-ha.json"
RUN = "h2 hung (its QEMU stopped) with one HA VM on it; activity interval 15, attempts 4, recover wait 90, threshold 1"
SETTINGS = {
    "kvm.ha.activity.check.interval": "15",
    "kvm.ha.activity.check.max.attempts": "4",
    "kvm.ha.degraded.max.period": "60",
    "kvm.ha.recover.wait.period": "90",
    "kvm.ha.recover.failure.threshold": "1",
}
# States that a look each second does not always meet.
SHORT = ("Checking", "Recovering", "Fencing")


def recorded() -> list[tuple[float, dict]]:
    """(seconds, what was seen) of the real failover."""
    entries = json.loads(RECORDED.read_text())
    timeline = next(entry["timeline"] for entry in entries if entry["name"] == RUN)
    return [(seconds, seen) for seconds, _, seen in timeline]


def lasting(rows: list[tuple[float, tuple]]) -> list[tuple[float, tuple]]:
    """Without short states, and each of the others once."""
    long = [row for row in rows if row[1][0] not in SHORT]
    return [next(group) for _, group in groupby(long, key=lambda row: row[1])]


def seen_really(seen: dict) -> tuple[str, str, str]:
    """(HA state, state of the host, guest)."""
    host = seen["h2"][1].split(" ")[0]
    return seen["h2"][0].removeprefix("on "), host, seen["vm"]


def seen_here(site) -> tuple[str, str, str]:
    """The same of the rows; what answers show is tested elsewhere, and each costs time."""
    host, tables = site.hosts["h2"], site.api.cloud.table
    guest = tables("virtualmachine").where(name="vm")[0]
    on = tables("host").find(guest["host"])
    shown = f"{guest['state']} on {on['name'] if on else None}"
    return host["ha"]["state"], f"{host['state']}/{host['resourcestate']}", shown


def prepare(site, **settings: object) -> None:
    """The settings of the recorded run, and a guest with HA on h2."""
    for name, value in {**SETTINGS, **settings}.items():
        where = {"clusterid": site.cluster} if name.startswith("kvm.ha.") else {}
        site.api("updateConfiguration", name=name, value=str(value), **where)
    assert "virtualmachine" in site.deploy("vm", on="h2")["jobresult"]
    site.watch()
    assert seen_here(site) == ("Available", "Up/Enabled", "Running on h2")


@pytest.fixture
def dying(site):
    """h2 hangs now, with the guest on it."""
    prepare(site)
    site.machines.hang(site.hosts["h2"])
    return site


def test_the_recorded_failover_step_by_step(dying):
    real = lasting([(at, seen_really(seen)) for at, seen in recorded()])
    ours = lasting(rounds(dying.api, 500, lambda: seen_here(dying)))
    # between Stopped and Running the real guest was seen Starting; here it starts within one round
    real = [row for row in real if row[1][2].split(" ")[0] not in ("Stopped", "Starting")]
    assert [state for _, state in ours] == [state for _, state in real]
    for (at, state), (really, _) in zip(ours[1:], real[1:], strict=True):
        assert at == pytest.approx(really, rel=0.2), state


def test_fenced_and_back_in_time(dying):
    ours = rounds(dying.api, 500, lambda: seen_here(dying))
    fenced = next(at for at, state in ours if state[0] == "Fenced")
    back = next(at for at, state in ours if state[2] == "Running on h1")
    assert fenced == pytest.approx(333, rel=0.2)
    assert 418 * 0.8 <= back <= 446 * 1.2
    computed = failover({name: float(value) for name, value in SETTINGS.items()})
    assert fenced == pytest.approx(computed.fenced_at, rel=0.2)
    assert back == pytest.approx(computed.guests_at, rel=0.2)


@pytest.mark.parametrize("profile", ["default", "fast", "careful"])
@pytest.mark.parametrize("reset", [True, False])
def test_other_settings_take_as_long_as_computed(site, profile: str, reset: bool):
    """Both follow CloudStack's rules and not each other: also where no real failover was recorded."""
    settings = {name: value for name, value in PROFILES[profile].items() if name in site.api.cloud.settings.rows}
    prepare(site, **settings)
    if not reset:
        site.machines.bmc_refuses.add("reset")
    site.machines.hang(site.hosts["h2"])
    begin = site.api.clock.now()
    ours = rounds(site.api, 2300, lambda: seen_here(site))
    computed, ha = failover(PROFILES[profile], reset=reset), site.hosts["h2"]["ha"]
    assert ha["state"] == "Fenced"
    assert ha["since"] - begin == pytest.approx(computed.fenced_at, rel=0.2)
    back = [at for at, state in ours if state[2] == "Running on h1"]
    assert back == ([] if computed.guests_at is None else [pytest.approx(computed.guests_at, rel=0.2)])


def test_alerts_and_events(dying):
    rounds(dying.api, 500, lambda: None)
    host = dying.hosts["h2"]
    place = "availability zone: z, pod: p"
    assert f"Host is down, name: h2 (id:{host.number}), {place}" in dying.alerts(7)
    assert dying.alerts(30) == [f"HA Fencing of host id={host.number}, in dc id=1 performed"]
    told = [event["description"] for event in dying.api("listEvents", keyword="HA.STATE.TRANSITION")["event"]]
    told = [text.partition(" for the host")[0] for text in told if f"with id: {host.number}" in text]
    steps = [text.removeprefix("Transitioned host HA state ") for text in told]
    assert steps[-3:] == [
        "from: Checking to: Recovering due to event:ActivityCheckFailureOverThresholdRatio",
        "from: Recovering to: Fencing due to event:RecoveryOperationThresholdExceeded",
        "from: Fencing to: Fenced due to event:Fenced",
    ]
    assert dying.machines.asked.count(("198.51.100.12", "reset")) == 1
    assert dying.machines.asked.count(("198.51.100.12", "off")) == 1


def test_the_neighbour_is_ineligible_while_it_is_alone(dying):
    states = {state for _, state in rounds(dying.api, 340, lambda: dying.hosts["h1"]["ha"]["state"])}
    assert states == {"Available", "Ineligible"}
    assert dying.host("h1")["hostha"]["hastate"] == "Ineligible"


def test_an_empty_host_is_never_fenced(site):
    prepare(site)
    site.machines.hang(site.hosts["h1"])
    states = {state for _, state in rounds(site.api, 1200, lambda: site.hosts["h1"]["ha"]["state"])}
    assert states == {"Available", "Suspect", "Degraded"}
    assert not [action for _, action in site.machines.asked if action in ("reset", "off")]


def test_so_is_a_host_whose_guests_are_on_a_pool_without_heartbeats(site):
    prepare(site)
    site.api.cloud.table("storagepool").where(name="p1")[0].data["type"] = "RBD"
    site.machines.hang(site.hosts["h2"])
    states = {state for _, state in rounds(site.api, 1200, lambda: site.hosts["h2"]["ha"]["state"])}
    assert states == {"Available", "Suspect", "Degraded"}
    assert not [action for _, action in site.machines.asked if action in ("reset", "off")]


def test_a_guest_without_ha_is_stopped_and_stays(site):
    prepare(site)
    site.offering("plain", offerha=False)
    site.deploy("other", on="h2", offering="plain")
    site.machines.hang(site.hosts["h2"])
    rounds(site.api, 1500, lambda: None)
    assert (site.shown("vm"), site.shown("other")) == ("Running on h1", "Stopped on None")


def test_force_ha_makes_up_for_the_offering(site):
    prepare(site)
    site.offering("plain", offerha=False)
    site.deploy("other", on="h2", offering="plain")
    site.api("updateConfiguration", name="force.ha", value="true")
    site.machines.hang(site.hosts["h2"])
    rounds(site.api, 500, lambda: None)
    assert site.shown("other") == "Running on h1"


def no_room(site):
    site.hosts["h1"]["memorytotal"] = 1


def zone_disabled(site):
    site.api("updateZone", id=site.zone, allocationstate="Disabled")


def cluster_disabled(site):
    site.api("updateCluster", id=site.cluster, allocationstate="Disabled")


def neighbour_disabled(site):
    site.api("updateHost", id=site.hosts["h1"].uuid, allocationstate="Disable")


def tag_is_missing(site):
    site.api.cloud.table("serviceoffering").where(name="ha")[0]["hosttags"] = "gpu"


def reserved_for_ha_elsewhere(site):
    site.api("updateConfiguration", name="ha.tag", value="spare")


def heal(site):
    """Undo all of these."""
    site.hosts["h1"].data.update(memorytotal=2**31, resourcestate="Enabled", tags=["spare", "gpu"])
    for table in ("zone", "cluster"):
        next(iter(site.api.cloud.table(table)))["allocationstate"] = "Enabled"


@pytest.mark.parametrize(
    "stage", [no_room, zone_disabled, cluster_disabled, neighbour_disabled, tag_is_missing, reserved_for_ha_elsewhere]
)
def test_no_place_for_the_guest(dying, stage):
    """It stays stopped, with the recorded alert; tried again after restart.retry.interval it starts, if it can."""
    stage(dying)
    rounds(dying.api, 500, lambda: None)
    assert dying.host("h2")["hostha"]["hastate"] == "Fenced"
    assert dying.shown("vm") == "Stopped on None"
    text = f"Unable to restart vm which was running on host {dying.hosts['h2']}, availability zone: z, pod: p"
    assert dying.alerts(8) == [text]
    heal(dying)
    rounds(dying.api, 450, lambda: None)
    assert dying.shown("vm") == "Stopped on None"
    rounds(dying.api, 200, lambda: None)
    assert dying.shown("vm") == "Running on h1"


def test_a_guest_is_not_started_while_its_host_is_not_fenced(dying):
    """The BMC refuses to turn it off, for ever."""
    dying.machines.bmc_refuses.add("off")
    rounds(dying.api, 1500, lambda: None)
    assert seen_here(dying) == ("Fencing", "Down/Enabled", "Running on h2")
    told = dying.api("listEvents", keyword="RetryFencing")["event"]
    assert len(told) > 100
    assert ("h1", "StartCommand") not in dying.machines.asked


def test_a_bmc_that_refuses_at_first(dying):
    dying.machines.bmc_refuses.add("off")
    rounds(dying.api, 350, lambda: None)
    dying.machines.bmc_refuses.clear()
    rounds(dying.api, 150, lambda: None)
    assert seen_here(dying) == ("Fenced", "Down/Maintenance", "Running on h1")


def test_vm_ha_that_is_off(dying):
    dying.api("updateConfiguration", name="vm.ha.enabled", value="false", zoneid=dying.zone)
    rounds(dying.api, 700, lambda: None)
    assert dying.shown("vm") == "Running on h2"
    assert any("VM high availability manager is disabled" in text for text in dying.alerts(7))


def test_a_guest_on_local_storage_is_tied_to_its_host(site):
    prepare(site)
    pool = site.api.cloud.table("storagepool").where(name="p1")[0]
    pool.data.update(scope="HOST", host=site.hosts["h2"].number)
    site.machines.hang(site.hosts["h2"])
    rounds(site.api, 900, lambda: None)
    assert seen_here(site) == ("Fenced", "Down/Maintenance", "Running on h2")


def back_from_reset(site, running: bool):
    """Let h2 come back from the reset, and its agent connect."""
    rounds(site.api, 190, lambda: None)
    assert seen_here(site) == ("Recovered", "Down/Enabled", "Running on h2")
    site.machines.all[site.hosts["h2"].number].hung = None
    if running:
        site.machines.all[site.hosts["h2"].number].running.append("i-2-3-VM")
    hosts.set_state(site.api.cloud, site.hosts["h2"], "Up")


@pytest.mark.parametrize(("running", "starts"), [(True, 0), (False, 1)])
def test_a_host_that_comes_back_from_its_reset(dying, running: bool, starts: int):
    """A guest that runs is left alone; one that died with its host is started again."""
    before = len([row for row in dying.machines.asked if row[1] == "StartCommand"])
    back_from_reset(dying, running)
    rounds(dying.api, 600, lambda: None)
    assert dying.host("h2")["hostha"]["hastate"] == "Available"
    assert dying.guest("vm")["state"] == "Running"
    assert len([row for row in dying.machines.asked if row[1] == "StartCommand"]) - before == starts


def test_a_fenced_host_that_is_repaired(dying):
    """In maintenance it stays Fenced, however well it is; in service again it is watched again."""
    rounds(dying.api, 500, lambda: None)
    row = dying.hosts["h2"]
    dying.machines.all[row.number].hung = None
    hosts.set_state(dying.api.cloud, row, "Up")
    rounds(dying.api, 60, lambda: None)
    assert seen_here(dying) == ("Fenced", "Up/Maintenance", "Running on h1")
    dying.api.job("cancelHostMaintenance", id=row.uuid)
    rounds(dying.api, 20, lambda: None)
    assert seen_here(dying) == ("Available", "Up/Enabled", "Running on h1")


def test_real_hosts_are_asked_beside(dying):
    """With threads, as in the lab; the rounds hold the lock, and nothing waits for it for ever."""
    dying.api.cloud.errands = Beside(grace=10)
    seen = rounds(dying.api, 400, lambda: seen_here(dying)[0])
    assert seen[-1][1] == "Fenced"
    began, never = time.monotonic(), threading.Event()
    while dying.shown("vm") != "Running on h1" and time.monotonic() - began < 20:
        rounds(dying.api, 20, lambda: None)
        never.wait(0.01)
    assert dying.shown("vm") == "Running on h1"


def test_a_health_check_that_fails_counts_before_the_next_poll(dying):
    cloud = dying.api.cloud
    cloud.errands = Beside(grace=0)
    cloud.clock.sleep(HEALTH_TIMEOUT)
    with cloud.lock:
        ha.tick(cloud)
    while seen_here(dying)[0] == "Available":
        with cloud.lock:
            ha.hear(cloud)
    assert seen_here(dying)[0] == "Suspect"
    assert dying.hosts["h1"]["ha"]["state"] == "Available"


def test_the_agent_of_a_host_that_is_taken_down_has_to_connect_again(dying):
    """One that is back before CloudStack has noted its reset would stay Down for ever."""
    rounds(dying.api, 200, lambda: None)
    assert ("h2", "drop") in dying.machines.asked
    assert ("h1", "drop") not in dying.machines.asked


def test_power_actions_have_the_limits_of_host_ha(site):
    prepare(site, **{"kvm.ha.recover.timeout": 20, "kvm.ha.fence.timeout": 90})
    site.machines.hang(site.hosts["h2"])
    rounds(site.api, 400, lambda: None)
    assert (site.machines.limits["reset"], site.machines.limits["off"]) == (20, 60)


def test_five_guests_at_a_time(site):
    """ha.workers; each start takes its time."""
    prepare(site)
    for number in range(6):
        site.deploy(f"vm{number}", on="h2")
    site.machines.hang(site.hosts["h2"])
    rounds(site.api, 700, lambda: None)
    assert {site.shown(f"vm{number}") for number in range(6)} == {"Running on h1"}


def test_a_guest_that_somebody_stopped_is_left_alone(dying):
    """Its host has no guest any more then, and is not fenced."""
    rounds(dying.api, 200, lambda: None)
    dying.api.job("stopVirtualMachine", id=dying.guest("vm")["id"], forced="true")
    states = {state[1:] for _, state in rounds(dying.api, 900, lambda: seen_here(dying))}
    assert states == {("Down/Enabled", "Stopped on None")}
