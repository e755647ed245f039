# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts (recorded/host-simulator.json, host-lifecycle.json, host-kvm.json)."""

from __future__ import annotations

from urllib.parse import urlsplit

from .. import ha_work, hosts
from ..cloud import Cloud
from ..errors import UNKNOWN, ApiError, bad_parameter, failed, not_simulated
from ..ports import AddHostRequest, DiscoveryError, ResourcesNotFound
from ..records import Record
from ..registry import Arguments, Work, command
from . import cluster as clusters
from .common import by_id, listing
from .maintenance import no_next_state
from .physical_network import kvm_labels

SIMULATED_RECONNECT = 105  # seconds until a host of the simulator plug-in is Up again (recorded)
DETAILS = ("all", "capacity", "events", "stats", "min")


# allocationstate is taken and forgotten by the real server too (recorded/host-simulator.json, 1 and 15)
@command("addHost", "allocationstate clusterid clustername hosttags password username", unlocked=True)
def add_host(cloud: Cloud, given: Arguments) -> dict:
    with cloud.lock:
        zone, pod, cluster = _target(cloud, given)
        kind = clusters.hypervisor_name(given["hypervisor"])
        _check_login(given, kind)
        _check_url(given["url"])
        if kind == "None":
            raise ApiError(530, f"Do not support HypervisorType {given['hypervisor']} for {given['url']}", UNKNOWN)
        if cluster is None:
            name = given.get("clustername") or f"Standalone-{given['url']}"
            known = [row for row in cloud.table("cluster").where(pod=pod.number) if row["name"].lower() == name.lower()]
            cluster = known[0] if known else clusters.add(cloud, zone, pod, name, kind)
        if cluster["hypervisor"] != kind:
            raise _no_resources(given["url"])
        if kind == "Simulator":
            return _answer(cloud, hosts.add_simulated(cloud, zone, pod, cluster, given.get("hosttags") or []))
    if kind != "KVM":
        raise _no_resources(given["url"])
    return _answer(cloud, _discover(cloud, given, zone, pod, cluster))


def _answer(cloud: Cloud, row: Record) -> dict:
    return {"count": 1, "host": [hosts.view(cloud, row)]}


def _no_resources(url: str) -> ApiError:
    return ApiError(530, f"Unable to add the host: Cannot find the server resources at {url}", UNKNOWN)


def _target(cloud: Cloud, given: Arguments) -> tuple[Record, Record, Record | None]:
    zone, pod = cloud.get("zone", given["zoneid"]), cloud.get("pod", given["podid"])
    if pod["zone"] != zone.number:
        uuids = [{"uuid": pod.uuid, "description": "podId"}, {"uuid": zone.uuid, "description": "dcId"}]
        raise ApiError(
            431, f"Pod with specified pod {pod} doesn't belong to the zone with specified zone {zone}", 4350, uuids
        )
    if given.get("clusterid") and given.get("clustername"):
        raise bad_parameter("Can't specify cluster by both id and name")
    return zone, pod, cloud.get("cluster", given["clusterid"]) if given.get("clusterid") else None


def _check_login(given: Arguments, kind: str) -> None:
    """KVM needs a user name; the others a password too."""
    if kind == "KVM":
        if not (given.get("username") or "").strip():
            raise bad_parameter("Username need to be provided.")
    elif not given.get("username") or not given.get("password"):
        raise bad_parameter("Username and Password need to be provided.")


def _check_url(url: str) -> None:
    if " " in url or url.endswith("//"):
        raise bad_parameter(f"{url} is not a valid uri")
    if not urlsplit(url).scheme or "://" not in url:
        raise bad_parameter(f"uri.scheme is null {url}, add nfs:// (or cifs://) as a prefix")


def _discover(cloud: Cloud, given: Arguments, zone: Record, pod: Record, cluster: Record) -> Record:
    """Hand over to the KVM side, then look for the host's row as often and as long as the real server does."""
    url = given["url"]
    if urlsplit(url).scheme != "http" or cloud.discoverer is None:
        raise _no_resources(url)
    request = AddHostRequest(
        url, given["username"], given.get("password"), zone.number, pod.number, cluster.number,
        kvm_labels(cloud, zone.number),
        cloud.settings.get("host") or "",
    )  # fmt: skip
    try:
        guid = cloud.discoverer.prepare(request)
        row = cloud.discoverer.wait_for(guid)
        if row is None:
            raise ResourcesNotFound
        _persist(cloud, row, given)
    except ResourcesNotFound:
        raise _no_resources(url) from None
    except DiscoveryError as error:
        text = (
            f"Could not add host at [{url}] with zone [{zone}], pod [{pod}] and cluster [{cluster}] due to: [{error}]."
        )
        raise ApiError(530, text, UNKNOWN) from None
    return row


def _persist(cloud: Cloud, row: Record, given: Arguments) -> None:
    """User and password become details of the host. An absent password is a null that the database refuses, when the
    host is Up already; an empty one is not (seen on a real 4.22.1)."""
    if given.get("hosttags"):
        row["tags"] = list(given["hosttags"])
    if given.get("password") is None:
        text = f"Unable to persist the host_details key: password for host id: {row.number}"
        raise DiscoveryError(
            f" can't setup agent, due to com.cloud.utils.exception.CloudRuntimeException: {text} - {text}"
        )


