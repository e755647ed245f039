# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve steps for each module that has a state: create, modify, delete, each predicted, done, predicted again, done
again.

Against the simulator; with CLOUDSTACK_ENDPOINT set nothing here touches it, because every test wants an empty cloud of
its own."""

from __future__ import annotations

import json
import stat

import pytest

from tests.integration.modules import run_module

ZONE = {"name": "zone1", "network_type": "Advanced", "dns1": "192.0.2.53", "internal_dns1": "192.0.2.54"}
NETWORK = {"name": "physnet1", "zone": "zone1", "isolation_methods": ["VLAN"], "vlan": "100-199"}
LABEL = {"zone": "zone1", "physical_network": "physnet1", "traffic_type": "Management", "kvm_label": "cloudbr0"}
POD = {
    "name": "pod1",
    "zone": "zone1",
    "gateway": "10.88.0.1",
    "netmask": "255.255.255.0",
    "start_ip": "10.88.0.100",
    "end_ip": "10.88.0.150",
}
CLUSTER = {"name": "cluster1", "zone": "zone1", "pod": "pod1", "hypervisor": "Simulator"}
POOL = {
    "name": "primary1",
    "zone": "zone1",
    "pod": "pod1",
    "cluster": "cluster1",
    "url": "nfs://192.0.2.60/export/primary",
}
# The simulator plug-in gives each host the next address of the pod, whatever the url says.
# It also wants a password, unlike KVM.
HOST = {
    **CLUSTER,
    "ip_address": "10.88.0.100",
    "url": "http://sim/c0/h0",
    "cluster": "cluster1",
    "password": "simulated",
}
del HOST["name"]


class Cloud:
    """A simulator, and modules that talk to it."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.access = {
            "api_url": simulator.endpoint,
            "api_key": simulator.key,
            "api_secret": simulator.secret,
            "api_timeout": 60,
        }

    def run(self, name, options, check=False):
        """One run; neither secret may be in what it prints."""
        result = run_module(name, {**self.access, **options}, check)
        assert self.simulator.secret not in result.text
        return result

    def have(self, *modules):
        """Create parents."""
        for name, options in modules:
            self.run(name, options).changed  # noqa: B018 - fails with the module's message

    def four_steps(self, name, options):
        """Predicted, done, predicted again, done again; returns the result of the real change."""
        writes = self.simulator.writes()
        predicted = self.run(name, options, check=True)
        assert predicted.changed
        assert self.simulator.writes() == writes, "check mode has written"
        done = self.run(name, options)
        assert done.changed
        assert self.simulator.writes() > writes
        assert done.data["diff"] == predicted.data["diff"], "check mode predicted another change"
        writes = self.simulator.writes()
        assert not self.run(name, options, check=True).changed
        again = self.run(name, options)
        assert not again.changed
        assert again.data["diff"] == []
        assert self.simulator.writes() == writes
        return done


@pytest.fixture
def cloud(simulator):
    return Cloud(simulator)


def _with_cluster(cloud):
    """Everything down to a cluster, enabled."""
    cloud.have(("zone", ZONE), ("physical_network", NETWORK))
    cloud.have(*[("traffic_type", {**LABEL, "traffic_type": kind}) for kind in ("Management", "Guest", "Public")])
    cloud.have(("pod", POD), ("cluster", CLUSTER), ("zone", {"name": "zone1", "allocation_state": "Enabled"}))


def test_zone(cloud):
    made = cloud.four_steps("zone", ZONE).data["zone"]
    assert made["allocation_state"] == "Disabled"
    changed = cloud.four_steps(
        "zone", {**ZONE, "dns1": "192.0.2.55", "dns2": "192.0.2.56", "guest_cidr": "10.2.0.0/16"}
    ).data["zone"]
    assert (changed["id"], changed["dns1"], changed["guest_cidr"]) == (made["id"], "192.0.2.55", "10.2.0.0/16")
    assert cloud.four_steps("zone", {"name": "zone1", "state": "absent"}).data["zone"] is None


def test_zone_is_enabled_only_when_it_is_complete(cloud):
    cloud.have(("zone", ZONE))
    refused = cloud.run("zone", {"name": "zone1", "allocation_state": "Enabled"})
    assert "traffic=Management" in refused.message
    assert "Next" in refused.message
    _with_cluster(cloud)
    assert not cloud.run("zone", {"name": "zone1", "allocation_state": "Enabled"}).changed


