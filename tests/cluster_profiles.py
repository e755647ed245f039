# SPDX-License-Identifier: GPL-3.0-or-later
"""The healthy cluster of tests/fixtures/profiles/healthy.yml, and edits of it: how the fault table and the benchmarks
get their hosts.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import pickle
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    HostWithoutFacts,
    Pool,
    Profile,
    Registered,
)

from tests.yaml_files import read_yaml

HEALTHY = Path(__file__).parent / "fixtures" / "profiles" / "healthy.yml"
STEP = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")


@dataclass
class World:
    """Everything that assess() takes, as plain data that an edit can change."""

    hosts: dict[str, dict[str, Any]]
    cluster: dict[str, Any]
    policy: dict[str, Any]

    def edit(self, changes: Mapping[str, Mapping[str, Any]]) -> World:
        """A changed copy: for each host (or `cluster`, `policy`) dotted paths and their new values; null removes."""
        # a world is large and plain, and thousands of tests edit one: copy.deepcopy takes longer
        new = World(*pickle.loads(pickle.dumps((self.hosts, self.cluster, self.policy))))
        for target, paths in changes.items():
            tree = (
                {"cluster": new.cluster, "policy": new.policy}.get(target)
                if target in ("cluster", "policy")
                else new.hosts[target]
            )
            for path, value in paths.items():
                put(tree, path, copy.deepcopy(value))
        return new

    def profiles(self) -> list[Profile]:
        return [Profile(name, **parts) for name, parts in sorted(self.hosts.items())]

    def intent(self) -> Cluster:
        parts = dict(self.cluster)
        parts["pools"] = tuple(Pool(**pool) for pool in parts["pools"])
        parts["registered"] = tuple(Registered(**host) for host in parts["registered"])
        parts["hosts_without_facts"] = tuple(HostWithoutFacts(**host) for host in parts.get("unseen", ()))
        parts["labels"] = {kind: tuple(labels) for kind, labels in parts["labels"].items()}
        names = {each.name for each in fields(Cluster)}
        return Cluster(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in parts.items()
                if name in names
            }
        )

    def rules(self) -> Policy:
        return Policy().with_changes(self.policy)


def healthy(members: int = 3, candidates: int = 1) -> World:
    """That many members and candidates, named host1, host2 ..., candidates last."""
    return World(*pickle.loads(_healthy(members, candidates)))


@functools.cache
def _healthy(members: int, candidates: int) -> bytes:
    """What a World is made of, pickled: made once, then read anew by each who wants to change it."""
    source = _source()
    count = members + candidates
    hosts = {f"host{number}": _host(source, number, count, members) for number in range(1, count + 1)}
    cluster = {
        **source["cluster"],
        "registered": [_registered(source["cluster"]["registered"][0], number) for number in range(1, members + 1)],
    }
    return pickle.dumps((hosts, cluster, {}))


@functools.cache
def _source() -> dict[str, Any]:
    return read_yaml(HEALTHY)


def put(tree: Any, path: str, value: Any) -> None:
    """Set the value at a path such as `facts.interfaces[eth1].mtu` or `facts.sysctl[net.ipv4.ip_forward]`; None removes
    it. `facts.interfaces[+]` appends a list of items.
    """
    steps = [plain or quoted for plain, quoted in STEP.findall(path)]
    for step in steps[:-1]:
        tree = _item(tree, step) if isinstance(tree, list) else tree.setdefault(step, {})
    last = steps[-1]
    if isinstance(tree, list) and last == "+":
        tree.extend(value)
    elif isinstance(tree, list):
        found = _item(tree, last)
        if value is None:
            tree.remove(found)
        else:
            found.update(value)
    elif value is None:
        tree.pop(last, None)
    else:
        tree[last] = value


def _item(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The item of a list that has this name (or `to`, or `port`), or this index."""
    for item in items:
        if name in {str(item.get(key)) for key in ("name", "to", "export", "port") if isinstance(item, Mapping)}:
            return item
    return items[int(name)]


