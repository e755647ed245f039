# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path check's culprits in the words of an operator: which part of the fabric, which hosts, where to look, how to see it again."""

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
    Culprit,
    Element,
    Outcome,
    Probe,
)

HEADER = {4: 28, 6: 48}  # bytes of an echo request that are no data: IP and ICMP
At = Mapping[tuple[str, str], Attachment]


def name(element: Element, at: At) -> str:
    """An element as the operator knows it: with its switch port, or the switch that it stands for."""
    on = f" on {element.network}" if element.network else ""
    card = at[element.host, element.network].nic if element.kind == PORT else ""
    return {
        HOST: f"{element.host} on all its networks",
        NIC: f"{element.nic} of {element.host} and its switch port",
        PORT: f"{element.host} on {element.network} ({card} and its switch port)" if card else f"{element.host} on {element.network}",
        PLACE: f"the switch of {element.place}{on}",
        CORE: f"the way between the racks{on}",
        FABRIC: f"the network between the hosts{on}",
    }.get(element.kind, str(element))


def names(culprit: Culprit, at: At) -> str:
    """All candidates: any of them explains what was seen."""
    return " or ".join(name(element, at) for element in culprit.candidates)


def where(culprit: Culprit, at: At) -> str:
    """Where to look for it."""
    return f"look at {name(culprit.candidates[0], at)}" if culprit.decided else "look at each of the parts named"


def hosts_of(culprit: Culprit, at: At) -> tuple[str, ...]:
    """The host itself, or all hosts behind an element that is none."""
    found = {host for element in culprit.candidates for host in _behind(element, at)}
    return tuple(sorted(found))


def way(culprit: Culprit) -> str:
    """The direction, as an addition to a sentence; empty if not known."""
    return {IN: " on the way in", OUT: " on the way out", BOTH: " in both directions"}.get(culprit.direction, "")


def extent(culprit: Culprit) -> str:
    """How much of it is hit."""
    some = ", so one leg of a bond or one of several parallel links" if culprit.part and culprit.decided else ""
    return f"{culprit.bad} of {culprit.asked} pairs{some}"


def reproduce(probe: Probe, *, sized: bool = False, many: bool = False) -> str:
    """The command that shows it: with packets of the whole size or small ones, three or so many that some get lost."""
    version = 6 if ":" in probe.address else 4
    size = f" -M do -s {probe.size - HEADER[version]}" if sized else ""
    count = "-i 0.05 -c 200" if many else "-c 3"
    return f"ping{' -6' if version == 6 else ''}{size} {count} -I {probe.network} {probe.address}  # on {probe.host}"


def evidence(culprit: Culprit, outcomes: Sequence[Outcome]) -> str:
    """What the hosts that asked said of some of the pairs, a line for each."""
    by_probe = {(each.probe.host, each.probe.network, each.probe.peer): each for each in outcomes}
    lines = []
    for probe in culprit.evidence:
        outcome = by_probe.get((probe.host, probe.network, probe.peer))
        if outcome:
            lines.append(f"{probe.host} to {probe.peer} ({probe.address}, {probe.size} bytes): {said(outcome)}")
    return "\n".join(lines)


def said(outcome: Outcome) -> str:
    """One outcome in words."""
    if not outcome.control:
        port = {None: "", True: ", TCP is", False: ", TCP is not either"}[outcome.tcp]
        return f"no echo is answered ({outcome.failure.replace('_', ' ') or 'silent'}{port})" + (f": {outcome.text}" if outcome.text else "")
    words = []
    if outcome.passed is False:
        words.append(f"{outcome.path_mtu} bytes pass" if outcome.path_mtu else "small packets pass only")
    if outcome.fragmented:
        words.append("answered in fragments")
    if outcome.lost:
        row = " in a row" if outcome.lost > outcome.losses == 1 else ""
        words.append(f"{outcome.lost} of {outcome.sent} lost{row}")
    macs = sorted({outcome.neighbour, *outcome.neighbours} - {""})
    if len(macs) > 1:
        words.append(f"answered by {' and '.join(macs)}")
    return ", ".join([*words, outcome.text] if outcome.text else words) or "passed"


def _behind(element: Element, at: At) -> set[str]:
    if element.kind in HOST_KINDS:
        return {element.host}
    if element.kind == PAIR:
        return {element.host, element.other}
    places = {element.place, element.other} - {""}
    inside = [each for (_host, network), each in at.items() if element.network in ("", network)]
    return {each.host for each in inside if not places or each.place in places} or {each.host for each in inside}
