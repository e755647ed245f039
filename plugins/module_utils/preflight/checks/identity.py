# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who a host is to CloudStack: its addresses, its GUID, what agent.properties remembers, and the records that
CloudStack has of it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
    Registered,
)

FILE = "/etc/cloudstack/agent/agent.properties"
# What helps a host whose identity is lost.
JOIN_AGAIN = (
    "delete the host in CloudStack, remove /etc/cloudstack/agent/cloud.*, reinstall agent.properties from "
    "the package, and add the host again"
)


def addresses(host: Profile) -> frozenset[str]:
    """Under which addresses CloudStack may know the host: the declared one and all IPv4 addresses that lead to it."""
    own = [each.split("/")[0] for link in host.get("interfaces") or () for each in link.get("addresses") or ()]
    own = [each for each in own if "." in each and not each.startswith(("127.", "169.254."))]
    return frozenset([*own, host.declared.get("address") or ""]) - {""}


def guid_of(address: str) -> str:
    """The GUID that CloudStack makes of a host's address: Java's UUID.nameUUIDFromBytes, a version 3 UUID without a
    namespace.
    """
    return str(uuid.UUID(bytes=hashlib.md5(address.encode(), usedforsecurity=False).digest(), version=3))


def properties(host: Profile) -> Mapping[str, str]:
    """agent.properties; empty where there is no such file, or one of zeros (AGT005). Raises FactUnavailable where it
    cannot be read.
    """
    if host.require("agent", "present") is False or host.get("agent", "zeroed"):
        return {}
    found = host.require("agent", "properties")
    if not found and host.get("unknown", "agent.properties"):
        raise FactUnavailable("agent.properties", host.why("agent", "properties"))
    return found


def former_life(host: Profile) -> dict[str, str]:
    """What agent.properties of a candidate says about an earlier registration: guid, and zone, pod and cluster where
    they are database ids.
    """
    found = properties(host)
    ids = {key: found[key] for key in ("zone", "pod", "cluster") if str(found.get(key, "")).isdigit()}
    guid = str(found.get("guid") or "").split("-LibvirtComputingResource", maxsplit=1)[0]
    return {**ids, "guid": guid} if guid else ids


def records_of(host: Profile, cluster: Cluster) -> tuple[Registered, ...]:
    """The hosts that CloudStack has under an address of this machine, in all zones."""
    own = addresses(host)
    return tuple(record for record in cluster.registered if record.address in own)


def is_here(record: Registered, cluster: Cluster) -> bool:
    """Whether the registered host is one of this very cluster."""
    return (record.zone, record.cluster) == (cluster.zone, cluster.name)


def registered_text(record: Registered) -> str:
    """A registered host as the operator reads it."""
    return f"{record.name} ({record.address}, zone {record.zone}, cluster {record.cluster}, {record.state})"


def has_former_life(host: Profile) -> bool:
    """Whether agent.properties is known to remember an earlier registration."""
    try:
        return bool(former_life(host))
    except FactUnavailable:
        return False


def management_servers(found: Mapping[str, str]) -> list[str]:
    """host=10.0.0.1,10.0.0.2@static -> the addresses"""
    return [each.strip() for each in str(found.get("host") or "").split("@", maxsplit=1)[0].split(",") if each.strip()]
