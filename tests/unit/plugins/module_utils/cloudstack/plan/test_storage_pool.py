# SPDX-License-Identifier: GPL-3.0-or-later
"""An address belongs to one pool; a pool in use is removed only by consent."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import STORAGE_POOL
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.storage_pool import (
    plan_pool_absent,
    refuse_taken,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

POOL = {
    "id": "s1",
    "name": "p1",
    "type": "NetworkFilesystem",
    "ipaddress": "192.0.2.9",
    "path": "/export/p",
    "state": "Up",
    "clustername": "c1",
}


def _commands(plan):
    return [change.data["command"] for change in plan]


def test_address_of_another_pool():
    with pytest.raises(InputError) as caught:
        refuse_taken("p2", "nfs://192.0.2.9:/export/p/", [POOL])
    for part in ("p2", "p1 in c1", "Next"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [("p1", "nfs://192.0.2.9/export/p"), ("p2", "nfs://192.0.2.9/export/q"), ("p2", "nfs://192.0.2.8/export/p")],
)
def test_address_that_is_free(name, url):
    refuse_taken(name, url, [POOL])


def test_pool_in_use_is_not_removed_without_consent():
    with pytest.raises(InputError, match="stops every guest"):
        plan_pool_absent(STORAGE_POOL, "p1", POOL, forced=False)
    assert _commands(plan_pool_absent(STORAGE_POOL, "p1", POOL, forced=True)) == [
        "enableStorageMaintenance",
        "deleteStoragePool",
    ]


@pytest.mark.parametrize("forced", [True, False])
def test_pool_in_maintenance_and_pool_that_is_gone(forced):
    assert _commands(plan_pool_absent(STORAGE_POOL, "p1", {**POOL, "state": "Maintenance"}, forced)) == [
        "deleteStoragePool"
    ]
    assert not plan_pool_absent(STORAGE_POOL, "p1", None, forced)
