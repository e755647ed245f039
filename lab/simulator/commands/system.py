# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server tells of itself: capabilities, its calls, roles, servers, alerts, events."""

from __future__ import annotations

from .. import VERSION, table
from ..catalogue import catalogue, services
from ..cloud import Cloud
from ..errors import UNKNOWN, ApiError, bad_parameter, failed
from ..jobs import PENDING
from ..registry import PAGING, Arguments, command
from .common import by_id, listing

CAPABILITIES = {
    "securitygroupsenabled": False, "dynamicrolesenabled": True, "cloudstackversion": VERSION,
    "userpublictemplateenabled": True,
    "supportELB": "false", "projectinviterequired": False, "allowusercreateprojects": True,
    "customdiskofferingminsize": 1,
    "customdiskofferingmaxsize": 1024, "regionsecondaryenabled": False, "kvmsnapshotenabled": True,
    "snapshotshowchainsize": False,
    "allowuserviewdestroyedvm": True, "allowuserexpungerecovervm": True, "allowuserexpungerecovervolume": True,
    "allowuserviewalldomainaccounts": False, "allowuserforcestopvm": True, "kubernetesserviceenabled": True,
    "kubernetesclusterexperimentalfeaturesenabled": False, "customhypervisordisplayname": "Custom",
    "defaultuipagesize": 20,
    "instancesstatsretentiontime": 720, "instancesstatsuseronly": False, "instancesdisksstatsretentionenabled": False,
    "instancesdisksstatsretentiontime": 720, "sharedfsvmmincpucount": 2, "sharedfsvmminramsize": 1024,
    "instanceleaseenabled": False,
    "extensionspath": "/usr/share/cloudstack-management/extensions", "dynamicscalingenabled": False,
    "additionalconfigenabled": False,
}  # fmt: skip

# the setting hypervisor.list; Simulator is missing in it, although its plug-in is there
HYPERVISORS = ("KVM", "VMware", "XenServer", "Hyperv", "BareMetal", "Ovm", "LXC", "Ovm3", "External")


@command("listCapabilities")
def list_capabilities(cloud: Cloud, given: Arguments) -> dict:
    enabled = any(row["securitygroups"] for row in cloud.table("zone"))
    limits = {}
    if cloud.settings.get("api.throttling.enabled") == "true":
        limits = {
            "apilimitinterval": int(cloud.settings.number("api.throttling.interval")),
            "apilimitmax": int(cloud.settings.number("api.throttling.max")),
        }
    return {"capability": {**CAPABILITIES, "securitygroupsenabled": enabled, **limits}}


@command("listApis", "name")
def list_apis(cloud: Cloud, given: Arguments) -> dict:
    from ..registry import COMMANDS

    known = [_shown(table.commands()[name].raw) for name in sorted(COMMANDS) if name in table.commands()]
    name = given.get("name")
    if name:
        known = [raw for raw in known if raw["name"] == name]
        if not known:
            raise ApiError(
                530, "Api Discovery plugin was unable to find an api by that name or process any apis", UNKNOWN
            )
    return {"count": len(known), "api": known}


def _shown(raw: dict) -> dict:
    """A command as listApis shows it: without `since` where that is unknown."""
    return {key: value for key, value in raw.items() if value is not None}


@command("listManagementServers", "id keyword name")
def list_management_servers(cloud: Cloud, given: Arguments) -> dict:
    def view(row):
        agents = [host.uuid for host in cloud.table("host").where(state="Up", type="Routing")]
        return {
            "id": row.uuid, "name": row["name"], "state": "Up", "version": VERSION, "javadistribution": "Debian",
            "javaversion": "17.0.15+6-Debian-1deb12u1", "osdistribution": "Debian GNU/Linux 12 (bookworm)",
            "lastserverstart": row["started"],
            "lastboottime": row["started"], "serviceip": "127.0.0.1", "ipaddress": "127.0.0.1", "lastagents": [],
            "agents": agents,
            "agentscount": len(agents), "pendingjobscount": sum(job["status"] == PENDING for job in cloud.table("job")),
        }  # fmt: skip

    return listing("managementserver", by_id(cloud.table("managementserver"), given), view, given)


@command("listAlerts", "keyword type")
def list_alerts(cloud: Cloud, given: Arguments) -> dict:
    rows = list(reversed(list(cloud.table("alert"))))
    if given.get("type"):
        rows = [row for row in rows if str(row["type"]) == str(given["type"])]
    if given.get("keyword"):
        rows = [row for row in rows if given["keyword"].lower() in row["description"].lower()]

    def view(row):
        return {
            "id": row.uuid,
            "type": row["type"],
            "name": row["name"],
            "description": row["description"],
            "sent": row["sent"],
        }

    return listing("alert", rows, view, given)


