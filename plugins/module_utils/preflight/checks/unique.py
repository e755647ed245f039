# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever only one host may have, in one table: what it is, where it stands, and which check reports it.

Four more are compared by checks that also know who is entitled: addresses (NET008), MACs (NET009), names (NET010) and
BMCs (BMC003).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import properties
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.majority import blame_newcomers
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import FactUnavailable, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import fact_unavailable, show

# libvirt takes no UUID of one repeated digit for a host's own, and makes one up instead (virUUIDIsValid).
LIBVIRT_UUID_INVALID = re.compile(r"(.)\1*")
MACHINE_ID_IS_UUID = "machine-id"  # a value of host_uuid_source in libvirtd.conf
AGENT_IDS = ("LibvirtComputingResource.id", "LibvirtComputingResource.uuid")


@dataclass(frozen=True)
class Unique:
    """`values` reads what the host has, empty where it has none; it raises FactUnavailable where that is not known."""

    what: str
    check: str
    values: Callable[[Profile], Iterable[str]]


def _machine_id(host: Profile) -> Iterable[str]:
    return [host.require("machine_id")]


def libvirt_uuids(host: Profile) -> Iterable[str]:
    """The UUID by which libvirt knows the host. The running daemon tells it; before it runs it is host_uuid of
    libvirtd.conf, the machine-id where host_uuid_source says so, else that of the firmware (virGetHostUUID).
    """
    configured, source = host.get("libvirt", "host_uuid"), host.get("libvirt", "host_uuid_source")
    told = host.get("libvirt", "uuid")
    if configured or source == MACHINE_ID_IS_UUID:
        found = [told or configured or host.require("machine_id")]
    elif told and host.get("dmi", "product_uuid") is None:
        found = [told]
    else:
        found = [host.require("dmi", "product_uuid"), *filter(None, [told])]
    plain = {str(each).lower().replace("-", "") for each in found}
    return [each for each in sorted(plain) if not LIBVIRT_UUID_INVALID.fullmatch(each)]


def _initiator(host: Profile) -> Iterable[str]:
    name = host.get("iscsi", "initiator")
    if not name and (host.get("iscsi") is None or host.why("iscsi", "initiator") != "was not collected"):
        raise FactUnavailable("iscsi.initiator", host.why("iscsi", "initiator"))
    return filter(None, [name])


def _local_pools(host: Profile) -> Iterable[str]:
    text = str(properties(host).get("local.storage.uuid") or "")
    return sorted({each.strip().lower() for each in text.split(",") if each.strip()})


def _agent_ids(host: Profile) -> Iterable[str]:
    """Of members only: what a candidate has of another host's life is AGT006's matter."""
    found = properties(host) if host.member else {}
    return [f"{key}={found[key]}" for key in AGENT_IDS if found.get(key)]


def _host_keys(host: Profile) -> Iterable[str]:
    return host.get("ssh", "host_keys") or ()


def _nvme_name(host: Profile) -> Iterable[str]:
    return filter(None, [host.get("nvme", "hostnqn")])


UNIQUE = {
    row.what: row
    for row in (
        Unique("a machine-id of its own", "SYS003", _machine_id),
        Unique("a UUID of its own for libvirt", "SYS008", libvirt_uuids),
        Unique("an initiator name of its own", "STO006", _initiator),
        Unique("a local.storage.uuid for each host", "STO007", _local_pools),
        Unique("an agent's id of its own", "SYS010", _agent_ids),
        Unique("SSH host keys of its own", "SYS010", _host_keys),
        Unique("an NVMe name of its own (/etc/nvme/hostnqn)", "SYS010", _nvme_name),
    )
}


def shared(check: str, hosts: Sequence[Profile], *, severity: Optional[str] = None) -> Iterator[Problem]:
    """The problems of one check: each value that several hosts have, newcomers to blame, and hosts whose value is not
    known. Values that the same hosts share are one problem.
    """
    for row in (each for each in UNIQUE.values() if each.check == check):
        owners: dict[str, list[Profile]] = {}
        for host in hosts:
            try:
                for value in dict.fromkeys(row.values(host)):
                    owners.setdefault(value, []).append(host)
            except FactUnavailable as error:
                yield fact_unavailable(host, error)
        yield from _told(row, owners, severity)


def _told(row: Unique, owners: dict[str, list[Profile]], severity: Optional[str]) -> Iterator[Problem]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for value, sharing in sorted(owners.items()):
        if len(sharing) > 1:
            groups.setdefault(tuple(host.name for host in sharing), []).append(value)
    for names, values in sorted(groups.items()):
        blamed, others = blame_newcomers(owners[values[0]])
        yield Problem(blamed, row.what, f"{show(values)} on {show(list(names))}", others=others, severity=severity)
