# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path check in the report: how many pairs pass, host against host as a matrix of letters, and the faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import median_high
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame import wording
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    DEAD,
    NOT_ASKED,
    Fault,
    Outcome,
    PathResults,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, INFO, WARNING
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural

SHOWN_MAX = 64  # rows and columns of a matrix
UNASKED, PASSED, SMALL, CUT, LOST, SILENT, UNTOLD = " ", "·", "M", "F", "L", "X", "?"
WORST = (SILENT, SMALL, LOST, CUT, UNTOLD, PASSED, UNASKED)
# Letter, class of its colour, meaning.
LEGEND = (
    (PASSED, "pass", "the required size passes"),
    (SMALL, ERROR, "only small packets pass"),
    (SILENT, ERROR, "no answer"),
    (LOST, WARNING, "passes, but packets were lost (a single one counts as noise)"),
    (CUT, WARNING, "arrives in fragments"),
    (UNTOLD, INFO, "not known: no time left, ICMP filtered, or tagged packets only"),
    (UNASKED, "none", "not tested"),
)


def section(paths: PathResults, loss_max_percent: float) -> dict[str, Any] | None:
    """`paths` of the report; None where no path was tested."""
    if not paths.outcomes:
        return None
    by_network: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in paths.outcomes:
        by_network[outcome.probe.network].append(outcome)
    return {
        "networks": [_network(name, by_network[name], paths, loss_max_percent) for name in sorted(by_network)],
        "culprits": [_fault(each, paths) for each in paths.report.faults],
    }


def _network(name: str, outcomes: Sequence[Outcome], paths: PathResults, loss_max_percent: float) -> dict[str, Any]:
    cells = {(each.probe.host, each.probe.peer): _letter(each, loss_max_percent) for each in outcomes}
    pairs: dict[tuple[str, str], bool] = {}
    for (host, peer), letter in cells.items():
        pair = (min(host, peer), max(host, peer))
        pairs[pair] = pairs.get(pair, True) and letter in (PASSED, LOST)
    round_trips = [each.rtt_avg_ms for each in outcomes if each.rtt_avg_ms is not None]
    hosts = sorted((host for host, network in paths.at if network == name), key=natural)
    places = {host: paths.at[host, name].place for host in hosts}
    return {
        "name": name,
        "size": max(each.probe.size for each in outcomes),
        "hosts": len(hosts),
        "pairs": len(pairs),
        "passed": sum(pairs.values()),
        "round_trip_ms": median_high(round_trips) if round_trips else None,
        **_matrix(cells, hosts, places),
    }


def _matrix(cells: Mapping[tuple[str, str], str], hosts: Sequence[str], places: Mapping[str, str]) -> dict[str, Any]:
    """Host against host; of more than fit, rack against rack if the racks are known, else the hosts with problems."""
    if len(hosts) <= SHOWN_MAX:
        return {"shows": "hosts", **_rows(cells, hosts)}
    racks = sorted(set(places.values()), key=natural)
    if all(racks) and 1 < len(racks) <= SHOWN_MAX:
        between: dict[tuple[str, str], str] = {}
        for (host, peer), letter in cells.items():
            pair = (places.get(host, ""), places.get(peer, ""))
            between[pair] = min(between.get(pair, UNASKED), letter, key=WORST.index)
        return {"shows": "racks", **_rows(between, racks)}
    trouble: Counter[str] = Counter()
    for pair, letter in cells.items():
        if letter != PASSED:
            trouble.update(pair)
    worst = sorted(trouble, key=lambda host: (-trouble[host], natural(host)))[:SHOWN_MAX]
    return {"shows": "hosts with problems", **_rows(cells, sorted(worst, key=natural))}


def _rows(cells: Mapping[tuple[str, str], str], names: Sequence[str]) -> dict[str, Any]:
    rows = []
    for one in names:
        rows.append("".join(cells.get((one, other), UNASKED) for other in names))
    return {"names": list(names), "rows": rows}


def _letter(outcome: Outcome, loss_max_percent: float) -> str:
    if outcome.failure == NOT_ASKED or (not outcome.control and outcome.tcp):
        return UNTOLD
    if not outcome.control:
        return SILENT
    if outcome.passed is False:
        return SMALL
    if outcome.loss_percent > loss_max_percent:
        return LOST
    return CUT if outcome.fragmented else PASSED


def _fault(fault: Fault, paths: PathResults) -> dict[str, Any]:
    return {
        "kinds": list(fault.kinds),
        "parts": [wording.element_name(element, paths.at) for element in fault.suspects],
        "decided": fault.decided or fault.kinds == (DEAD,),
        "hosts": list(wording.hosts_of(fault, paths.at)),
        "direction": fault.direction,
        "mtu": fault.mtu,
        "loss_percent": fault.loss_percent,
        "bad": fault.failed_pairs,
        "asked": fault.tested_pairs,
    }
