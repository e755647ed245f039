# SPDX-License-Identifier: GPL-3.0-or-later
"""host_ha, ha_scope, host_ha_info and enable_ha.yml against the simulator, which plays host HA as it was recorded.

Its server runs in this process, so that hosts can be as a test wants them; its rounds are five in a second."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Access, Client
from werkzeug.serving import make_server

from lab.simulator import background, hosts, ipmi
from lab.simulator.clock import Clock
from lab.simulator.cloud import Cloud
from lab.simulator.commands import ha
from lab.simulator.server import create_app
from tests.integration.modules import run_module
from tests.integration.playbooks import play

ROUND = "outofbandmanagement.background.task.execution.interval"
SECRET = "planted-secret-key"
WRITTEN = 3  # commands that `furnish` has carried out
ADDRESSES = ("10.88.0.11", "10.88.0.12")
BMC = {"driver": "ipmitool", "address": "192.0.2.200", "port": "623", "username": "ADMIN", "password": "x"}


class Server:
    """A CloudStack with two KVM hosts in a cluster, both with a BMC that answers, and a pool on NFS."""

    def __init__(self, cloud: Cloud, port: int) -> None:
        self.cloud, self.power = cloud, "Chassis Power is on"
        self.env = {
            "CLOUDSTACK_ENDPOINT": f"http://127.0.0.1:{port}/client/api",
            "CLOUDSTACK_KEY": "planted-key",
            "CLOUDSTACK_SECRET": SECRET,
            "CLOUDSTACK_POLL_INTERVAL": "0.1",
        }
        cloud.settings.set(ROUND, "0.2")

    def run(self, name, check=False, **options):
        """One run of a module; the secret may not be in what it prints."""
        result = run_module(name, {"timeout": 20, **options} if name != "host_ha_info" else options, check)
        assert SECRET not in result.text
        return result

    @property
    def api(self):
        return Client(Access(self.env["CLOUDSTACK_ENDPOINT"], self.env["CLOUDSTACK_KEY"], SECRET, poll_interval=0.1))

    def change(self, table, number=0, **columns):
        """Set columns of a row."""
        with self.cloud.lock:
            [*self.cloud.table(table)][number].data.update(columns)

    def host(self, number=0):
        return self.cloud.table("host").where(ipaddress=ADDRESSES[number])[0]

    def ha(self, number=0):
        """(enabled, state) as CloudStack has it."""
        with self.cloud.lock:
            ha = self.host(number).get("ha") or {"enabled": False, "state": "Disabled"}
            return ha["enabled"], ha["state"]

    def four_steps(self, name, **options):
        """Predicted, done, predicted again, done again; returns the result of the real change."""
        writes = self.cloud.writes
        predicted = self.run(name, check=True, **options)
        assert predicted.changed
        assert self.cloud.writes == writes, "check mode has written"
        done = self.run(name, **options)
        assert done.changed
        assert done.data["diff"] == predicted.data["diff"], "check mode predicted another change"
        writes = self.cloud.writes
        assert not self.run(name, check=True, **options).changed
        assert not self.run(name, **options).changed
        assert self.cloud.writes == writes
        return done


def furnish(server):
    """The zone, its cluster, two hosts that are Up with their BMCs, and the pool."""
    api, cloud = server.api, server.cloud
    addresses = {"dns1": "192.0.2.1", "internaldns1": "192.0.2.1"}
    zone = api.call("createZone", name="zone1", networktype="Advanced", **addresses)["zone"]["id"]
    net = {"gateway": "10.88.0.1", "netmask": "255.255.255.0", "startip": ADDRESSES[0], "endip": "10.88.0.50"}
    pod = api.call("createPod", zoneid=zone, name="pod1", **net)["pod"]["id"]
    where = {"zoneid": zone, "podid": pod, "clustertype": "CloudManaged"}
    api.call("addCluster", **where, clustername="cluster1", hypervisor="KVM")
    rows = [next(iter(cloud.table(name))) for name in ("zone", "pod", "cluster")]
    rows[0]["allocationstate"] = "Enabled"  # it has no networks, and needs none here
    for _ in ADDRESSES:
        row = hosts.add_simulated(cloud, *rows, [])
        row["hypervisor"], row["oobm"] = "KVM", {**BMC, "enabled": True, "powerstate": "On"}
    place = {"zone": rows[0].number, "pod": rows[1].number, "cluster": rows[2].number}
    cloud.table("storagepool").add(
        **place, name="primary1", ipaddress="192.0.2.60", path="/export/primary", type="NetworkFilesystem",
        scope="CLUSTER", state="Up", hypervisor="KVM", created=cloud.clock.stamp(), tags=None, details={},
    )  # fmt: skip


@pytest.fixture
def server(monkeypatch, simulated):
    """The server, with the credentials in this process's environment."""
    for name, value in simulated.env.items():
        monkeypatch.setenv(name, value)
    return simulated


