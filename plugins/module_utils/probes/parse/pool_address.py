# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses of pools on iSCSI and RBD, as listStoragePools and the inventory write them."""

from __future__ import annotations

import base64
import re
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import whole

# CloudStackPrimaryDataStoreLifeCycleImpl of CloudStack 4.22: iscsi://server/target/lun
UNIT = re.compile(r"/?(?P<target>[^/]+)/(?P<lun>[0-9]+)/?")
# The account stands before the last @ of the server's part; CloudStack's form writes a key with - and _ for + and /.
ACCOUNT = re.compile(r"rbd://(?P<account>.*)@[^@/]+(/.*)?", re.IGNORECASE)
PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")


def iscsi_unit(path: str) -> tuple[str, int]:
    """Target and LUN of a pool's path. Raises ParseError."""
    source, found = "the path of an iSCSI pool", UNIT.fullmatch(path.strip())
    if not found:
        raise ParseError(
            source, "no target and LUN in it", expected="such as /iqn.2026-01.org.example:san/1", text=path
        )
    return found["target"], whole(found["lun"], source)


def servers(text: str) -> list[str]:
    """The servers of a pool: of RBD they may be several, separated by commas, as CloudStack hands them to libvirt."""
    return [each.strip().strip("[]") for each in text.split(",") if each.strip()]


def account_of_url(url: str) -> str:
    """user:key of an RBD pool's URL, empty where it has none."""
    found = ACCOUNT.fullmatch(url.strip())
    return found["account"] if found else ""


def rbd_account(text: str) -> Optional[tuple[str, str]]:
    """User and key of `user:key`; None where one is missing. A key is base64, percent-encoded or in the alphabet for
    URLs (RFC 4648, section 5), which LibvirtStorageAdaptor decodes too.
    """
    user, _colon, key = text.partition(":")
    key = _decoded(key).replace("-", "+").replace("_", "/")
    return (_decoded(user), key) if user and key else None


def _decoded(text: str) -> str:
    """Percent-encoded ASCII (RFC 3986, section 2.1): names of accounts and base64 have no other characters."""
    return PERCENT.sub(lambda found: chr(int(found[1], 16)), text)


def is_ceph_key(key: str) -> bool:
    """Whether this is a key as ceph-authtool writes it: base64 of its type (1: AES), the time it was made (8 bytes),
    its length and itself (src/auth/Crypto.cc). librados quotes what it cannot decode in its log.
    """
    try:
        found = base64.b64decode(key.encode(), validate=True)
    except ValueError:
        return False
    return len(found) > 12 and found[:2] == b"\x01\x00" and len(found) == 12 + int.from_bytes(found[10:12], "little")
