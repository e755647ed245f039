# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The address of primary storage as CloudStack writes it in createStoragePool and as it shows it later."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

# CloudStack also takes the notation of mount(8), host:/path, behind nfs://.
URL = re.compile(r"^(?P<scheme>[A-Za-z]+)://(?:[^@/]*@)?(?P<host>[^/:]*)(?::(?=/)|:\d+)?(?P<path>/.*)?$")
SCHEMES = {
    "NetworkFilesystem": "nfs",
    "SharedMountPoint": "sharedmountpoint",
    "RBD": "rbd",
    "CLVM": "clvm",
    "IscsiLUN": "iscsi",
}


def normal_url(url: str) -> str:
    """scheme://host/path in one spelling: lower case scheme and host, no trailing slash, no account. Raises
    InputError."""
    match = URL.match(url.strip())
    if not match:
        raise InputError(
            "not the address of primary storage", observed=url, expected="such as nfs://192.0.2.1/export/primary"
        )
    return f"{match['scheme'].lower()}://{match['host'].lower()}{_path(match['path'])}"


def pool_url(pool: Mapping[str, Any]) -> str:
    """The same for an object of listStoragePools, which has the parts in type, ipaddress and path."""
    scheme = SCHEMES.get(str(pool.get("type")), str(pool.get("type")).lower())
    return f"{scheme}://{str(pool.get('ipaddress') or '').lower()}{_path(pool.get('path'))}"


def _path(path: Any) -> str:
    text = "/" + str(path or "").strip("/")
    return "" if text == "/" else text
