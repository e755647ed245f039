# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the pre-flight asks from where: a pure function of the hosts of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Pool
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.pools import KINDS
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.ports import (
    AGENT,
    BMC_FROM_GUEST,
    GUESTS_BETWEEN_HOSTS,
    IPMI,
    MIGRATION_DATA,
    MIGRATION_TLS,
    NFS,
    VXLAN,
    VXLAN_EVPN,
)

# Every host asks every other one up to this many; above it the next ones in a ring, so that each is asked as often as
# it asks.
ALL_PAIRS, NEIGHBOURS = 64, 16


def targets(
    name: str,
    declared: Mapping[str, Mapping[str, Any]],
    management: Iterable[str],
    storage: Iterable[str],
    guest: Sequence[str],
) -> list[dict]:
    """What a host connects to. `declared` is what the inventory says of each host, `guest` the bridges that carry
    guests only.
    """
    own = declared[name].get("address")
    found = [_target(f"management server {each}", each, AGENT, "agent") for each in management]
    found += [_target(f"storage {each}", each, NFS, "storage") for each in storage]
    # The agent tests its own address before it connects (F64).
    found.append(_target(name, own, MIGRATION_TLS, "migration TLS"))
    for peer in peers(name, sorted(declared)):
        address = declared[peer].get("address")
        found += [
            _target(peer, address, MIGRATION_TLS, "migration TLS"),
            _target(peer, address, MIGRATION_DATA, "migration data"),
        ]
    bmc = declared[name].get("oobm_address")
    if bmc:
        found += [
            {**_target(bridge, bmc, IPMI, BMC_FROM_GUEST), "udp_rmcp": True, "bind_device": bridge} for bridge in guest
        ]
    return [each for each in found if each["address"]]


def vxlan_targets(name: str, names: Sequence[str], attachments: Iterable[Attachment]) -> list[dict]:
    """Where a host sends datagrams to learn whether VXLAN gets through. `attachments`: the hosts' addresses on the
    guest labels.
    """
    asked = set(peers(name, names))
    found = [each for each in attachments if each.host in asked]
    return [
        {**_target(each.host, each.address, port, GUESTS_BETWEEN_HOSTS), "udp": True}
        for each in found
        for port in (VXLAN, VXLAN_EVPN)
    ]


def multicast_networks(name: str, attachments: Iterable[Attachment]) -> list[dict[str, str]]:
    """Where a host joins a group to learn whether VXLAN's multicast gets through: its own IPv4 addresses on the guest
    labels.
    """
    own = [each for each in attachments if each.host == name and ":" not in each.address]
    return [{"name": each.network, "source": each.address} for each in own]


def peers(name: str, names: Sequence[str]) -> list[str]:
    """The other hosts that a host asks."""
    others = [each for each in names if each != name]
    if len(names) <= ALL_PAIRS:
        return others
    position = names.index(name)
    return [names[(position + step) % len(names)] for step in range(1, NEIGHBOURS + 1)]


def guest_bridges(labels: Mapping[str, Iterable[str]]) -> list[str]:
    """Bridges that carry guests or public traffic and nothing of CloudStack's own: a guest must not reach a BMC through
    them.
    """
    own = {label for kind in ("Management", "Storage") for label in labels.get(kind, ())}
    return sorted({label for kind in ("Guest", "Public") for label in labels.get(kind, ())} - own)


def cpus(name: str, names: Iterable[str], facts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The CPU that libvirt would give a guest on each other host, as XML, where it is known."""
    found = {other: _cpu_xml(facts.get(other) or {}) for other in names if other != name}
    return {other: xml for other, xml in found.items() if xml}


def logins(declared: Mapping[str, Mapping[str, Any]], passwords: Mapping[str, str]) -> list[dict[str, Any]]:
    """The hosts as a management server has to reach them, with their BMCs. `passwords` of the BMCs, by host."""
    with_address = sorted((name, host) for name, host in declared.items() if host.get("address"))
    return [_login(name, host, passwords.get(name) or "") for name, host in with_address]


def _login(name: str, host: Mapping[str, Any], bmc_password: str) -> dict[str, Any]:
    by_ipmitool = host.get("oobm_driver", "ipmitool") == "ipmitool"
    return {
        "name": name,
        "address": host.get("address"),
        "ssh_port": host.get("ssh_port") or 22,
        "username": host.get("cloudstack_user") or "root",
        "bmc_address": host.get("oobm_address") if by_ipmitool else None,
        "bmc_port": int(host.get("oobm_port") or IPMI),
        "bmc_username": host.get("oobm_username") or "",
        "bmc_password": bmc_password,
    }


def exports(declared: Mapping[str, Any], pools: Iterable[Pool]) -> list[str]:
    """NFS exports that a host must be able to write: those of its inventory and of CloudStack's pools."""
    of_pools = [f"{pool.server}:{pool.path}" for pool in pools if pool.kind == "NetworkFilesystem"]
    return sorted({*(declared.get("exports") or []), *of_pools})


def pools(found: Iterable[Pool]) -> list[dict[str, str]]:
    """Pools on iSCSI and RBD that a host must be able to use, as the module storage_pool_check takes them. One in
    maintenance is left alone by CloudStack.
    """
    tried = [pool for pool in found if pool.kind in KINDS and pool.scope != "HOST" and pool.state != "Maintenance"]
    return [{"name": each.name, "kind": each.kind, "server": each.server, "path": each.path} for each in tried]


def _target(to: str, address: Optional[str], port: int, purpose: str) -> dict[str, Any]:
    return {"to": to, "address": address, "port": port, "purpose": purpose}


def _cpu_xml(facts: Mapping[str, Any]) -> Optional[str]:
    libvirt = facts.get("libvirt") or {}
    return (libvirt.get("host_cpu") or {}).get("xml")
