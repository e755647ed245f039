# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Storage pools that a host reaches by a client in user space, not by a mount."""

from __future__ import annotations

from collections.abc import Mapping

ISCSI, RBD = "iscsi", "rbd"
# A portal's port (RFC 7143, section 13.8); a monitor's, of version 2 of the protocol and of version 1 (docs.ceph.com,
# "Messenger v2").
PORTS: Mapping[str, tuple[int, ...]] = {ISCSI: (3260,), RBD: (3300, 6789)}
# CloudStack's types of pools (Storage.StoragePoolType)
KINDS: Mapping[str, str] = {"RBD": RBD, "IscsiLUN": ISCSI, "Iscsi": ISCSI}
CONNECT, LUN = "connect", "lun"


class PoolRefused(Exception):
    """The storage, or the way to it, refused a step; the text is the library's."""

    def __init__(self, step: str, text: str) -> None:
        super().__init__(text)
        self.step = step
