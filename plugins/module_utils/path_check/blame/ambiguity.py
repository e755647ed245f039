# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of the elements that have the same evidence is named: the most specific."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import (
    CORE,
    FABRIC,
    HOST,
    HOST_KINDS,
    LINK,
    NIC,
    PAIR,
    PLACE,
    PORT,
    UPLINK,
    Element,
)

MOST_SPECIFIC_FIRST = (PORT, NIC, HOST, LINK, UPLINK, PLACE, CORE, FABRIC, PAIR)


def specificity(element: Element) -> tuple[int, bool]:
    """Sorts elements: the most specific first, and of one kind those of one network before those of all."""
    return MOST_SPECIFIC_FIRST.index(element.kind), not element.network


def most_specific(found: Mapping[Element, tuple[frozenset[int], int]]) -> list[Element]:
    """Without those that contain another one: the same on all networks, or something wider with the same evidence.

    `found`: by element the failed flows across it, and how many passed.
    """
    kept: list[Element] = []
    for element in sorted(found, key=lambda each: (specificity(each), each)):
        if not any(contains(element, other, found[element] == found[other]) for other in kept):
            kept.append(element)
    return kept


def contains(wide: Element, narrow: Element, same_evidence: bool) -> bool:
    if wide.network and wide.network != narrow.network:
        return False
    if wide.kind in HOST_KINDS:
        return wide.host == narrow.host
    if wide.kind == narrow.kind:
        return (wide.place, wide.other) == (narrow.place, narrow.other)
    if not same_evidence or narrow.kind in HOST_KINDS:
        return False
    return wide.kind in (CORE, FABRIC) or wide.place in (narrow.place, narrow.other)
