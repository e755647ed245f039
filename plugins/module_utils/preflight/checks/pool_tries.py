# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the hosts found out about pools on iSCSI and RBD; the checks STO005 and STO012 share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Pool, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.pools import CONNECT

Try = Mapping[str, Any]  # one element of probes.pools


def try_of(host: Profile, pool: Pool) -> Optional[Try]:
    """What the host tried with the pool, None for nothing."""
    return next((each for each in host.probes.get("pools") or () if each["name"] == pool.name), None)


def judged(hosts: Iterable[Profile], pool: Pool) -> dict[str, Try]:
    """By host what it tried, where that says whether the pool can be used."""
    found = {host.name: try_of(host, pool) for host in hosts}
    return {name: each for name, each in found.items() if each is not None and each.get("ok") is not None}


def failure(probe: Try) -> str:
    """What failed, in words."""
    return f"{probe.get('failed_step') or 'failed'}: {probe.get('text') or 'no reason given'}"


def reaches_nobody(tries: Mapping[str, Try]) -> bool:
    """Whether all of several hosts got no connection: the storage is to blame, not a host."""
    return len(tries) > 1 and all(
        each.get("ok") is False and each.get("failed_step") == CONNECT for each in tries.values()
    )
