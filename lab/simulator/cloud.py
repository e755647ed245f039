# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole state of a management server, and the words that commands use on it."""

from __future__ import annotations

import threading
from typing import Any

from .catalogue import catalogue
from .clock import Clock
from .errands import Beside, Inline
from .errors import bad_parameter
from .jobs import Jobs
from .records import Record, Table
from .settings import Settings

# numbers that a fresh database starts with (recorded/)
# guests are numbered with system VMs, and the first two of those come first
FIRST_NUMBERS = {"physicalnetwork": 200, "zone": 1, "job": 1, "virtualmachine": 3}
TABLES = (
    "zone", "physicalnetwork", "traffictype", "pod", "cluster", "host", "storagepool", "imagestore", "provider",
    "element", "vlan", "storagerange",
    "alert", "event", "job", "role", "user", "domain", "account", "managementserver", "dedication", "affinitygroup",
    "network", "ipv6prefix",
    "networkoffering", "serviceoffering", "systemoffering", "diskoffering", "systemvm", "template", "ostype",
    "oscategory", "annotation", "virtualmachine", "volume", "nic", "hawork",
)  # fmt: skip


class Cloud:
    """All tables, the settings, the jobs, and one lock that every command holds while it looks or changes."""

    def __init__(
        self, clock: Clock, key: str, secret: str, host_setting: str = "localhost", agents: Any = None
    ) -> None:
        self.clock, self.key, self.secret = clock, key, secret
        self.lock = threading.RLock()
        self.host_setting = host_setting
        self.discoverer: Any = None  # the KVM side, see ports.py
        self.agents = agents
        self.authority: Any = None  # the CA, see commands/certificate.py
        self.errands: Inline | Beside = Inline()  # what is asked of real hosts goes on beside
        self.reset()

    def reset(self) -> None:
        """An empty database. Its CA, its keys and what is connected stay."""
        self.tables = {name: Table(name, FIRST_NUMBERS.get(name, 1)) for name in TABLES}
        self.settings = Settings()
        self.settings.set("host", self.host_setting)
        self.jobs = Jobs(self.clock, self.tables["job"])
        self.writes = 0
        self.ha_look = 0.0  # when the HA workers look for work next, see ha_work.py
        self.sessions: dict[str, str] = {}
        self._seed()

    def _seed(self) -> None:
        """What stands in a fresh database."""
        self.domain = self.table("domain").add(name="ROOT", path="ROOT")
        self.account = self.table("account").add(name="admin")
        self.user = self.table("user").add(name="admin", firstname="admin", lastname="cloud", state="enabled")
        self.server = self.table("managementserver").add(name="localhost", state="Up", started=self.clock.stamp())
        self.alert(14, "ALERT.MANAGEMENT", "Management server node 127.0.0.1 is up")
        for name, kind, about in ROLES:
            self.table("role").add(
                name=name, type=kind, description=about, isdefault=True, state="enabled", ispublic=True
            )
        for table in ("networkoffering", "serviceoffering", "template", "ostype"):
            for entry in catalogue()[f"{table}s"]:
                self._seed_from_catalogue(table, entry)
        for name in ("System Offering For Secondary Storage VM", "System Offering For Console Proxy"):
            self.table("systemoffering").add(name=name)

    def _seed_from_catalogue(self, table: str, entry: dict[str, Any]) -> None:
        row = self.table(table).add(**entry)
        if table in ("networkoffering", "serviceoffering"):
            row["created"] = self.server["started"]
        if table == "serviceoffering":
            row["diskofferingid"] = self.table("diskoffering").add(name=entry["name"]).uuid
        if table == "ostype" and not self.table("oscategory").where(name=entry["oscategoryname"]):
            self.table("oscategory").add(name=entry["oscategoryname"])

    def table(self, name: str) -> Table:
        """A table by name."""
        return self.tables[name]

    def get(self, table: str, number: int) -> Record:
        """A row that a validated argument names. Raises 431 where it is removed meanwhile."""
        row = self.table(table).find(number)
        if row is None:
            raise bad_parameter(f"Unable to find {table} by id {number}")
        return row

    def resolve(self, command: str, parameter: str, word: str) -> int | None:
        """The number behind an identifier of a request."""
        table = self.table(REFERENCES.get(f"{command}.{parameter}") or _table_for(command, parameter))
        if not word:
            return None
        return table.number_of(word)

    def alert(self, kind: int, name: str, description: str) -> None:
        """Raise an alert."""
        self.table("alert").add(type=kind, name=name, description=description, sent=self.clock.stamp())

    def event(self, kind: str, description: str, resource: Record | None = None, user: str = "admin") -> None:
        """Write an event that is Completed. `resource`: the host or guest that it is about; `user`: admin or system."""
        about = {}
        if resource is not None:
            name = RESOURCE_TYPES[resource.table]
            about = {"resourceid": resource.uuid, "resourcetype": name, "resourcename": resource["name"]}
        self.table("event").add(
            type=kind, description=description, level="INFO", state="Completed", created=self.clock.stamp(), user=user,
            about=about,
        )  # fmt: skip