def _host(source: Mapping[str, Any], number: int, count: int, members: int) -> dict[str, Any]:
    member = number <= members
    parts = _numbered(
        {key: source[key] for key in ("facts", "declared", "probes", "candidate")}, number, large=count > 9
    )
    if count > 9:
        for index, link in enumerate(each for each in parts["facts"]["interfaces"] if each["name"] != "lo"):
            link["mac"] = f"02:00:{index:02x}:00:{number >> 8:02x}:{number & 255:02x}"
    changes = parts.pop("candidate")
    if not member:
        _merge(parts["facts"], changes)
        put(parts, "probes.management.mgmt1.ports[16514].state", "refused")  # libvirtd gets its certificate at the join
    others = [each for each in range(1, count + 1) if each != number][:8]
    parts["probes"].update(_between(number, others, members, large=count > 9))
    return {**parts, "member": member}


def _between(number: int, others: list[int], members: int, *, large: bool) -> dict[str, Any]:
    """What the host sees of the other hosts."""
    port, closed = {"state": "open", "ms": 0.4}, {"state": "refused", "ms": 0.3}
    tls = {each: port if each <= members else closed for each in (*others, number)}
    ports = [
        {"to": f"host{each}", "address": _address(each), "port": 16514, "purpose": "migration TLS", **tls[each]}
        for each in others
    ]
    ports += [
        {"to": f"host{each}", "address": _address(each), "port": 49152, "purpose": "migration data", **closed}
        for each in others
    ]
    ports.append(
        {"to": f"host{number}", "address": _address(number), "port": 16514, "purpose": "migration TLS", **tls[number]}
    )
    ports.append(
        {"to": "management server 10.88.0.254", "address": "10.88.0.254", "port": 8250, "purpose": "agent", **port}
    )
    ports.append({"to": "storage 10.88.2.254", "address": "10.88.2.254", "port": 2049, "purpose": "storage", **port})
    return {
        "ports": ports,
        "paths": _paths(number, others, large=large),
        "cpu_compare": {f"host{each}": "identical" for each in others},
    }


def _paths(number: int, others: list[int], *, large: bool) -> dict[str, Any]:
    """What the path check saw: for each other host one outcome on cloudbr0 and one on cloudbr2."""
    outcomes = []
    for each in others:
        for network, address, size in (
            ("cloudbr0", _address(each), 1500),
            ("cloudbr2", _address(each, "10.89") if large else f"10.88.2.1{each}", 9000),
        ):
            probe = {
                "host": f"host{number}",
                "network": network,
                "peer": f"host{each}",
                "address": address,
                "size": size,
            }
            times = {"rtt_min_ms": 0.1, "rtt_avg_ms": 0.2, "rtt_p99_ms": 0.4}
            outcomes.append(
                {
                    **probe,
                    "control": True,
                    "passed": True,
                    "sent": 20,
                    "lost": 0,
                    **times,
                    "path_mtu": size,
                    "failure": "",
                }
            )
    return {"outcomes": outcomes, "heard": []}


def _address(number: int, net: str = "10.88") -> str:
    """10.88.0.11 for host1; further on in a /16, so that a thousand hosts have addresses too."""
    return f"{net}.{number // 200}.{number % 200 + 10}"


def _registered(first: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        **copy.deepcopy(dict(first)),
        "name": f"host{number}",
        "address": _address(number),
        "id": f"{number:08d}-0000-4000-8000-000000000000",
    }


def _numbered(tree: Any, number: int, *, large: bool) -> Any:
    """The fixture's text for one host: <n> is its number, in addresses, MACs and UUIDs too. A large cluster has larger
    networks.
    """
    guid = str(uuid.UUID(bytes=hashlib.md5(_address(number).encode(), usedforsecurity=False).digest(), version=3))
    replacements = {"<guid>": guid, "10.88.0.1<n>": _address(number)}
    if large:
        replacements.update(
            {"10.88.2.1<n>": _address(number, "10.89"), "10.88.0.21<n>": _address(number, "10.90"), "/24": "/16"}
        )
    text = json.dumps(tree)
    for old, new in {**replacements, "<x>": f"{number:04x}", "<n>": str(number)}.items():
        text = text.replace(old, new)
    return json.loads(text)


def _merge(tree: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        elif value is None and key not in (
            "certificate",
            "libvirt_certificate",
            "key_matches",
            "libvirt_key_matches",
            "opens",
        ):
            tree.pop(key, None)
        else:
            tree[key] = value
