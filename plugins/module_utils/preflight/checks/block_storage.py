# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: primary storage on iSCSI and RBD, which the hosts reach by a client in user space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.fixes import POOL, POOL_ELSE, fix_for
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.pool_tries import (
    Try,
    failure,
    judged,
    reaches_nobody,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.storage import needed_pools
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, WARNING, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Pool, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, check


@check(
    "STO012",
    "A storage pool on iSCSI or RBD cannot be used",
    area="storage",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F43",),
    unknown=WARNING,
    fix=POOL_ELSE,
    reproduce="iscsi-inq -i $(sed -n 's/^InitiatorName=//p' /etc/iscsi/initiatorname.iscsi) iscsi://SERVER/TARGET/LUN; "
    "rados -m MONITORS --id USER --keyfile FILE -p POOL ls | head -1",
)
def usable_pool(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Each host must log in to every iSCSI target and Ceph cluster that holds a pool of its cluster, as the host itself
    does later.

    Consequence: a host that cannot connect one pool of its cluster is refused at each connect and stays in Connecting
    or Alert (F43). iSCSI: by libiscsi, with the host's own initiator name, until the LUN is ready. RBD: by librados,
    with the account in the URL of cluster_primary_storage; an object is written, read and removed. Ports are the
    default ones, as CloudStack shows none. What cannot be tried (no library on the host, no account, CHAP) is STO005's
    unknown; storage that answers no host at all is STO005's matter too. Sources of the answers: iSCSI's login status
    (RFC 7143, section 11.13.5) and the numbers of errors of librados.
    """
    for pool in needed_pools(cluster):
        tries = judged(hosts, pool)
        if reaches_nobody(tries):
            continue
        good = tuple(sorted(name for name, each in tries.items() if each["ok"]))
        for text, names in _by_failure(tries).items():
            yield Problem(tuple(names), _expected(pool), text, others=good, fix=fix_for(POOL, text, POOL_ELSE))


def _by_failure(tries: Mapping[str, Try]) -> dict[str, list[str]]:
    """Hosts that saw the same: one cause, one finding."""
    found: dict[str, list[str]] = {}
    for name, probe in sorted(tries.items()):
        if not probe["ok"]:
            found.setdefault(failure(probe), []).append(name)
    return found


def _expected(pool: Pool) -> str:
    return f"pool {pool.name} ({pool.kind}, {pool.path.strip('/')} at {pool.server}) usable"
