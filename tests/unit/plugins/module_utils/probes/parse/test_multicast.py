# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose datagram came in by the packet socket."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.multicast import GROUP, MARK, PORT
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.multicast import sender_of

TO = socket.inet_aton(GROUP)


def packet(content=MARK + b"host2", *, to=TO, protocol=17, port=PORT, options=b"", padding=b""):
    header = bytes([0x45 + len(options) // 4, 0]) + bytes(7) + bytes([protocol]) + bytes(2) + bytes(4) + to + options
    return header + struct.pack("!HHHH", 40000, port, 8 + len(content), 0) + content + padding


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        (packet(), "host2"),
        (packet(options=bytes(4)), "host2"),
        (packet(padding=bytes(6)), "host2"),  # Ethernet's smallest frame
        (packet(to=socket.inet_aton("239.0.39.16")), None),
        (packet(protocol=2), None),
        (packet(port=4789), None),
        (packet(b"\x08" + bytes(7) + b"a frame of a guest"), None),
        (packet()[:24], None),
        (b"", None),
    ],
)
def test_sender(given, sender):
    assert sender_of(given, TO) == sender
