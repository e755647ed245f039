# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results of the modules that the pre-flight ran -> profiles of hosts. Nothing else knows how the role preflight names
its variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import writable
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.parse.machine_address import host_address
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    HostWithoutFacts,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.ports import (
    BMC_FROM_GUEST,
    GUESTS_BETWEEN_HOSTS,
)

# In a host's variables: the result of kvm_host_facts, what the role keeps beside it (`declared`, `reached`), and the
# results of this run by section.
COLLECTED, FACTS, KEPT = "__preflight_facts", "kvm_host", "__preflight_seen"
PROBES = "__preflight_probes"  # of the module preflight_probe, by the modules whose results it holds:
MODULES = {
    "ports": "port_check",
    "cpu_compare": "cpu_compare",
    "nfs": "nfs_export_check",
    "pools": "storage_pool_check",
    "multicast": "multicast_check",
    "paths": "path_mtu",
}
# What the module's result has the section's value under
KEYS = {
    "clock": "clock",
    "ports": "ports",
    "cpu_compare": "cpu_compare",
    "nfs": "exports",
    "pools": "pools",
    "multicast": "networks",
}
NO_PLAN = "__preflight_paths"  # why there is no plan for the path check
RESULTS = {"clock": "__preflight_clock", "paths_again": "__preflight_paths_again"}
NOT_READ = "not part of this run (--limit), and not a member of the cluster, so nothing was read from it"