@pytest.fixture
def simulated(monkeypatch):
    cloud = Cloud(Clock(), "planted-key", SECRET)
    http = make_server("127.0.0.1", 0, create_app(cloud), threaded=True)
    found = Server(cloud, http.server_port)
    monkeypatch.setattr(ipmi, "run", lambda *_, **__: ipmi.Result(bool(found.power), found.power, ""))
    serving = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    furnish(found)
    rounds = background.start(cloud)
    yield found
    rounds.set()
    http.shutdown()
    serving.join(10)
    http.server_close()


def test_host_ha(server):
    made = server.four_steps("host_ha", ip_address=ADDRESSES[0])
    told = made.data["host_ha"]
    assert (told["enabled"], told["state"], told["provider"]) == (True, "Available", "kvmhaprovider")
    assert (told["power_state"], told["limits"], told["meaning"]) == ("On", [], "host HA watches the host")
    assert [step["after"] for step in made.data["diff"]] == ["provider: kvmhaprovider\n", "enabled: True\n"]
    assert not made.data.get("warnings")
    off = server.four_steps("host_ha", ip_address=ADDRESSES[0], state="disabled").data["host_ha"]
    assert (off["enabled"], off["state"], off["provider"]) == (False, "Disabled", "kvmhaprovider")
    assert server.ha(1) == (False, "Disabled"), "the other host was left alone"


def test_the_pass_that_undoes_it_is_survived(server, monkeypatch):
    """Enabled before the first pass over the host, which switches it off again (recorded/ha-race.json, F62)."""
    tick, passes = ha.tick, []

    def first_pass_after_enabling(cloud):
        if passes or server.ha()[0]:
            tick(cloud)
            passes.append(server.ha())

    monkeypatch.setattr(ha, "tick", first_pass_after_enabling)
    monkeypatch.setattr(ha, "interval", lambda cloud: 60)
    assert server.run("host_ha", ip_address=ADDRESSES[0]).data["host_ha"]["state"] == "Available"
    assert passes[0] == (False, "Disabled")
    with server.cloud.lock:
        jobs = [job["java_class"].rpartition(".")[2] for job in server.cloud.table("job")]
    assert jobs == ["ConfigureHAForHostCmd", "EnableHAForHostCmd", "EnableHAForHostCmd"]


def test_it_is_not_enabled_for_ever(server, monkeypatch):
    """Something switches it off after each enabling."""
    look_at = ha._look_at

    def undone(cloud, row):
        row["ha"]["enabled"] = False
        look_at(cloud, row)

    monkeypatch.setattr(ha, "_look_at", undone)
    message = server.run("host_ha", ip_address=ADDRESSES[0]).message
    assert "enabled 3 times, and each time switched off again" in message