@command("listEvents", "keyword")
def list_events(cloud: Cloud, given: Arguments) -> dict:
    def view(row):
        return {
            "id": row.uuid, "username": row["user"], "type": row["type"], "level": row["level"],
            "description": row["description"], "account": row["user"],
            "domainid": cloud.domain.uuid, "domain": "ROOT", "domainpath": "ROOT", **row["about"],
            "created": row["created"], "state": row["state"],
        }  # fmt: skip

    rows = [
        row
        for row in cloud.table("event")
        if given.get("keyword", "").lower() in f"{row['type']} {row['description']} {row['level']}".lower()
    ]
    return listing("event", rows, view, given)


def role_view(row) -> dict:
    """A role as answers show it."""
    default = {"isdefault": True} if row.get("isdefault") else {}
    about = {"description": row["description"]} if row.get("description") else {}
    return {
        "type": row["type"],
        **default,
        "state": row["state"],
        "id": row.uuid,
        "name": row["name"],
        **about,
        "ispublic": row["ispublic"],
    }


@command("listRoles", "id keyword name type")
def list_roles(cloud: Cloud, given: Arguments) -> dict:
    rows = by_id(cloud.table("role"), given)
    if given.get("type"):
        rows = [row for row in rows if row["type"].lower() == given["type"].lower()]
    return listing("role", rows, role_view, given)


@command("createRole", "description type")
def create_role(cloud: Cloud, given: Arguments) -> dict:
    kinds = {kind.lower(): kind for kind in ("Admin", "ResourceAdmin", "DomainAdmin", "User")}
    kind = kinds.get((given.get("type") or "user").lower())
    if kind is None:
        raise bad_parameter("Invalid role type provided")
    row = cloud.table("role").add(
        name=given["name"], type=kind, description=given.get("description"), state="enabled", ispublic=True
    )
    return {"role": role_view(row)}


@command("listHypervisors")
def list_hypervisors(cloud: Cloud, given: Arguments) -> dict:
    return {"count": len(HYPERVISORS), "hypervisor": [{"name": name} for name in HYPERVISORS]}


@command("listUsers")
def list_users(cloud: Cloud, given: Arguments) -> dict:
    def view(row):
        return {
            "id": row.uuid,
            "username": row["name"],
            "firstname": row["firstname"],
            "lastname": row["lastname"],
            "state": row["state"],
            "account": "admin",
        }

    return listing("user", cloud.table("user"), view, given)


def _fixed(name: str, key: str, rows: str, takes: str = "") -> None:
    """Register a list that no call changes. `takes`: arguments that a row's field of the same name must have, in any
    letter case."""

    @command(name, takes)
    def list_fixed(cloud: Cloud, given: Arguments) -> dict:
        chosen = catalogue()[rows]
        for field in table.commands()[name].parameters:
            if given.get(field) and field not in PAGING:
                chosen = [row for row in chosen if row[field].lower() == given[field].lower()]
        return listing(key, chosen, lambda row: row, given)


_fixed("listHypervisorCapabilities", "hypervisorCapabilities", "hypervisorcapabilities", "hypervisor")
_fixed("listAlertTypes", "alerttype", "alerttypes")
_fixed("listRegions", "region", "regions", "name")
_fixed("listStorageProviders", "dataStoreProvider", "storageproviders")


@command("listEventTypes")
def list_event_types(cloud: Cloud, given: Arguments) -> dict:
    names = catalogue()["eventtypes"]
    return {"count": len(names), "eventtype": [{"name": name} for name in names]}


@command("listTrafficTypeImplementors", "traffictype")
def list_implementors(cloud: Cloud, given: Arguments) -> dict:
    rows, kind = catalogue()["traffictypeimplementors"], given.get("traffictype")
    if kind:  # the first one only, though there are several
        rows = [row for row in rows if row["traffictype"].lower() == kind.lower()][:1]
    return listing("traffictypeimplementorresponse", rows, lambda row: row, given)


@command("listSupportedNetworkServices", "provider service")
def list_services(cloud: Cloud, given: Arguments) -> dict:
    rows = services()  # whole, whatever page is asked for
    if given.get("provider"):
        rows = [row for row in rows if given["provider"] in [provider["name"] for provider in row["provider"]]]
    if given.get("service"):
        rows = [row for row in rows if row["name"] == given["service"]]
    return {"count": len(rows), "networkservice": rows} if rows else {}


@command("startRollingMaintenance")
def start_rolling_maintenance(cloud: Cloud, given: Arguments) -> dict:
    raise failed("Parameters podId, clusterId, zoneId, hostId are mutually exclusive, please set only one of them")
