# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The canary: a guest of the drill's own on the host, with its offering and network. Made, found again, removed."""

from __future__ import annotations

from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import (
    Client,
    NoAnswer,
    patiently,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import Canary

Record = dict[str, Any]
# What the drill makes where none is given; removed with the canary.
OWN = "cloudstack-kvm-ha-drill"
CPU_MHZ, MEMORY_MIB = 500, 256
L2 = "DefaultL2NetworkOffering"
GONE = ("Destroyed", "Expunging")
EVERYBODY = {"listall": "true"}


def find(client: Client, zone_id: str, name: str) -> Optional[Record]:
    """The guest of this name; None if there is none. The server's own filter matches parts of names."""
    listed = patiently(
        client,
        lambda: client.list("listVirtualMachines", "virtualmachine", zoneid=zone_id, name=name, **EVERYBODY),
    )
    return next((each for each in listed if each.get("name") == name and each.get("state") not in GONE), None)


def size_of(client: Client, offering: str) -> tuple[int, int]:
    """CPU in MHz and memory in bytes of the canary. Raises InputError for an offering that has no HA."""
    if not offering:
        return CPU_MHZ, MEMORY_MIB * 2**20
    record = _need(client, "listServiceOfferings", "serviceoffering", offering, "ha_drill_offering")
    if not record.get("offerha"):
        raise InputError(
            "the canary would not be started again",
            expected=f"an offering with HA (offerha) in ha_drill_offering, {offering} has none",
            observed="offerha is false",
            next_step="name another offering, or none: then the drill makes one of its own",
        )
    cpu = int(record.get("cpunumber") or 1) * int(record.get("cpuspeed") or CPU_MHZ)
    return cpu, int(record.get("memory") or MEMORY_MIB) * 2**20


def deploy(client: Client, zone: Record, host_id: str, name: str, template: str, offering: str, network: str) -> Canary:
    """The canary, Running on the host. One that an earlier run made there, and did not come to note, is kept. Raises
    ApiError, InputError.
    """
    guest = find(client, zone["id"], name)
    if guest is not None and (guest.get("state"), guest.get("hostid")) != ("Running", host_id):
        remove(client, zone["id"], name)  # of a run that ended before: its disk has a journal of another drill
        guest = None
    if guest is None:
        guest = _deploy(client, zone, host_id, name, template, offering, network)
    if (guest.get("state"), guest.get("hostid")) != ("Running", host_id):
        raise ApiError(
            "the canary does not run on the host of the drill",
            expected=f"the guest {name} Running on the host {host_id}",
            observed=f"{guest.get('state')} on {guest.get('hostname') or 'no host'}",
            next_step="see why CloudStack chose another host (capacity, tags, dedication), then run again",
        )
    return Canary(name, str(guest["id"]), str(guest.get("hostname") or ""), *_disk(client, zone["id"], guest["id"]))


def remove(client: Client, zone_id: str, name: str) -> bool:
    """Destroy and expunge the canary, and remove what the drill has made for it. Whether there was anything."""
    guest = find(client, zone_id, name)
    if guest is not None:
        client.job("destroyVirtualMachine", id=guest["id"], expunge="true")
    networks = [each for each in _networks(client, zone_id) if each.get("name") == OWN]
    offerings = [each for each in _offerings(client) if each.get("name") == OWN]
    for each in networks:
        client.job("deleteNetwork", id=each["id"])
    for each in offerings:
        client.call("deleteServiceOffering", id=each["id"])
    return bool(guest or networks or offerings)


def _deploy(
    client: Client, zone: Record, host_id: str, name: str, template: str, offering: str, network: str
) -> Record:
    networks = _network_id(client, zone, network)
    params = {
        "zoneid": zone["id"],
        "hostid": host_id,
        "name": name,
        "displayname": name,
        "templateid": _template_id(client, zone["id"], template),
        "serviceofferingid": _offering_id(client, offering),
        **({"networkids": networks} if networks else {}),
    }
    try:
        client.job("deployVirtualMachine", **params)
    except NoAnswer:  # it may have been carried out: then the guest is there
        if find(client, zone["id"], name) is None:
            raise
    guest = find(client, zone["id"], name)
    if guest is None:
        raise ApiError(
            "the canary is gone",
            expected=f"the guest {name}, which was just deployed",
            observed="CloudStack lists none of this name",
            next_step="see listEvents for who removed it, then run again",
        )
    return guest


def _disk(client: Client, zone_id: str, guest_id: str) -> tuple[str, str, str]:
    """Mount and address of the pool, and path of the root volume; empty for a pool of a kind that hosts do not
    mount.
    """
    pools = {each["id"]: _mount(each) for each in client.list("listStoragePools", "storagepool", zoneid=zone_id)}
    for volume in client.list("listVolumes", "volume", zoneid=zone_id, **EVERYBODY):
        mount, address = pools.get(volume.get("storageid"), ("", ""))
        if volume.get("virtualmachineid") == guest_id and mount:
            return mount, address, str(volume.get("path") or "")
    return "", "", ""


def _mount(pool: Record) -> tuple[str, str]:
    path = str(pool.get("path") or "")
    if pool.get("type") == "NetworkFilesystem":
        return f"/mnt/{pool['id']}", f"nfs://{pool.get('ipaddress')}{path}"
    return (path, "") if pool.get("type") == "SharedMountPoint" else ("", "")


def _template_id(client: Client, zone_id: str, template: str) -> str:
    found = client.list("listTemplates", "template", templatefilter="all", zoneid=zone_id, name=template)
    ready = [each for each in found if each.get("name") == template and each.get("isready")]
    if not ready:
        raise InputError(
            f"there is no template {template} that is ready",
            expected="a template for KVM in ha_drill_template that is downloaded in the zone",
            observed=", ".join(f"{each.get('name')} (not ready)" for each in found) or "none of this name",
            next_step="docs/ha-drill.md has how the canary's template is made and registered",
        )
    return str(ready[0]["id"])


def _offering_id(client: Client, offering: str) -> str:
    if offering:
        return str(_need(client, "listServiceOfferings", "serviceoffering", offering, "ha_drill_offering")["id"])
    own = [each for each in _offerings(client) if each.get("name") == OWN]
    if own:
        return str(own[0]["id"])
    sizes = {"cpunumber": 1, "cpuspeed": CPU_MHZ, "memory": MEMORY_MIB}
    made = client.call("createServiceOffering", name=OWN, displaytext=OWN, offerha="true", **sizes)
    return str(made["serviceoffering"]["id"])


def _network_id(client: Client, zone: Record, network: str) -> str:
    """Empty in a basic zone, where a guest gets its network from its host."""
    if zone.get("networktype") == "Basic":
        return ""
    listed = _networks(client, zone["id"])
    wanted = [each for each in listed if each.get("name") == (network or OWN)]
    if wanted:
        return str(wanted[0]["id"])
    if network:
        raise _none("network", network, "ha_drill_network", [str(each.get("name")) for each in listed])
    offering = _need(client, "listNetworkOfferings", "networkoffering", L2, "the zone")
    made = client.call("createNetwork", name=OWN, displaytext=OWN, networkofferingid=offering["id"], zoneid=zone["id"])
    return str(made["network"]["id"])


def _networks(client: Client, zone_id: str) -> list[Record]:
    return client.list("listNetworks", "network", zoneid=zone_id, **EVERYBODY)


def _offerings(client: Client) -> list[Record]:
    return client.list("listServiceOfferings", "serviceoffering")


def _need(client: Client, command: str, kind: str, name: str, option: str) -> Record:
    listed = client.list(command, kind)
    found = [each for each in listed if each.get("name") == name]
    if not found:
        raise _none(kind, name, option, [str(each.get("name")) for each in listed])
    return found[0]


def _none(kind: str, name: str, option: str, there: list[str]) -> InputError:
    return InputError(
        f"there is no {kind} {name}",
        expected=f"the name of one in {option}",
        observed=f"CloudStack has {', '.join(sorted(there)) or 'none'}",
        next_step=f"correct {option}",
    )
