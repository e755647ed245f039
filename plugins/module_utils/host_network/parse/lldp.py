# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which port of which switch a NIC hears by LLDP, as lldpd and systemd-networkd tell it: NIC -> words for its
neighbour, the same words as long as it is the same neighbour."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.lldp import parse_neighbours


def parse_lldpctl(text: str) -> dict[str, str]:
    """`lldpctl -f json`. Raises ParseError."""
    heard = parse_neighbours(text)
    return {nic: f"{each['port']} of {each['system'] or each['chassis']}" for nic, each in heard.items()}


def parse_networkctl(text: str) -> dict[str, str]:
    """`networkctl lldp --no-legend`: a line for each neighbour; its first word is the NIC."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1:
            found.setdefault(words[0], " ".join(words[1:]))
    return found
