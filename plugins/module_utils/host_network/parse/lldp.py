# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which ports of which switches a NIC hears by LLDP, as lldpd and systemd-networkd tell it: NIC -> words for each
neighbour, the same words as long as it is the same neighbour. Several are heard behind a switch that passes LLDP on."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.lldp import parse_all_neighbours

Heard = Mapping[str, frozenset[str]]


def parse_lldpctl(text: str) -> Heard:
    """`lldpctl -f json`. Raises ParseError."""
    return {
        nic: frozenset(f"{each['port']} of {each['system'] or each['chassis']}" for each in heard)
        for nic, heard in parse_all_neighbours(text).items()
    }


def parse_networkctl(text: str) -> Heard:
    """`networkctl lldp --no-legend`: a line for each neighbour; its first word is the NIC."""
    found: dict[str, frozenset[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1:
            found[words[0]] = found.get(words[0], frozenset()) | {" ".join(words[1:])}
    return found
