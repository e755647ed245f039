# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host's interfaces and addresses as its kernel names them, and the path that the path check takes through them.

Plain classes, as in packet.py.
"""

from __future__ import annotations


class Interface:
    """A network interface. `master` and `parent` are indexes of other ones, 0 if none; `kind` is "" for a card."""

    __slots__ = ("index", "kind", "mac", "master", "mtu", "name", "parent", "up")

    def __init__(
        self, index: int, name: str, mtu: int, up: bool, mac: bytes, kind: str = "", master: int = 0, parent: int = 0
    ) -> None:
        self.index = index
        self.name = name
        self.mtu = mtu
        self.up = up
        self.mac = mac
        self.kind = kind
        self.master = master
        self.parent = parent


class Address:
    """An own address, packed (4 or 16 bytes).

    The addresses whose first `prefix` bits are those of `reached` are on the same link.
    """

    __slots__ = ("index", "packed", "prefix", "reached")

    def __init__(self, index: int, packed: bytes, reached: bytes, prefix: int) -> None:
        self.index = index
        self.packed = packed
        self.reached = reached
        self.prefix = prefix

    def reaches(self, packed: bytes) -> bool:
        """Whether this address needs no router to get there."""
        if len(packed) != len(self.packed):
            return False
        rest = len(packed) * 8 - self.prefix
        return int.from_bytes(packed, "big") >> rest == int.from_bytes(self.reached, "big") >> rest


class EgressPath:
    """How this host sends on one network over one IP version, or why it cannot (`failure`, `text`).

    `layers`: the device and what lies below it, with their MTUs; `limit`: the largest packet that they let out.
    `prefixes`: the device's own addresses.
    """

    __slots__ = (
        "device",
        "failure",
        "index",
        "layers",
        "limit",
        "mac",
        "mtu",
        "network",
        "prefixes",
        "source",
        "text",
        "v6",
    )

    def __init__(self, network: str, v6: bool, device: str = "") -> None:
        self.network = network
        self.v6 = v6
        self.device = device
        self.index = 0
        self.mtu = 0
        self.limit = 0
        self.mac = b""
        self.source = b""
        self.prefixes: list[Address] = []
        self.layers: list[tuple[str, int]] = []
        self.failure = ""
        self.text = ""

    def refuse(self, failure: str, text: str) -> EgressPath:
        self.failure = failure
        self.text = text
        return self
