# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host and its cluster as the checks see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

CLOUDSTACK, INVENTORY = "cloudstack", "inventory"  # where a Cluster comes from


class FactUnavailable(Exception):
    """A fact that a check needs is not known. `fact` is its dotted name, `why` the collector's reason.

    `expected_here` is false for what could not be known in this run and is not a fault: a probe of a host that is not
    part of the play.
    """

    def __init__(self, fact: str, why: str, *, expected_here: bool = True) -> None:
        super().__init__(f"{fact}: {why}")
        self.fact = fact
        self.why = why
        self.expected_here = expected_here


@dataclass(frozen=True)
class Profile:
    """One host: what it says of itself (`facts`), what the inventory declares (`declared`), what others saw of it
    (`probes`).

    `facts` is what the module kvm_host_facts returns, `probes` what the modules of the role preflight returned for
    it. `member` is true for a host that CloudStack knows in this cluster. `live` is false for a member that
    --limit leaves out: its facts were read, and nothing was probed from it, which is not a fault of the host.
    """

    name: str
    facts: Mapping[str, Any]
    declared: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)
    member: bool = False
    live: bool = True

    def require(self, *keys: str) -> Any:
        """The fact under these keys. Raises FactUnavailable where it is missing or null: unknown is not healthy."""
        value = self.get(*keys)
        if value is None:
            raise FactUnavailable(".".join(keys), self.why(*keys))
        return value

    def get(self, *keys: str) -> Any:
        """The fact under these keys, None where it is missing or null: for facts whose absence means something."""
        return _at(self.facts, keys)

    def require_probe(self, *keys: str) -> Any:
        """The probe under these keys. Raises FactUnavailable where it was not made."""
        value = _at(self.probes, keys)
        if value is None:
            unknown = self.probes.get("unknown") or {}
            raise FactUnavailable(".".join(keys), _reason(unknown, keys) or "was not probed", expected_here=self.live)
        return value

    def why(self, *keys: str) -> str:
        """Why the fact under these keys is not known."""
        return _reason(self.facts.get("unknown") or {}, keys) or "was not collected"


@dataclass(frozen=True)
class HostWithoutFacts:
    """A host of the inventory's cluster of which there are no facts to use, and why. `address`, `rack`: as the
    inventory declares them.
    """

    name: str
    why: str
    member: bool = False
    address: str = ""
    rack: str = ""


@dataclass(frozen=True)
class Pool:
    """A storage pool that every host of the cluster has to mount. `kind` is CloudStack's type (NetworkFilesystem
    ...).
    """

    name: str
    kind: str
    server: str
    path: str
    state: str = "Up"
    scope: str = "CLUSTER"


@dataclass(frozen=True)
class Registered:
    """A host that CloudStack knows, in whatever zone. `details` are those of listHosts."""

    name: str
    address: str
    state: str
    resource_state: str
    zone: str
    cluster: str
    version: str = ""
    id: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    """What the cluster is meant to be: from CloudStack where it can be asked, else from the inventory (`source`).

    `labels` maps a traffic type (Management, Public, Guest, Storage) to the KVM labels of the zone. `settings` are
    global settings; a setting that was not read is missing. `registered` are the hosts of all zones. `declared` are
    values that the operator wants every host to have, by dotted fact name ("cpu.model"). `hosts_without_facts` are the
    inventory's hosts of the cluster that could not be looked at. `unanswered` says why CloudStack, which was to be
    asked, did not answer.
    """

    zone: str = ""
    pod: str = ""
    name: str = ""
    source: str = INVENTORY
    arch: Optional[str] = None
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    isolation: tuple[str, ...] = ()
    vlan_ranges: tuple[str, ...] = ()
    security_groups: Optional[bool] = None
    storage_vlans: tuple[str, ...] = ()
    management_version: Optional[str] = None
    settings: Mapping[str, str] = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()
    registered: tuple[Registered, ...] = ()
    declared: Mapping[str, Any] = field(default_factory=dict)
    zone_allocation_state: Optional[str] = None
    cluster_allocation_state: Optional[str] = None
    hosts_without_facts: tuple[HostWithoutFacts, ...] = ()
    unanswered: str = ""

    @property
    def vxlan(self) -> bool:
        """Whether guest networks are isolated with VXLAN, so that the hosts carry them from address to address."""
        return "VXLAN" in {method.upper() for method in self.isolation}

    @property
    def from_cloudstack(self) -> bool:
        """Whether CloudStack was asked: only then is it known who is registered, and how it is set."""
        return self.source == CLOUDSTACK

    @property
    def management_addresses(self) -> tuple[str, ...]:
        """The entries of the global setting `host`, in order."""
        return tuple(each.strip() for each in self.settings.get("host", "").split(",") if each.strip())

    @property
    def members(self) -> tuple[Registered, ...]:
        """The registered hosts of this very cluster."""
        return tuple(host for host in self.registered if (host.zone, host.cluster) == (self.zone, self.name))


def _at(tree: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(key)
    return tree


def _reason(unknown: Mapping[str, str], keys: tuple[str, ...]) -> str:
    """The reason given for the fact itself or for the nearest thing around it."""
    for length in range(len(keys), 0, -1):
        reason = unknown.get(".".join(keys[:length]))
        if reason:
            return reason
    return ""
