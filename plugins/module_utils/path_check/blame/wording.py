# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults in the words of an operator: which part of the fabric, which hosts, where to look, how to reproduce it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    BOTH,
    CORE,
    FABRIC,
    HOST,
    HOST_KINDS,
    IN,
    NIC,
    OUT,
    PAIR,
    PLACE,
    PORT,
    Attachment,
    Element,
    Fault,
    Outcome,
    Probe,
)

HEADER = {4: 28, 6: 48}  # bytes of an echo request that are not data: IP and ICMP
DIRECTIONS = {IN: " on the way in", OUT: " on the way out", BOTH: " in both directions"}
At = Mapping[tuple[str, str], Attachment]


def element_name(element: Element, at: At) -> str:
    """An element as the operator knows it: with its switch port, or the switch that it stands for."""
    on = f" on {element.network}" if element.network else ""
    if element.kind == HOST:
        return f"{element.host} on all its networks"
    if element.kind == NIC:
        return f"{element.nic} of {element.host} and its switch port"
    if element.kind == PORT:
        card = at[element.host, element.network].nic
        return f"{element.host}{on} ({card} and its switch port)" if card else f"{element.host}{on}"
    if element.kind == PLACE:
        return f"the switch of {element.place}{on}"
    if element.kind == CORE:
        return f"the way between the racks{on}"
    if element.kind == FABRIC:
        return f"the network between the hosts{on}"
    return str(element)


def suspect_names(fault: Fault, at: At) -> str:
    """All suspects: any of them explains what was seen."""
    return " or ".join(element_name(element, at) for element in fault.suspects)


def where_to_look(fault: Fault, at: At) -> str:
    if fault.decided:
        return f"look at {element_name(fault.suspects[0], at)}"
    return "look at each of the parts named"


def hosts_of(fault: Fault, at: At) -> tuple[str, ...]:
    """The host itself, or all hosts behind an element that is not one."""
    found = {host for element in fault.suspects for host in _behind(element, at)}
    return tuple(sorted(found))


def direction_text(fault: Fault) -> str:
    """The direction, as an addition to a sentence; empty if not known."""
    return DIRECTIONS.get(fault.direction, "")


def extent_text(fault: Fault) -> str:
    """How many of the pairs fail."""
    some = ", so one leg of a bond or one of several parallel links" if fault.partial and fault.decided else ""
    return f"{fault.failed_pairs} of {fault.tested_pairs} pairs{some}"


def reproduce(probe: Probe, *, sized: bool = False, many: bool = False) -> str:
    """The command that shows it.

    `sized`: with packets of the whole size, not small ones. `many`: so many that some get lost, not three.
    """
    version = 6 if ":" in probe.address else 4
    size = f" -M do -s {probe.size - HEADER[version]}" if sized else ""
    count = "-i 0.05 -c 200" if many else "-c 3"
    return f"ping{' -6' if version == 6 else ''}{size} {count} -I {probe.network} {probe.address}  # on {probe.host}"


def evidence_text(fault: Fault, outcomes: Sequence[Outcome]) -> str:
    """What the asking hosts reported on some of the pairs, a line for each."""
    by_probe = {(each.probe.host, each.probe.network, each.probe.peer): each for each in outcomes}
    lines = []
    for probe in fault.evidence:
        outcome = by_probe.get((probe.host, probe.network, probe.peer))
        if outcome:
            asked = f"{probe.host} to {probe.peer} ({probe.address}, {probe.size} bytes)"
            lines.append(f"{asked}: {describe_outcome(outcome)}")
    return "\n".join(lines)


def describe_outcome(outcome: Outcome) -> str:
    """One outcome in words."""
    if not outcome.control:
        return _describe_silence(outcome)
    found = []
    if outcome.passed is False:
        found.append(f"{outcome.path_mtu} bytes pass" if outcome.path_mtu else "small packets pass only")
    if outcome.fragmented:
        found.append("answered in fragments")
    if outcome.lost:
        row = " in a row" if outcome.lost > outcome.losses == 1 else ""
        found.append(f"{outcome.lost} of {outcome.sent} lost{row}")
    macs = sorted({outcome.neighbour, *outcome.neighbours} - {""})
    if len(macs) > 1:
        found.append(f"answered by {' and '.join(macs)}")
    if outcome.text:
        found.append(outcome.text)
    return ", ".join(found) or "passed"


def _describe_silence(outcome: Outcome) -> str:
    port = {None: "", True: ", TCP is", False: ", TCP is not either"}[outcome.tcp]
    said = f"no echo is answered ({outcome.failure.replace('_', ' ') or 'silent'}{port})"
    return f"{said}: {outcome.text}" if outcome.text else said


def _behind(element: Element, at: At) -> set[str]:
    """The host of the element, or all hosts whose packets cross it."""
    if element.kind in HOST_KINDS:
        return {element.host}
    if element.kind == PAIR:
        return {element.host, element.other}
    places = {element.place, element.other} - {""}
    inside = set()
    everyone = set()
    for (host, network), each in at.items():
        if element.network in ("", network):
            everyone.add(host)
            if not places or each.place in places:
                inside.add(host)
    return inside or everyone
