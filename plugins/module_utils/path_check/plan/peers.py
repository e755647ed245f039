# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order the peers are asked, which host has their addresses, and what was heard of them."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import NO_NEIGHBOUR, SILENT
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse.netlink import (
    FAILED,
    INCOMPLETE,
    NOARP,
    PERMANENT,
    REACHABLE,
)


def neighbour_of(asked: bool, answered: list[str], state: int, mac: str, control: bool) -> tuple[str, str]:
    """(failure where no echo is answered, MAC) of a peer on the same link.

    `asked`: this run asked who has the address, and these MACs `answered`. `state` and `mac` are the kernel's, which
    believes for half a minute what it once knew: our own request counts for more, and without it an old entry says
    nothing.
    """
    if answered:
        return SILENT, answered[0]
    if control or state in (PERMANENT, NOARP) or (state == REACHABLE and not asked):
        return SILENT, mac
    if asked or state in (0, INCOMPLETE, FAILED):
        return NO_NEIGHBOUR, ""
    return SILENT, ""


def begin_after(host: str, peers: list[str]) -> list[int]:
    """The indexes of the peers in the order in which this host asks them.

    Those that come after it by name first, so that not all hosts begin with the same one.
    """
    named = list(enumerate(peers))
    return [index for index, _name in sorted(named, key=lambda each: (each[1] <= host, each[1], each[0]))]


def heard_by(network: str, heard: dict[tuple[str, int], list[int]]) -> list[dict[str, object]]:
    """What was heard on a network, one entry for each address: the run that was heard best, if a peer ran repeatedly.

    `heard`: (address, identifier of the run) -> count, first and last sequence number, whether any came in fragments.
    """
    best: dict[str, list[int]] = {}
    for (address, _identifier), entry in heard.items():
        if entry[0] and entry[0] > best.get(address, [0])[0]:
            best[address] = entry
    found: list[dict[str, object]] = []
    for address, (count, first, last, fragmented) in sorted(best.items()):
        ends = {"count": count, "first": first, "last": last}
        found.append({"network": network, "address": address, **ends, "fragmented": bool(fragmented)})
    return found