def test_physical_network(cloud):
    cloud.have(("zone", ZONE))
    made = cloud.four_steps("physical_network", NETWORK).data["physical_network"]
    assert made["allocation_state"] == "Enabled"
    changed = cloud.four_steps("physical_network", {**NETWORK, "vlan": "300-310,100-200,150-250"}).data[
        "physical_network"
    ]
    assert changed["id"] == made["id"]
    assert not cloud.run("physical_network", {**NETWORK, "vlan": "100-250,300-310"}).changed
    cloud.four_steps("physical_network", {**NETWORK, "allocation_state": "Disabled"})
    cloud.four_steps("physical_network", {**NETWORK, "state": "absent"})


def test_physical_network_refuses_what_the_server_refuses_without_a_reason(cloud):
    cloud.have(("zone", ZONE), ("physical_network", NETWORK))
    writes = cloud.simulator.writes()
    message = cloud.run("physical_network", {**NETWORK, "vlan": "200-100"}).message
    for part in ("not a range of VLANs", "Expected", "200-100", "Next"):
        assert part in message
    assert "isolation_methods" in cloud.run("physical_network", {**NETWORK, "isolation_methods": ["VXLAN"]}).message
    assert cloud.simulator.writes() == writes


def test_two_physical_networks_of_one_name_are_not_guessed_between(cloud):
    cloud.have(("zone", ZONE), ("physical_network", NETWORK))
    zone = cloud.simulator.api.list("listZones", "zone")[0]
    cloud.simulator.api.job("createPhysicalNetwork", zoneid=zone["id"], name="physnet1")
    assert "2 objects" in cloud.run("traffic_type", LABEL).message


def test_traffic_type(cloud):
    cloud.have(("zone", ZONE), ("physical_network", NETWORK))
    made = cloud.four_steps("traffic_type", LABEL).data["traffic_type"]
    assert made["kvm_label"] == "cloudbr0"
    assert cloud.four_steps("traffic_type", {**LABEL, "kvm_label": "cloudbr7"}).data["traffic_type"]["id"] == made["id"]
    assert not cloud.four_steps("traffic_type", {**LABEL, "kvm_label": ""}).data["traffic_type"]["kvm_label"]
    cloud.four_steps("traffic_type", {**LABEL, "state": "absent"})


def test_pod(cloud):
    cloud.have(("zone", ZONE))
    made = cloud.four_steps("pod", POD).data["pod"]
    assert made["end_ip"] == "10.88.0.150"
    changed = cloud.four_steps("pod", {**POD, "allocation_state": "Disabled"}).data["pod"]
    assert (changed["id"], changed["allocation_state"]) == (made["id"], "Disabled")
    writes = cloud.simulator.writes()
    assert "cannot change end_ip" in cloud.run("pod", {**POD, "end_ip": "10.88.0.160"}).message
    assert "runs from high to low" in cloud.run("pod", {**POD, "end_ip": "10.88.0.90"}).message
    assert cloud.simulator.writes() == writes
    cloud.four_steps("pod", {"name": "pod1", "zone": "zone1", "state": "absent"})


def test_cluster(cloud):
    cloud.have(("zone", ZONE), ("pod", POD))
    made = cloud.four_steps("cluster", {**CLUSTER, "hypervisor": "KVM", "arch": "aarch64"}).data["cluster"]
    assert (made["hypervisor"], made["arch"], made["allocation_state"]) == ("KVM", "aarch64", "Enabled")
    changed = cloud.four_steps("cluster", {**CLUSTER, "hypervisor": "KVM", "allocation_state": "Disabled"}).data[
        "cluster"
    ]
    assert changed["allocation_state"] == "Disabled"
    message = cloud.run("cluster", CLUSTER).message
    assert "cannot change hypervisor" in message
    assert "written differently" in cloud.run("cluster", {**CLUSTER, "hypervisor": "KVM", "name": "Cluster1"}).message
    cloud.four_steps("cluster", {**CLUSTER, "state": "absent"})


def test_storage_pool(cloud):
    _with_cluster(cloud)
    cloud.have(("host", HOST))
    made = cloud.four_steps("storage_pool", {**POOL, "tags": ["ssd", "gold"], "nfs_mount_opts": "vers=4.1"}).data[
        "storage_pool"
    ]
    assert (made["url"], made["nfs_mount_opts"]) == ("nfs://192.0.2.60/export/primary", "vers=4.1")
    for url in ("nfs://192.0.2.60:/export/primary", "NFS://192.0.2.60/export/primary/"):
        assert not cloud.run("storage_pool", {**POOL, "url": url, "tags": ["gold", "ssd"]}).changed
    assert cloud.four_steps("storage_pool", {**POOL, "tags": []}).data["storage_pool"]["id"] == made["id"]
    writes = cloud.simulator.writes()
    assert "another name" in cloud.run("storage_pool", {**POOL, "url": "nfs://192.0.2.61/export/primary"}).message
    assert "primary1" in cloud.run("storage_pool", {**POOL, "name": "primary2"}).message
    assert cloud.simulator.writes() == writes
    gone = {"name": "primary1", "zone": "zone1", "state": "absent"}
    for check in (True, False):
        assert "stops every guest" in cloud.run("storage_pool", gone, check).message
    assert cloud.simulator.writes() == writes
    cloud.four_steps("storage_pool", {**gone, "forced": True})