# hahost chooses by the setting ha.tag, and nothing where that is empty, as it is (recorded/misc.json, 3 and 4)
@command(
    "listHosts",
    "arch clusterid details hahost hypervisor id keyword name outofbandmanagementenabled "
    "outofbandmanagementpowerstate podid resourcestate state type zoneid",
)
def list_hosts(cloud: Cloud, given: Arguments) -> dict:
    details = [word.strip() for word in given.get("details") or ["all"]]
    if any(word not in DETAILS for word in details):
        raise bad_parameter(
            f"The details parameter contains a non permitted value. The allowed values are [{', '.join(DETAILS)}]"
        )
    rows = by_id(cloud.table("host"), given, zoneid="zone", podid="pod", clusterid="cluster")
    for key, column in {
        "type": "type",
        "state": "state",
        "resourcestate": "resourcestate",
        "hypervisor": "hypervisor",
        "arch": "arch",
    }.items():
        if given.get(key):
            rows = [row for row in rows if row[column].lower() == given[key].lower()]
    if "outofbandmanagementenabled" in given:
        rows = [
            row for row in rows if row.get("oobm") and row["oobm"]["enabled"] == given["outofbandmanagementenabled"]
        ]
    if given.get("outofbandmanagementpowerstate"):
        rows = [row for row in rows if hosts.oobm_view(row)["powerstate"] == given["outofbandmanagementpowerstate"]]
    return listing("host", rows, lambda row: hosts.view(cloud, row, details), given)


@command("updateHost", "allocationstate annotation hosttags istagarule name url")
def update_host(cloud: Cloud, given: Arguments) -> dict:
    row = cloud.get("host", given["id"])
    about = f"Failed to update host: {row} with id {row.number}, "
    state = given.get("allocationstate")
    if state and state not in ("Enable", "Disable"):
        raise ApiError(530, f"{about}Invalid allocation state: {state}, only Enable/Disable are allowed", UNKNOWN)
    if state and row["resourcestate"] not in ("Enabled", "Disabled"):
        raise ApiError(530, about + no_next_state(row, state), UNKNOWN)
    if given.get("istagarule"):
        raise ApiError(
            530, f"{about}The parameter istagarule cannot be set to true as JS interpretation is disabled", UNKNOWN
        )
    if given.get("url"):
        raise ApiError(530, f"{about}host: {row} is not a secondary storage", UNKNOWN)
    if state:
        row["resourcestate"] = f"{state}d"
    if "hosttags" in given:
        row["tags"] = [tag for tag in given["hosttags"] if tag]
    for key in ("name", "annotation"):
        if given.get(key):
            row[key] = given[key]
    if given.get("annotation"):
        row["annotated"] = cloud.clock.stamp()
    return {"host": hosts.view(cloud, row)}


@command("updateHostPassword", "clusterid hostid update_passwd_on_host")
def update_host_password(cloud: Cloud, given: Arguments) -> dict:
    if not given.get("hostid") and not given.get("clusterid"):
        raise bad_parameter("You should provide an host id.")
    row = cloud.get("host", given["hostid"]) if given.get("hostid") else None
    if row is not None and row["hypervisor"] != "KVM":
        raise bad_parameter("This operation is not supported for this hypervisor type")
    if given.get("update_passwd_on_host") and cloud.table("host").where(hypervisor="KVM"):
        raise not_simulated("updateHostPassword on real hosts (update_passwd_on_host=true)")
    return {"success": True}


@command("deleteHost", "forced", unlocked=True)
def delete_host(cloud: Cloud, given: Arguments) -> dict:
    with cloud.lock:
        row = cloud.table("host").find(given["id"])
        if row is None:
            raise bad_parameter(f"Host with ID [{given['id']}] was not found")
        if not given.get("forced") and row["resourcestate"] not in ("Maintenance", "Degraded"):
            raise failed(
                f"Host with UUID [{row.uuid}] is not in maintenance mode and no forced deletion was requested."
            )
        row.removed = True
        ha_work.schedule_guests(cloud, row)
        for pool in cloud.table("storagepool").where(host=row.number):
            pool.removed = True
    if cloud.agents is not None:
        cloud.agents.forget(row)
    return {"success": True}


@command("reconnectHost")
def reconnect_host(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["id"])

    def work() -> dict:
        if row["hypervisor"] == "KVM" and row["state"] not in ("Up", "Alert", "Rebalancing"):
            raise failed(
                f"Unable to disconnect host because it is not in the correct state: host={row}; Status={row['state']}"
            )
        answer = {"host": hosts.view(cloud, row)}
        hosts.set_state(cloud, row, "Disconnected")
        row["back"] = cloud.clock.now() + SIMULATED_RECONNECT
        if cloud.agents is not None and row["hypervisor"] == "KVM":
            cloud.agents.drop(row)
        return answer

    return Work(work, ("Host", row.uuid))
