# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What FRR's vtysh answers in JSON."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json

SOURCE = "vtysh -c 'show bgp l2vpn evpn summary json'"


def parse_evpn_sessions(text: str) -> dict[str, str]:
    """Neighbour with which EVPN is spoken -> state of the session, such as Established, Active or Idle; none where FRR
    has no BGP. Raises ParseError."""
    found = load_json(text, SOURCE)
    if not isinstance(found, Mapping):
        raise ParseError(SOURCE, "not an object", text=text)
    peers = found.get("peers", {})
    if not isinstance(peers, Mapping) or not all(isinstance(each, Mapping) for each in peers.values()):
        raise ParseError(SOURCE, "peers is not an object of objects", text=text)
    return {str(name): str(each.get("state")) for name, each in peers.items()}
