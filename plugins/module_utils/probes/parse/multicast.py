# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A datagram to the probe's multicast group, with its IPv4 header (RFC 791, RFC 768), as a packet socket gives it."""

from __future__ import annotations

import struct
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.multicast import MARK, PORT

UDP = 17
_FIXED = 20  # bytes of a header without options
_UDP = struct.Struct("!HHHH")


def sender_of(packet: bytes, group: bytes) -> Optional[str]:
    """The name of the host that sent it; None for whatever else a packet socket gives. `group` as four bytes."""
    if len(packet) < _FIXED or packet[0] >> 4 != 4 or packet[9] != UDP or packet[16:20] != group:
        return None
    begin = (packet[0] & 15) * 4
    if len(packet) < begin + _UDP.size:
        return None
    _source, port, length, _sum = _UDP.unpack_from(packet, begin)
    content = packet[begin + _UDP.size : begin + length]
    if port != PORT or not content.startswith(MARK):
        return None
    return content[len(MARK) :].decode(errors="replace")
