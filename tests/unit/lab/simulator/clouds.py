# SPDX-License-Identifier: GPL-3.0-or-later
"""KVM hosts with guests in a simulated cloud, on a clock that stands still: agents, BMCs and a pool that tell what a
test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.simulator import background, ipmi
from lab.simulator.records import Record

PASS = 4.05  # seconds between two rounds of the server
HEALTH_TIMEOUT = 10.0  # seconds, the default of kvm.ha.health.check.timeout
GUEST_START = 27.0  # seconds that a guest needed to start on the recorded, emulated hosts
HEARTBEAT_LIMIT = 61.0  # seconds, kvmvmactivity.sh
# Seconds. The recorded host had written its last heartbeat 16 to 31 s before it hung: its checks at 13 and 28 s found
# it alive, that at 45 s did not.
HEARTBEAT_AGE = 25.0


@dataclass
class Machine:
    """A host as it is. `hung`: since when it does nothing any more; `heartbeat`: when it wrote last."""

    address: str
    hung: float | None = None
    heartbeat: float = 0.0
    powered: bool = True
    running: list[str] = field(default_factory=list)


class Machines:
    """In place of the agents' connections, and of the BMCs."""

    def __init__(self, api: Any) -> None:
        self.api, self.all = api, {}
        self.asked: list[tuple[str, str]] = []  # (host, command)
        self.refused: set[tuple[str, str]] = set()  # (host, command) that fail
        self.bmc_refuses: set[str] = set()  # power actions
        self.limits: dict[str, float] = {}  # seconds that an action was given, by its name

    def add(self, row: Record) -> None:
        """A machine for a row."""
        self.all[row.number] = Machine(row["ipaddress"])

    def hang(self, row: Record) -> None:
        """The machine hangs."""
        machine = self.all[row.number]
        machine.hung = self.api.clock.now()
        machine.heartbeat = machine.hung - HEARTBEAT_AGE

    def drop(self, row: Record) -> None:
        """Cut an agent's connection."""
        self.asked.append((row["name"], "drop"))

    def ask(self, row: Record, command: str, timeout: float, **fields: Any) -> dict[str, Any] | None:
        """As the agent's connection; of a health check that is not answered, None until it has timed out."""
        machine, now = self.all[row.number], self.api.clock.now()
        self.asked.append((row["name"], command))
        if machine.hung is not None:
            if command == "CheckOnHostCommand" and now - machine.hung < HEALTH_TIMEOUT:
                return None
            raise TimeoutError(command)
        if (row["name"], command) in self.refused:
            return {"result": False, "details": "told to"}
        return getattr(self, f"_{command}", self._well)(machine, fields)

    @staticmethod
    def _well(machine: Machine, fields: dict[str, Any]) -> dict[str, Any]:
        return {"result": True}

    def _StartCommand(self, machine: Machine, fields: dict[str, Any]) -> dict[str, Any]:
        self.api.clock.sleep(GUEST_START)
        machine.running.append(fields["name"])
        return {"result": True}

    def _StopCommand(self, machine: Machine, fields: dict[str, Any]) -> dict[str, Any]:
        machine.running = [name for name in machine.running if name != fields["name"]]
        return {"result": True}

    def _HostVmStateReportCommand(self, machine: Machine, fields: dict[str, Any]) -> dict[str, Any]:
        return {"result": True, "guests": list(machine.running)}

    def _CheckVMActivityOnStoragePoolCommand(self, machine: Machine, fields: dict[str, Any]) -> dict[str, Any]:
        suspect = next(each for each in self.all.values() if each.address == fields["host"])
        beats = suspect.hung is None or self.api.clock.now() - suspect.heartbeat < HEARTBEAT_LIMIT
        return {"result": beats}

    def ipmitool(self, oobm: dict[str, str], words: list[str], timeout: float, **_: Any) -> ipmi.Result:
        """The BMC of a host, whose address ends as the host's."""
        action = words[-1]
        self.limits[action] = timeout
        self.asked.append((oobm["address"], action))
        if action in self.bmc_refuses:
            return ipmi.Result(False, "", "Set Chassis Power Control failed: Command not supported in present state")
        machine = next(
            each for each in self.all.values() if each.address.split(".")[-1] == oobm["address"].split(".")[-1]
        )
        self.api.clock.sleep(1.0 if action != "status" else 0.0)
        if action in ("off", "reset"):
            machine.running = []
        machine.powered = machine.powered and action != "off"
        return ipmi.Result(True, f"Chassis Power is {'on' if machine.powered else 'off'}", "")


def rounds(api: Any, seconds: float, seen: Any) -> list[tuple[float, Any]]:
    """Let the server work for so long; (seconds since now, what `seen` says) whenever that changes."""
    begin, shown = api.clock.now(), []
    while api.clock.now() - begin < seconds:
        background.run_once(api.cloud)
        state = seen()
        if not shown or shown[-1][1] != state:
            shown.append((api.clock.now() - begin, state))
        api.clock.sleep(PASS)
    return shown


PLACE = {"networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"}
POD = {"startip": "192.0.2.10", "endip": "192.0.2.20", "netmask": "255.255.255.0", "gateway": "192.0.2.1"}
GIB = 1073741824