def test_storage_pool_of_the_whole_zone(cloud):
    _with_cluster(cloud)
    cloud.have(("host", HOST))
    made = cloud.four_steps(
        "storage_pool", {"name": "wide", "zone": "zone1", "scope": "zone", "url": "nfs://192.0.2.60/export/wide"}
    )
    assert made.data["storage_pool"]["scope"] == "ZONE"


def test_configuration(cloud):
    read = cloud.run("configuration", {"name": "host"})
    assert not read.changed
    assert read.data["value"] == "192.0.2.254"
    changed = cloud.four_steps("configuration", {"name": "host", "value": "192.0.2.10"})
    assert changed.data["value"] == "192.0.2.10"
    assert not cloud.run("configuration", {"name": "ca.plugin.root.auth.strictness", "value": "False"}).changed
    assert "did you mean host?" in cloud.run("configuration", {"name": "hosts", "value": "x"}).message


def test_setting_of_one_zone(cloud):
    cloud.have(("zone", ZONE))
    cloud.four_steps("configuration", {"name": "network.throttling.rate", "value": "321", "zone": "zone1"})
    assert cloud.run("configuration", {"name": "network.throttling.rate"}).data["value"] != "321"
    assert "zone" in cloud.run("configuration", {"name": "host", "value": "x", "zone": "zone1"}).message


def test_host(cloud):
    _with_cluster(cloud)
    cloud.simulator.api.call("updateConfiguration", name="ping.interval", value="2")
    made = cloud.four_steps("host", HOST).data["host"]
    assert (made["state"], made["resource_state"], made["zone"], made["cluster"]) == (
        "Up",
        "Enabled",
        "zone1",
        "cluster1",
    )
    assert cloud.four_steps("host", {**HOST, "host_tags": ["ssd", "gold"]}).data["host"]["host_tags"] == ["gold", "ssd"]
    address = {"ip_address": HOST["ip_address"]}
    assert cloud.four_steps("host", {**address, "state": "disabled"}).data["host"]["resource_state"] == "Disabled"
    assert cloud.four_steps("host", {**address, "state": "maintenance"}).data["host"]["resource_state"] == "Maintenance"
    assert not cloud.run("host", HOST).changed  # present leaves the resource state alone
    assert cloud.four_steps("host", {**address, "state": "enabled"}).data["host"]["resource_state"] == "Enabled"
    assert cloud.four_steps("host", {**address, "state": "absent"}).data["host"] is None
    assert "no host of this address" in cloud.run("host", {**address, "state": "maintenance"}).message


def test_host_of_another_cluster_is_left_alone(cloud):
    _with_cluster(cloud)
    cloud.have(("host", HOST), ("cluster", {**CLUSTER, "name": "cluster2"}))
    writes = cloud.simulator.writes()
    for check in (True, False):
        message = cloud.run("host", {**HOST, "cluster": "cluster2"}, check).message
        for part in (HOST["ip_address"], "cluster2", "cluster1", "Next"):
            assert part in message
    assert cloud.simulator.writes() == writes


def test_missing_parent_is_predicted_in_check_mode_and_named_in_a_real_run(cloud):
    for name, options, key in (
        ("physical_network", NETWORK, "physical_network"),
        ("traffic_type", LABEL, "traffic_type"),
        ("pod", POD, "pod"),
        ("cluster", CLUSTER, "cluster"),
        ("storage_pool", POOL, "storage_pool"),
        ("host", HOST, "host"),
    ):
        predicted = cloud.run(name, options, check=True)
        assert predicted.changed
        assert predicted.data[key]["id"] is None
        assert "zone1" in cloud.run(name, options).message
    cloud.have(("zone", {**ZONE, "name": "zone-1"}))
    message = cloud.run("pod", POD).message
    for part in ("zone1", "zone-1", "did you mean zone-1?", "cloudstack.kvm.register_cluster"):
        assert part in message
    assert not cloud.run("pod", {**POD, "state": "absent"}).changed


def test_several_parents_are_predicted_with_their_fields(cloud):
    assert cloud.run("pod", POD, check=True).data["pod"] == {
        "id": None,
        "allocation_state": None,
        **{key: POD[key] for key in ("name", "gateway", "netmask", "start_ip", "end_ip")},
    }


