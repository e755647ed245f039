# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster is meant to be, out of CloudStack's answers or out of the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.storage_url import (
    SCHEMES,
    normal_url,
    pool_url,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    HostWithoutFacts,
    Pool,
    Registered,
)

Record = Mapping[str, Any]
KINDS = {scheme: kind for kind, scheme in SCHEMES.items()}
# Those of roles/cluster/defaults/main.yml that decide something here; a test compares them.
DEFAULTS: Mapping[str, Any] = {
    "cluster_zone_network_type": "Advanced",
    "cluster_zone_allocation_state": "Enabled",
    "cluster_physical_network_isolation_methods": ["VLAN"],
    "cluster_physical_network_vlan": "",
    "cluster_traffic_labels": [
        {"type": "Management", "label": "cloudbr0"},
        {"type": "Public", "label": "cloudbr1"},
        {"type": "Guest", "label": "cloudbr1"},
    ],
    "cluster_arch": "x86_64",
    "cluster_primary_storage": [],
}
HOST_KEYS = {
    "name": "name",
    "address": "ipaddress",
    "state": "state",
    "resource_state": "resourcestate",
    "zone": "zonename",
    "cluster": "clustername",
    "version": "version",
    "id": "id",
}
# What a field is called in documents (preflight.facts.json, preflight.json, cluster_info), where it has another name:
# files outlive names.
DOCUMENT_KEYS = {"hosts_without_facts": "unseen"}
# listHosts shows none of them today; a new version may.
SECRET = ("password", "username", "secret", "key")


def cluster_of(mapping: Mapping[str, Any]) -> Cluster:
    """The cluster in the result of cluster_info. Raises InputError for what no Cluster has."""
    known = {DOCUMENT_KEYS.get(each.name, each.name) for each in fields(Cluster)}
    if not set(mapping) <= known:
        raise InputError(
            "not a cluster",
            expected=f"the keys {', '.join(sorted(known))}",
            observed=", ".join(sorted(set(mapping) - known)),
        )
    values: dict[str, Any] = dict(mapping)
    for key, value in mapping.items():
        if isinstance(value, list):
            values[key] = tuple(value)
    values["labels"] = {kind: tuple(labels) for kind, labels in (values.get("labels") or {}).items()}
    values["pools"] = tuple(Pool(**pool) for pool in values.get("pools") or ())
    values["registered"] = tuple(Registered(**host) for host in values.get("registered") or ())
    values["hosts_without_facts"] = tuple(HostWithoutFacts(**host) for host in values.pop("unseen", None) or ())
    return Cluster(**values)


def mapping_of(cluster: Cluster) -> dict[str, Any]:
    """The cluster as a module returns it: nothing but dictionaries, lists and plain values."""
    return {DOCUMENT_KEYS.get(key, key): _plain(value) for key, value in asdict(cluster).items()}


def cluster_of_inventory(variables: Mapping[str, Any]) -> Cluster:
    """What the variables of a host say of its cluster, those of the role cluster with their defaults. Raises InputError
    for a bad URL.

    Settings and registered hosts stay empty: only CloudStack knows them. `preflight_declared` is what every host must
    have.
    """
    declared = {key: variables[key] for key in DEFAULTS if variables.get(key) is not None}
    given = {**DEFAULTS, **declared}
    isolation = tuple(str(method).upper() for method in given["cluster_physical_network_isolation_methods"])
    network = {"isolationmethods": ",".join(isolation), "vlan": str(given["cluster_physical_network_vlan"])}
    labels = [
        {"traffictype": each["type"], "kvmnetworklabel": each["label"]} for each in given["cluster_traffic_labels"]
    ]
    return Cluster(
        zone=_name(variables, "cluster_zone_name", "cloudstack_zone"),
        pod=_name(variables, "cluster_pod_name", "cloudstack_pod"),
        name=_name(variables, "cluster_name", "cloudstack_cluster"),
        arch=given["cluster_arch"],
        labels=labels_of(labels),
        isolation=isolation,
        vlan_ranges=vlan_ranges_of([network]),
        security_groups=str(given["cluster_zone_network_type"]).lower() == "basic",
        pools=tuple(_declared_pool(each) for each in given["cluster_primary_storage"]),
        declared=dict(variables.get("preflight_declared") or {}),
        zone_allocation_state=given["cluster_zone_allocation_state"],
        cluster_allocation_state="Enabled",
    )


def expected_cluster(info: Optional[Mapping[str, Any]], variables: Mapping[str, Any]) -> Cluster:
    """What the cluster is meant to be: `info` is the result of cluster_info (empty or skipped: CloudStack was not
    asked), `variables` a host's.
    """
    inventory = cluster_of_inventory(variables)
    if not info or info.get("skipped"):
        return inventory
    if not info.get("cluster"):
        return replace(inventory, unanswered=str(info.get("msg") or "no result").strip())
    return completed(cluster_of(info["cluster"]), inventory, info["exists"])