OOBM_OFF = {"outOfBandManagementEnabled": "false"}
STAGED = {
    "no BMC": ("host", {"oobm": None}, "out-of-band management is not configured"),
    "OOBM disabled": ("host", {"oobm": {**BMC, "enabled": False, "powerstate": "Disabled"}}, "disabled for the host"),
    "OOBM off for the cluster": ("cluster", {"details": OOBM_OFF}, "off for the cluster"),
    "HA off for the zone": ("zone", {"details": {"resourceHAEnabled": "false"}}, "host HA is off for the zone zone1"),
    "maintenance": ("host", {"resourcestate": "Maintenance"}, "the host is in maintenance"),
    "disabled host": ("host", {"resourcestate": "Disabled"}, "the host is disabled"),
    "agent gone": ("host", {"state": "Disconnected"}, "the host is Disconnected, not Up"),
    "another hypervisor": ("host", {"hypervisor": "VMware"}, "hypervisor VMware"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "columns", "words"), STAGED.values(), ids=STAGED)
def test_a_host_that_cannot_become_available_is_refused_before_anything_is_changed(server, table, columns, words):
    server.change(table, **columns)
    for check in (True, False):
        message = server.run("host_ha", check, ip_address=ADDRESSES[0]).message
        assert message.startswith(f"{ADDRESSES[0]}: host HA cannot be enabled")
        assert words in message
        assert "Next: " in message
    assert server.cloud.writes == WRITTEN
    [told] = server.run("host_ha_info", ip_address=ADDRESSES[0]).data["hosts"]
    assert words in told["obstacles"][0]


def test_a_host_alone_and_one_whose_bmc_is_silent(server):
    server.change("host", 1, state="Down")
    assert "no other host of the cluster cluster1 is Up" in server.run("host_ha", ip_address=ADDRESSES[0]).message
    server.change("host", 1, state="Up")
    server.power = ""
    background.run_once(server.cloud)
    assert "the BMC does not answer CloudStack" in server.run("host_ha", ip_address=ADDRESSES[0]).message


def test_what_available_does_not_cover_is_a_warning(server):
    server.change("storagepool", 2, type="RBD")
    server.change("zone", allocationstate="Disabled")
    result = server.run("host_ha", ip_address=ADDRESSES[0])
    assert result.data["host_ha"]["state"] == "Available"
    assert len(result.data["warnings"]) == 2
    first, second = result.data["host_ha"]["limits"]
    assert "no primary storage with a heartbeat is Up" in first
    assert "primary1 (RBD, Up)" in first
    assert "the zone zone1 is disabled" in second


def test_no_host_and_a_provider_of_another_hypervisor(server):
    assert "no host of this address" in server.run("host_ha", ip_address="10.88.0.99").message
    assert server.run("host_ha", True, ip_address="10.88.0.99").changed
    message = server.run("host_ha", ip_address=ADDRESSES[0], provider="simulatorhaprovider").message
    assert "Incompatible haprovider provided [Simulator]" in message
    message = server.run("host_ha", ip_address=ADDRESSES[0], provider="fancy").message
    assert "Given HA provider [fancy] does not exist" in message
    assert server.ha() == (False, "Disabled")


def test_an_agent_that_dies_is_told_and_a_host_without_guests_is_never_fenced(server):
    assert server.run("host_ha", ip_address=ADDRESSES[0]).changed
    server.change("host", state="Disconnected")
    for _ in range(2):
        background.run_once(server.cloud)
    message = server.run("host_ha", ip_address=ADDRESSES[0]).message
    assert "host HA is not Available" in message
    assert "its health check fails" in message


