# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a verdict was made from, as a hash: a host that is no longer like that needs a new verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.model import checked
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.finding import Waiver
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.profile import Cluster, Profile

# Facts that change by themselves while the host stays what it is. * stands for any one step in the middle of the path.
VOLATILE: dict[str, str] = {
    "collected_at": "the clock",
    "unknown": "texts of errors; a fact that is no longer known is null, and that counts",
    "time.synchronised": "moves with every poll of the time service",
    "time.source": "moves with every poll of the time service",
    "time.stratum": "moves with every poll of the time service",
    "time.offset_s": "moves with every poll of the time service",
    "time.leap": "moves with every poll of the time service",
    "time.sources": "moves with every poll of the time service",
    "cpu.mhz": "the frequency of the moment",
    "cpu.agent_mhz": "may be read from the frequency of the moment",
    "memory.available_bytes": "moves with every process",
    "memory.hugepages.*.free": "moves with every guest",
    "disk.*.free_bytes": "moves with every log line",
    "listeners": "RPC services take another port at each start; the ports that matter are probed",
    "interfaces.*.lldp": "neighbours announce themselves each 30 s",
    "interfaces.*.bond.active": "moves at a failover; the legs and their links count",
    "agent.unit": "an agent that starts again and again is active now and activating then",
    "units.*.active": "timers and socket activation start and stop units",
    "units.*.sub": "timers and socket activation start and stop units",
    "firewall.nft.*.*.handle": "a number that the kernel gives",
}
# A playbook may ask for more than these; the fingerprint must not depend on who asked.
ALWAYS_THERE = {
    "packages": frozenset(checked.PACKAGES),
    "units": frozenset(checked.UNITS),
    "sysctl": frozenset(checked.SYSCTL),
    "kernel_modules": frozenset(checked.KERNEL_MODULES),
    "files": frozenset(checked.FILES),
}
# Inside nftables rules at any depth: counts, and members of sets that come and go with their timeout (fail2ban).
RUNNING_COUNTERS = ("packets", "bytes", "expires")


class Paths:
    """A set of dotted patterns; a step in the middle may be *. A step of a path may hold dots itself (a setting, a file)."""

    def __init__(self, *patterns: str) -> None:
        self._by_ends: dict[tuple[str, str, int], list[list[str]]] = {}
        for steps in (pattern.split(".") for pattern in patterns):
            self._by_ends.setdefault((steps[0], steps[-1], len(steps)), []).append(steps)

    def __contains__(self, path: tuple[str, ...]) -> bool:
        candidates = self._by_ends.get((path[0], path[-1], len(path))) if path else None
        return any(all(wanted in ("*", step) for wanted, step in zip(steps, path)) for steps in candidates or ())


CHANGING = Paths(*VOLATILE)
# Lists whose order is the chance of an answer, not a decision.
UNORDERED = Paths("resolver.forward", "interfaces.*.addresses", "bridges.*.addresses", "bridges.*.ports")


def stable(facts: Mapping[str, Any]) -> Any:
    """The facts without those that change by themselves."""
    return _stable(facts, ())


def fingerprint(facts: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of a host's facts: the same a minute later, another one when a bridge, a package or a certificate is another."""
    return _hash(stable(facts))


def inputs_hash(hosts: Iterable[Profile], fingerprints: Mapping[str, str], cluster: Cluster, policy: Policy, waivers: Sequence[Waiver]) -> str:
    """SHA-256, in hexadecimal, of what a report was made from, without the measurements (probes) and states, which differ each time.

    `fingerprints` are those of the hosts by name.
    """
    intent = asdict(cluster)
    intent["registered"] = sorted((each.name, each.address, each.zone, each.cluster, each.version) for each in cluster.registered)
    intent["pools"] = sorted((each.name, each.kind, each.server, each.path, each.scope) for each in cluster.pools)
    seen = {host.name: [fingerprints[host.name], host.declared, host.member] for host in hosts}
    return _hash([seen, intent, asdict(policy), sorted(map(str, waivers))])


def _stable(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        left = {str(key): each for key, each in value.items() if (*path, str(key)) not in CHANGING}
        if path[:1] == ("firewall",):
            left = _without_counters(left)
        if len(path) == 1 and path[0] in ALWAYS_THERE:
            left = {key: each for key, each in left.items() if key in ALWAYS_THERE[path[0]]}
        return {key: _stable(each, (*path, key)) for key, each in left.items()}
    if isinstance(value, (list, tuple)):
        items = [_stable(each, (*path, str(number))) for number, each in enumerate(value) if not _is_link_local(each)]
        return sorted(items, key=str) if path in UNORDERED else items
    return value


def _is_link_local(value: Any) -> bool:
    """IPv6 makes such an address by itself for each link that comes up."""
    return isinstance(value, str) and value.lower().startswith("fe80:")


def _without_counters(part: dict[str, Any]) -> dict[str, Any]:
    flags = part.get("flags") or ()  # nft writes one flag as a text, several as a list
    comes_and_goes = {"timeout", "dynamic"} & set(flags.split(",") if isinstance(flags, str) else map(str, flags))
    return {key: each for key, each in part.items() if key not in RUNNING_COUNTERS and not (key == "elem" and comes_and_goes)}


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