def completed(cloud: Cluster, inventory: Cluster, exists: Mapping[str, bool]) -> Cluster:
    """What CloudStack says, and what the inventory says of the parts that register_cluster and add_hosts would still
    make.
    """
    missing = []
    if not exists["zone"]:
        missing += ["labels", "isolation", "vlan_ranges", "security_groups", "zone_allocation_state"]
    if not exists["cluster"]:
        missing += ["arch", "cluster_allocation_state"]
    known = {_url(pool) for pool in cloud.pools}
    added = tuple(pool for pool in inventory.pools if _url(pool) not in known)
    taken = {name: getattr(inventory, name) for name in missing}
    return replace(cloud, **taken, pools=cloud.pools + added, declared=inventory.declared)


def labels_of(traffic_types: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """Traffic type -> its KVM labels over all physical networks; a type that has none is there and empty."""
    labels: dict[str, tuple[str, ...]] = {}
    for record in traffic_types:
        kind, label = str(record.get("traffictype")), record.get("kvmnetworklabel")
        found = labels.setdefault(kind, ())
        if label and label not in found:
            labels[kind] = (*found, label)
    return labels


def isolation_of(networks: Iterable[Record]) -> tuple[str, ...]:
    """How the physical networks separate guests, in capitals, each way once."""
    return tuple(dict.fromkeys(method for record in networks for method in _methods(record)))


def vlan_ranges_of(networks: Iterable[Record]) -> tuple[str, ...]:
    """The ranges of the networks that separate by VLAN, as CloudStack does where no way is named; numbers of VXLANs are
    none.
    """
    records = [record for record in networks if not _methods(record) or "VLAN" in _methods(record)]
    return tuple(
        part.strip() for record in records for part in str(record.get("vlan") or "").split(",") if part.strip()
    )


def pools_of(pools: Iterable[Record], cluster: Optional[Record]) -> tuple[Pool, ...]:
    """The pools that every host of the cluster has to mount: its own, and those of the zone that are open to it."""
    return tuple(_pool(record) for record in pools if concerns(record, cluster or {}))


def registered_of(hosts: Iterable[Record]) -> tuple[Registered, ...]:
    """The hosts of listHosts."""
    return tuple(_registered(record) for record in hosts)


def _pool(record: Record) -> Pool:
    return Pool(
        name=str(record.get("name")),
        kind=str(record.get("type")),
        server=str(record.get("ipaddress") or ""),
        path=str(record.get("path") or ""),
        state=str(record.get("state")),
        scope=str(record["scope"]),
    )


def _registered(record: Record) -> Registered:
    shown: dict[str, Any] = {ours: str(record.get(theirs) or "") for ours, theirs in HOST_KEYS.items()}
    details = {key: str(value) for key, value in (record.get("details") or {}).items() if not _is_secret(key)}
    return Registered(**shown, details=details)


def _is_secret(key: str) -> bool:
    return any(mark in key.lower() for mark in SECRET)


def concerns(pool: Record, cluster: Record) -> bool:
    """Whether every host of the cluster mounts the pool. Both are records of CloudStack's lists."""
    if pool.get("scope") == "CLUSTER":
        return bool(cluster) and pool.get("clusterid") == cluster.get("id")
    hypervisor = str(pool.get("hypervisor") or "Any").lower()
    if pool.get("scope") != "ZONE" or hypervisor not in ("any", str(cluster.get("hypervisortype") or "KVM").lower()):
        return False
    # Storage access groups, since 4.21: a pool that has some is mounted only by hosts with one of them; theirs come
    # from all levels above.
    groups = _words(pool.get("storageaccessgroups"))
    return not groups or bool(
        groups & _words(*(cluster.get(f"{level}storageaccessgroups") for level in ("", "pod", "zone")))
    )


def _words(*texts: Optional[str]) -> set[str]:
    return {word.strip() for text in texts for word in (text or "").split(",") if word.strip()}


def _methods(network: Record) -> Sequence[str]:
    return [
        method.strip().upper() for method in str(network.get("isolationmethods") or "").split(",") if method.strip()
    ]


def _name(variables: Mapping[str, Any], own: str, common: str) -> str:
    return str(variables.get(own) or variables.get(common) or "")


def _declared_pool(entry: Mapping[str, Any]) -> Pool:
    scheme, _mark, rest = normal_url(str(entry["url"])).partition("://")
    server, slash, path = rest.partition("/")
    return Pool(
        str(entry["name"]),
        KINDS.get(scheme, scheme),
        server,
        f"{slash}{path}",
        scope=str(entry.get("scope") or "cluster").upper(),
    )


def _url(pool: Pool) -> str:
    return pool_url({"type": pool.kind, "ipaddress": pool.server, "path": pool.path})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return list(map(_plain, value)) if isinstance(value, (list, tuple)) else value