def test_a_fenced_host_that_is_back_is_watched_again(server):
    """With the simulator plug-in, whose provider can be told that a host is dead (recorded/ha.json)."""
    server.change("host", hypervisor="Simulator", oobm=None)
    stage(server, health=True)
    assert server.run("host_ha", ip_address=ADDRESSES[0]).data["host_ha"]["provider"] == "simulatorhaprovider"
    stage(server, health=False)
    while server.ha()[1] != "Fenced":
        background.run_once(server.cloud)
    message = server.run("host_ha", ip_address=ADDRESSES[0]).message
    assert "has powered the host off through its BMC and put it into maintenance" in message
    assert "the host is Down and Maintenance now" in message
    stage(server, health=True)
    server.change("host", state="Up", resourcestate="Enabled")
    while server.ha()[1] != "Available":  # in service and well again it leaves Fenced by itself
        background.run_once(server.cloud)
    again = server.run("host_ha", ip_address=ADDRESSES[0])
    assert (again.changed, again.data["host_ha"]["state"]) == (False, "Available")


def stage(server, health):
    host = server.host().uuid
    how = {"health": health, "activity": health, "recover": health, "fence": True}
    server.api.call("configureSimulatorHAProviderState", hostid=host, **how)


@pytest.mark.parametrize("cluster", ["cluster1", None])
def test_ha_scope(server, cluster):
    scope = {"zone": "zone1", "cluster": cluster}
    assert not server.run("ha_scope", **scope).changed, "it is on until it is switched off"
    assert server.run("host_ha", ip_address=ADDRESSES[0]).changed
    off = server.four_steps("ha_scope", **scope, state="disabled").data["ha_scope"]
    assert off == {"kind": "cluster" if cluster else "zone", "name": cluster or "zone1", "enabled": False}
    assert server.ha() == (True, "Disabled")
    assert "host HA is off for the" in server.run("host_ha", ip_address=ADDRESSES[0]).message
    assert server.four_steps("ha_scope", **scope).data["ha_scope"]["enabled"]
    assert not server.run("host_ha", ip_address=ADDRESSES[0]).changed
    assert server.ha() == (True, "Available")


def test_ha_scope_of_what_is_not_there(server):
    assert "zone-1" in server.run("ha_scope", zone="zone-1").message
    assert "did you mean cluster1?" in server.run("ha_scope", zone="zone1", cluster="cluster11").message


def test_host_ha_info(server):
    assert server.run("host_ha", ip_address=ADDRESSES[1]).changed
    told = server.run("host_ha_info", zone="zone1", cluster="cluster1").data["hosts"]
    assert [(each["ip_address"], each["enabled"], each["state"]) for each in told] == [
        (ADDRESSES[0], False, "Disabled"),
        (ADDRESSES[1], True, "Available"),
    ]
    assert told[0]["next_step"] == "run ansible-playbook cloudstack.kvm.enable_ha"
    assert told[0]["obstacles"] == []
    assert server.run("host_ha_info").data["hosts"] == told
    assert server.run("host_ha_info", ip_address="10.88.0.99").data["hosts"] == []
    assert "zone2" in server.run("host_ha_info", zone="zone2").message


def test_the_playbook(simulated, inventory):
    hosts_of = inventory({f"host{place}": {"ansible_host": address} for place, address in enumerate(ADDRESSES)})
    simulated.change("host", 1, oobm=None)
    predicted = play("enable_ha.yml", hosts_of, "--check", "--diff", env=simulated.env)
    assert predicted.changed["host0"] == 1, predicted.output
    assert simulated.ha() == (False, "Disabled")
    run = play("enable_ha.yml", hosts_of, "--diff", env=simulated.env)
    assert run.code == 2, run.output
    [refused] = run.failures
    for part in (ADDRESSES[1], "out-of-band management is not configured", "cloudstack.kvm.configure_oobm"):
        assert part in refused
    assert run.recap["host0"]["failed"] == 0
    assert (simulated.ha(), simulated.ha(1)) == ((True, "Available"), (False, "Disabled"))
    off = play("enable_ha.yml", hosts_of, extra={"host_ha_state": "disabled"}, env=simulated.env)
    assert off.code == 0, off.output
    assert off.changed == {"host0": 1}
    assert SECRET not in predicted.output + run.output + off.output