@pytest.fixture
def bmc(tmp_path, simulator):
    """An ipmitool that stands for a BMC with one account; the real one and a real BMC are used in the lab."""
    program = tmp_path / "ipmitool"
    program.write_text(
        "#!/bin/sh\n"
        'case " $* " in\n'
        '  *" -P letmein99 chassis power status "*) echo "Chassis Power is on" ;;\n'
        '  *" -P letmein99 "*) echo "Chassis Power Control: Up/On" ;;\n'
        '  *) echo "Error in open session response message : RAKP 2 HMAC is invalid" >&2; exit 1 ;;\n'
        "esac\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    simulator.api.call("updateConfiguration", name="outofbandmanagement.ipmitool.path", value=str(program))
    return {"ip_address": HOST["ip_address"], "address": "192.0.2.200", "username": "ADMIN", "password": "letmein99"}


def test_oobm(cloud, bmc):
    _with_cluster(cloud)
    assert cloud.run("oobm", bmc, check=True).changed
    assert "no host of this address" in cloud.run("oobm", bmc).message
    cloud.have(("host", HOST))
    made = cloud.four_steps("oobm", bmc)
    assert made.data["oobm"] == {
        "enabled": True, "driver": "ipmitool", "address": "192.0.2.200", "port": "623", "username": "ADMIN",
        "power_state": "On",
    }  # fmt: skip
    assert cloud.four_steps("oobm", {**bmc, "address": "192.0.2.201"}).data["oobm"]["address"] == "192.0.2.201"
    off = cloud.four_steps("oobm", {**bmc, "address": "192.0.2.201", "enabled": False}).data["oobm"]
    assert (off["enabled"], off["power_state"]) == (False, "Disabled")
    assert bmc["password"] not in json.dumps([made.data, off])


def test_oobm_with_a_wrong_password_is_switched_off_again_and_says_why(cloud, bmc):
    _with_cluster(cloud)
    cloud.have(("host", HOST))
    message = cloud.run("oobm", {**bmc, "password": "wrong-one"}).message
    for part in (
        HOST["ip_address"],
        "refuses the password",
        "192.0.2.200:623 as ADMIN",
        "oobm_password",
        "disabled again",
    ):
        assert part in message
    assert "wrong-one" not in message
    assert cloud.simulator.api.list("listHosts", "host")[0]["outofbandmanagement"]["enabled"] is False
    assert cloud.run("oobm", bmc).data["oobm"]["power_state"] == "On"


def test_oobm_password_that_changed_on_the_bmc_is_noticed_and_corrected(cloud, bmc):
    _with_cluster(cloud)
    cloud.have(("host", HOST), ("oobm", bmc))
    row = cloud.simulator.api.list("listHosts", "host")[0]
    # CloudStack shows l**** for both passwords: only the power state tells.
    cloud.simulator.api.call(
        "configureOutOfBandManagement",
        hostid=row["id"],
        driver="ipmitool",
        address="192.0.2.200",
        port="623",
        username="ADMIN",
        password="lost",
    )
    with pytest.raises(Exception, match="RAKP"):
        cloud.simulator.api.job("issueOutOfBandManagementPowerAction", hostid=row["id"], action="STATUS")
    _wait_unknown(cloud)
    result = cloud.run("oobm", bmc)
    assert result.changed
    assert result.data["oobm"]["power_state"] == "On"
    assert not cloud.run("oobm", bmc).changed


def _wait_unknown(cloud):
    """The server's own look at the BMC, each 4 s, turns the state to Unknown."""
    api = cloud.simulator.api
    deadline = api.clock.monotonic() + 30
    while api.list("listHosts", "host")[0]["outofbandmanagement"]["powerstate"] != "Unknown":
        assert api.clock.monotonic() < deadline, "the power state never became Unknown"
        api.clock.sleep(0.5)


def test_wrong_key_and_endpoint_down_have_one_message(cloud):
    message = run_module("zone", {**cloud.access, **ZONE, "api_key": "nobodys"}).message
    for part in ("refused the API key", "401", "clock", "Next"):
        assert part in message
    message = run_module("zone", {**cloud.access, **ZONE, "api_url": "http://127.0.0.1:1/client/api"}).message
    for part in ("cannot be reached", "127.0.0.1:1", "CLOUDSTACK_ENDPOINT"):
        assert part in message


def test_values_with_signs_that_signing_gets_wrong(cloud):
    name = "zöne ~*+%&=/'\"1"
    made = cloud.four_steps("zone", {**ZONE, "name": name})
    assert made.data["zone"]["name"] == name
    cloud.four_steps("zone", {"name": name, "state": "absent"})


def test_a_lost_job_is_looked_after_and_the_run_goes_on(cloud):
    cloud.have(("zone", ZONE))
    cloud.simulator.fault("lose-job", "createPhysicalNetwork")
    assert cloud.run("physical_network", NETWORK).changed
    assert not cloud.run("physical_network", NETWORK).changed