def read_variables(names: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the variables of a play hold of each host: `facts`, `answer` (what came with the facts, or instead of them),
    `declared`, `address`, `reached`, and `results` by section of the profile.

    Each host's variables are looked up once: that takes milliseconds, and a hundred hosts that look at each other would
    take minutes.
    """
    return {name: _known(hostvars[name]) for name in names}


def _known(variables: Mapping[str, Any]) -> dict[str, Any]:
    kept, collected = variables.get(KEPT) or {}, variables.get(COLLECTED) or {}
    return {
        "facts": collected.get(FACTS) or {},
        "answer": {key: collected[key] for key in collected if key != FACTS},
        "declared": kept.get("declared") or {},
        "address": host_address(variables) or None,  # of a host that the role never got to
        "reached": bool(kept.get("reached")),
        "results": results_of(variables),
    }


def results_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """By section; empty for what was not asked. Why a run of all probes failed is in each of its sections."""
    run = variables.get(PROBES) or {}
    found = {section: run["probes"].get(module, {}) if "probes" in run else run for section, module in MODULES.items()}
    if NO_PLAN in variables:
        found["paths"] = variables[NO_PLAN]
    return {**found, **{section: variables.get(name) or {} for section, name in RESULTS.items()}}


def profiles_of(known: Mapping[str, Mapping[str, Any]]) -> list[Profile]:
    """Profiles of the hosts with facts, sorted by name. `known` is what `read_variables` gave."""
    return [_profile(name, parts, {}) for name, parts in sorted(known.items()) if parts["facts"]]


def _profile(
    name: str, parts: Mapping[str, Any], servers: Mapping[str, Any], *, member: bool = False, live: bool = True
) -> Profile:
    probes = read_probes(name, parts.get("results") or {}, servers) if live else {}
    return Profile(name, parts["facts"], parts.get("declared") or {}, probes, member, live)


def read_hosts(
    names: Iterable[str],
    known: Mapping[str, Mapping[str, Any]],
    live: Iterable[str],
    management: Sequence[Mapping[str, Any]],
    cluster: Cluster,
) -> tuple[list[Profile], Cluster]:
    """Profiles of the hosts with facts, and the cluster with those without.

    `known` is what `read_variables` gave; `live` are the hosts of this run. Others are those that --limit leaves out,
    some of which were read all the same. What a host sent cannot make the report unreadable: a number that JSON does
    not have becomes a text.
    """
    profiles, missing, live = [], [], set(live)
    servers = read_management(map(writable, management))
    for name in names:
        parts = _readable(known.get(name) or {})
        facts = parts["facts"]
        member = is_member(facts, parts["declared"], cluster)
        why = _why_without_facts(facts, parts["answer"], name in live)
        if not why:
            profiles.append(_profile(name, parts, servers, member=member, live=name in live))
            continue
        if not facts and not cluster.from_cloudstack:
            member, why = True, f"{why}; CloudStack was not asked, so it may be a member"
        missing.append(without_facts(name, parts["declared"], why, member))
    return profiles, replace(cluster, hosts_without_facts=tuple(missing))


def _readable(known: Mapping[str, Any]) -> dict[str, Any]:
    """Of a host that the role never got to, the inventory still tells whether CloudStack knows it as a member."""
    parts = writable(known)
    declared = parts.get("declared") or {"address": parts.get("address")}
    return {**parts, "facts": parts.get("facts") or {}, "answer": parts.get("answer") or {}, "declared": declared}


def without_facts(name: str, declared: Mapping[str, Any], why: str, member: bool) -> HostWithoutFacts:
    """A host without facts, with what the inventory declares of it."""
    return HostWithoutFacts(name, why, member, str(declared.get("address") or ""), str(declared.get("rack") or ""))


def is_member(facts: Mapping[str, Any], declared: Mapping[str, Any], cluster: Cluster) -> bool:
    """Whether the host is in the cluster already: CloudStack says so; where it was not asked, a running agent with an
    identity does.
    """
    if cluster.from_cloudstack:
        return declared.get("address") in {host.address for host in cluster.members}
    agent = facts.get("agent") or {}
    unit = (facts.get("units") or {}).get("cloudstack-agent.service") or {}
    return bool((agent.get("properties") or {}).get("guid")) and unit.get("active") == "active"


def read_probes(
    name: str, results: Mapping[str, Mapping[str, Any]], servers: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What other machines, and the host itself, found out over the network. What was not found out is missing,
    `unknown` says why.
    """
    unknown: dict[str, str] = {}
    probes: dict[str, Any] = {"unknown": unknown}
    for section, key in KEYS.items():
        result = results.get(section) or {}
        value = result.get(key)
        if value is None:
            unknown[section] = (result.get("unknown") or {}).get(key) or _failure(result)
        else:
            probes[section] = value
    paths = _paths(results)
    if paths is None:
        unknown["paths"] = _failure(results.get("paths") or {})
    else:
        probes["paths"] = paths
    if "ports" in probes:
        probes.update(_by_purpose(probes["ports"]))
    probes["management"] = {server: _answer_about(name, found) for server, found in servers.items()}
    return probes


def _by_purpose(ports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`ports`, and apart from them what is probed for a reason of its own: `bmc_from_guest` and `vxlan`, if at all."""
    purposes: dict[str, list[Mapping[str, Any]]] = {BMC_FROM_GUEST: [], GUESTS_BETWEEN_HOSTS: []}
    rest: list[Mapping[str, Any]] = []
    for each in ports:
        purposes.get(each["purpose"], rest).append(each)
    found: dict[str, Any] = {"ports": rest}
    bmc, vxlan = purposes[BMC_FROM_GUEST], purposes[GUESTS_BETWEEN_HOSTS]
    if bmc:
        answered = [each["to"] for each in bmc if each["state"] == "open"]
        found["bmc_from_guest"] = {"bridge": (answered or [bmc[0]["to"]])[0], "reachable": bool(answered)}
    if vxlan:
        found["vxlan"] = vxlan
    return found


def _answer_about(name: str, found: Mapping[str, Any]) -> Any:
    """What a management server found out about a host."""
    return found[name] if name in found else _untried(str(found.get("why")))


def _paths(results: Mapping[str, Mapping[str, Any]]) -> Optional[dict[str, list[Any]]]:
    """Both rounds of the path check together, None if the first one gave nothing. A host that had nothing to ask was
    skipped.
    """
    first, again = results.get("paths") or {}, results.get("paths_again") or {}
    if first.get("outcomes") is None and not first.get("skipped"):
        return None
    return {part: [*(first.get(part) or ()), *(again.get(part) or ())] for part in ("outcomes", "heard")}


def read_management(results: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Results of management_server_check by management server: host -> what was found, or `why` nothing was."""
    servers = {}
    for result in results:
        server = str(result.get("item"))
        found = result.get("management")
        servers[server] = dict(found) if found is not None else {"why": _failure(result)}
    return servers


def _why_without_facts(facts: Mapping[str, Any], answer: Mapping[str, Any], is_live: bool) -> str:
    """Why a host gave no facts; empty if it did."""
    if facts:
        return ""
    if answer:
        return _failure(answer)
    return "it was lost earlier in this run: see the message about it above" if is_live else NOT_READ


def _untried(why: str) -> dict[str, Any]:
    """What a management server would have told that could not be asked."""
    parts = ("ports", "ssh", "device", "sudo", "bmc")
    return {**dict.fromkeys(parts), "unknown": dict.fromkeys(parts, why)}


def _failure(result: Mapping[str, Any]) -> str:
    """Ansible's words for a task that gave nothing."""
    if result.get("skipped") or not result:
        return "was not probed"
    return str(result.get("msg") or result.get("module_stderr") or "no result").strip().splitlines()[0][:300]