class Site:
    """A zone, enabled, with one cluster of hosts that have one NFS pool, and what a guest needs."""

    def __init__(self, api: Any, hypervisor: str = "KVM") -> None:
        self.api, self.hypervisor = api, hypervisor
        self.zone = api("createZone", name="z", **PLACE)["zone"]["id"]
        self.pod = api("createPod", name="p", zoneid=self.zone, **POD)["pod"]["id"]
        where = {"zoneid": self.zone, "podid": self.pod}
        kind = {"clustername": "c", "hypervisor": hypervisor, "clustertype": "CloudManaged"}
        self.cluster = api("addCluster", **kind, **where)["cluster"][0]["id"]
        self.machines = api.cloud.agents = Machines(api)
        self.hosts: dict[str, Record] = {}
        self._network()
        self.offerings: dict[str, str] = {}

    def _network(self) -> None:
        api = self.api
        carrier = api.job("createPhysicalNetwork", zoneid=self.zone, name="pn")["jobresult"]["physicalnetwork"]["id"]
        for kind in ("Management", "Public", "Guest"):
            api.job("addTrafficType", physicalnetworkid=carrier, traffictype=kind)
        api.job("updatePhysicalNetwork", id=carrier, state="Enabled", vlan="300-302")
        l2 = api("listNetworkOfferings", name="DefaultL2NetworkOffering")["networkoffering"][0]["id"]
        self.network = api("createNetwork", name="n", zoneid=self.zone, networkofferingid=l2)["network"]["id"]
        api("updateZone", id=self.zone, allocationstate="Enabled")

    def add_host(self, name: str, tags: str = "", memory: int = 2 * GIB) -> Record:
        """A KVM host that is Up, with a BMC and Host HA that is enabled."""
        cloud, number = self.api.cloud, len(self.hosts) + 11
        row = cloud.table("host").add(
            name=name, state="Up", type="Routing", ipaddress=f"192.0.2.{number}", zone=1, pod=1, cluster=1,
            hypervisor=self.hypervisor, cpunumber=2, cpuspeed=2000, memorytotal=memory, capabilities="hvm",
            created=cloud.clock.stamp(), resourcestate="Enabled", tags=tags.split(","), arch="x86_64", guid=name,
            pinged=cloud.clock.now(), details={},
        )  # fmt: skip
        self.hosts[name] = row
        self.machines.add(row)
        return row

    def add_pool(self, name: str = "p1") -> str:
        """An NFS pool of the cluster."""
        where = {"zoneid": self.zone, "podid": self.pod, "clusterid": self.cluster}
        self.machines.connect_pool = lambda pool, members: None
        pool = self.api("createStoragePool", name=name, url=f"nfs://192.0.2.80/export/{name}", **where)["storagepool"]
        return pool["id"]

    def watch(self) -> None:
        """BMCs and Host HA of all hosts; until they are Available."""
        for row in self.hosts.values():
            bmc = {"driver": "ipmitool", "address": f"198.51.100.{row['ipaddress'].split('.')[-1]}", "port": "623"}
            self.api("configureOutOfBandManagement", hostid=row.uuid, username="a", password="b", **bmc)
            self.api.job("enableOutOfBandManagementForHost", hostid=row.uuid)
            self.api.job("configureHAForHost", hostid=row.uuid, provider=f"{self.hypervisor}haprovider")
        self.api.clock.sleep(6)
        for row in self.hosts.values():
            self.api.job("enableHAForHost", hostid=row.uuid)
        background.run_once(self.api.cloud)

    def offering(self, name: str, offerha: bool = True, **more: str) -> str:
        """The UUID of an offering, made when it is asked for first."""
        if name not in self.offerings:
            size = {"cpunumber": "1", "cpuspeed": "200", "memory": "128", "displaytext": "t", **more}
            made = self.api("createServiceOffering", name=name, offerha=str(offerha).lower(), **size)
            self.offerings[name] = made["serviceoffering"]["id"]
        return self.offerings[name]

    def template(self) -> str:
        """The UUID of a template that hosts download themselves, or of one of the simulator plug-in."""
        known = self.api.cloud.table("template").where(hypervisor=self.hypervisor, isready=True, templatetype="BUILTIN")
        if self.hypervisor == "Simulator":
            return known[0].uuid
        system = self.api("listOsTypes", description="Other Linux (64-bit)")["ostype"][0]["id"]
        words = {"format": "QCOW2", "hypervisor": "KVM", "url": "http://192.0.2.9/tiny.qcow2", "ostypeid": system}
        made = self.api("registerTemplate", name="tiny", zoneid=self.zone, directdownload="true", **words)
        return made["template"][0]["id"]

    def deploy(self, name: str, on: str | None = None, offering: str = "ha", **more: str) -> dict:
        """The job of a deployment."""
        where = {"hostid": self.hosts[on].uuid} if on else {}
        parts = {"templateid": self.template(), "networkids": self.network, "zoneid": self.zone, "name": name}
        return self.api.job("deployVirtualMachine", serviceofferingid=self.offering(offering), **parts, **where, **more)

    def guest(self, name: str) -> dict:
        """A guest as listVirtualMachines shows it."""
        return self.api("listVirtualMachines", name=name)["virtualmachine"][0]

    def shown(self, name: str) -> str:
        """State and host of a guest, as the recording's timeline has them."""
        guest = self.guest(name)
        return f"{guest['state']} on {guest.get('hostname')}"

    def host(self, name: str) -> dict:
        """A host as listHosts shows it."""
        return self.api("listHosts", id=self.hosts[name].uuid)["host"][0]

    def alerts(self, kind: int) -> list[str]:
        """Texts of alerts of that type, the newest first."""
        return [alert["description"] for alert in self.api("listAlerts", type=str(kind)).get("alert", ())]
