# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between hosts, as a difference: the fact, what most hosts have, and who has something else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.fact_changes import fact_text, named_items
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import show


class FactNames:
    """A set of dotted patterns; a step in the middle may be *. A step of a name may hold dots itself (a setting, a
    file).
    """

    def __init__(self, *patterns: str) -> None:
        self._by_ends: dict[tuple[str, str, int], list[list[str]]] = {}
        for steps in (pattern.split(".") for pattern in patterns):
            self._by_ends.setdefault((steps[0], steps[-1], len(steps)), []).append(steps)

    def __contains__(self, fact: tuple[str, ...]) -> bool:
        candidates = self._by_ends.get((fact[0], fact[-1], len(fact))) if fact else None
        return any(_fits(pattern, fact) for pattern in candidates or ())


def _fits(pattern: Sequence[str], fact: Sequence[str]) -> bool:
    return all(wanted in ("*", step) for wanted, step in zip(pattern, fact))


# Each host has its own, or a host gets it when it joins: to list these would hide the rest.
OWN = FactNames(
    *(
        "hostname",
        "fqdn",
        "machine_id",
        "dmi.product_uuid",
        "dmi.product_serial",
        "iscsi.initiator",
        "resolver.forward",
        "resolver.reverse",
    ),
    *(
        "bmc.guid",
        "bmc.address",
        "bmc.mac",
        "interfaces.*.mac",
        "interfaces.*.permanent_mac",
        "interfaces.*.addresses",
        "bridges.*.addresses",
    ),
    *("routes.*.source", "files.*.sha256", "files.*.size", "libvirt.host_cpu.xml", "schema_version"),
    *("libvirt.listen_tls", "libvirt.listen_tcp", "libvirt.tls_port"),  # set by cloudstack-setup-agent
    *(
        "agent.certificate",
        "agent.libvirt_certificate",
        "agent.key_matches",
        "agent.libvirt_key_matches",
        "agent.csr",
        "agent.keystore",
        "agent.properties",
    ),
)
# Of the moment: two looks at one host differ in these too. Only the length of the list in the report hangs on it.
MOMENTARY = FactNames(
    *(
        "collected_at",
        "unknown",
        "listeners",
        "cpu.mhz",
        "cpu.agent_mhz",
        "memory.available_bytes",
        "memory.hugepages.*.free",
        "disk.*.free_bytes",
    ),
    *("time.synchronised", "time.source", "time.stratum", "time.offset_s", "time.leap", "time.sources"),
    *("interfaces.*.lldp", "interfaces.*.bond.active", "agent.unit", "units.*.active", "units.*.sub"),
)
AGENTS_BRIDGE = "cloud0"  # made by the agent at its first start, with an address and a route
ABSENT = "absent"
LONGEST = 400  # characters of a value in a report
_PRESENT = object()  # stands for a dictionary in the flat form, so that hosts without it can be told


def differences(hosts: Sequence[Profile]) -> list[dict[str, Any]]:
    """Facts in which hosts differ, sorted by name. `expected` is null where no value is on more than half of the
    hosts.
    """
    flat = {host.name: dict(_flatten(host.facts, ())) for host in hosts}
    names = sorted({fact for facts in flat.values() for fact in facts})
    return [found for fact in names for found in _difference(fact, flat)]


def _difference(fact: tuple[str, ...], flat: Mapping[str, Mapping[tuple[str, ...], Any]]) -> Iterator[dict[str, Any]]:
    groups: dict[Any, list[str]] = {}
    for name, facts in flat.items():
        # A host without the thing around it says nothing about the fact: that the thing is absent is said once.
        if fact in facts or len(fact) == 1 or fact[:-1] in facts:
            value = facts.get(fact)
            groups.setdefault(ABSENT if value is None else value, []).append(name)
    if len(groups) < 2:
        return
    seen = sum(map(len, groups.values()))
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), str(group[0])))
    if len(ordered) == seen and seen > 2:  # another value on every host: a name or a number of the host, no deviation
        return
    usual, like = ordered[0] if len(ordered[0][1]) * 2 > seen else (None, [])
    others = ordered[1:] if like else ordered
    deviations = [{"value": _against(value, usual), "hosts": names} for value, names in others]
    expected = _value(usual) if like else None
    yield {"path": fact_text(fact), "expected": expected, "hosts": like, "others": deviations}


def _flatten(value: Any, fact: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if fact in MOMENTARY or fact in OWN:
        return
    named = named_items(value)
    if named is not None:
        if fact:
            yield fact, _PRESENT
        for key, each in named.items():
            if key != AGENTS_BRIDGE and not (isinstance(each, dict) and each.get("device") == AGENTS_BRIDGE):
                yield from _flatten(each, (*fact, key))
    elif isinstance(value, (list, tuple)):
        yield fact, frozenset(map(_countable, value))
    else:
        yield fact, value


def _countable(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True)


def _against(value: Any, usual: Any) -> str:
    """A value as it differs from the usual one: of two lists only what one has and the other lacks."""
    if not isinstance(value, frozenset) or not isinstance(usual, frozenset):
        return _value(value)
    parts = [("lacks", usual - value), ("has besides", value - usual)]
    return _short("; ".join(f"{word} {show(some)}" for word, some in parts if some))


def _value(value: Any) -> str:
    if value is _PRESENT:
        return "present"
    if isinstance(value, frozenset) and len(show(value)) > LONGEST:
        return f"{len(value)} values"
    return _short(show(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