RESOURCE_TYPES = {"host": "Host", "virtualmachine": "VirtualMachine"}
ROLES = [
    ("Root Admin", "Admin", "Default root admin role"),
    ("Resource Admin", "ResourceAdmin", "Default resource admin role"),
    ("Domain Admin", "DomainAdmin", "Default domain admin role"),
    ("User", "User", "Default user role"),
    ("Read-Only Admin - Default", "Admin", "Default read-only admin role"),
    ("Read-Only User - Default", "User", "Default read-only user role"),
    ("Support Admin - Default", "Admin", "Default support admin role"),
    ("Support User - Default", "User", "Default support user role"),
    ("Project Kubernetes Service Role", "User", "Default project Kubernetes service role"),
]

# what "id" means in commands whose name does not say it, and parameters with another name than their table
REFERENCES = {
    "queryAsyncJobResult.jobid": "job",
    "updateNetworkServiceProvider.id": "provider",
    "deleteNetworkServiceProvider.id": "provider",
    "configureVirtualRouterElement.id": "element",
    "configureInternalLoadBalancerElement.id": "element",
    "listVirtualRouterElements.id": "element",
    "listInternalLoadBalancerElements.id": "element",
    "listInternalLoadBalancerElements.nspid": "provider",
    "createVirtualRouterElement.nspid": "provider",
    "listSystemVms.id": "systemvm",
    "listNetworks.id": "network",
    "deleteNetwork.id": "network",
    "listVirtualRouterElements.nspid": "provider",
    "enableStorageMaintenance.id": "storagepool",
    "cancelStorageMaintenance.id": "storagepool",
}
_BY_PARAMETER = {
    "zoneid": "zone", "podid": "pod", "clusterid": "cluster", "hostid": "host", "physicalnetworkid": "physicalnetwork",
    "storageid": "storagepool",
    "domainid": "domain", "roleid": "role", "accountid": "account", "userid": "user", "ids": "zone", "hostids": "host",
    "imagestoreuuid": "imagestore",
    "networkofferingid": "networkoffering", "ostypeid": "ostype", "virtualmachineid": "virtualmachine",
    "templateid": "template", "serviceofferingid": "serviceoffering", "networkids": "network", "networkid": "network",
    "zoneids": "zone", "podids": "pod", "clusterids": "cluster", "managementserverid": "managementserver",
}  # fmt: skip
_BY_COMMAND = [
    ("PublicIpRange", "vlan"), ("NetworkOffering", "networkoffering"), ("ServiceOffering", "serviceoffering"),
    ("Template", "template"), ("VirtualMachine", "virtualmachine"), ("Volume", "volume"),
    ("OsType", "ostype"), ("StagingStore", "imagestore"), ("Ipv6Prefix", "ipv6prefix"),
    ("PhysicalNetwork", "physicalnetwork"),
    ("TrafficType", "traffictype"), ("StoragePool", "storagepool"), ("ImageStore", "imagestore"),
    ("Host", "host"), ("Cluster", "cluster"), ("Pod", "pod"), ("Zone", "zone"), ("Role", "role"), ("User", "user"),
    ("Alert", "alert"),
    ("Event", "event"), ("ManagementServer", "managementserver"), ("VlanIpRange", "vlan"),
    ("StorageNetworkIpRange", "storagerange"),
]  # fmt: skip


def _table_for(command: str, parameter: str) -> str:
    if parameter != "id":
        return _BY_PARAMETER.get(parameter, "domain")
    return next((table for part, table in _BY_COMMAND if part in command), "domain")
