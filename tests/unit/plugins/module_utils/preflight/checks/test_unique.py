# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever only one host may have: one table, each row with a check that reports it."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.unique import UNIQUE, libvirt_uuids
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import FactUnavailable, Profile

FIRMWARE = {"dmi": {"product_uuid": "4C4C4544-0000-1000-8000-000000000001"}}
ID = "5d0509bcd82edd7f754778a689880001"


def test_every_row_has_its_check():
    assert {row.check for row in UNIQUE.values()} <= set(CHECKS)


@pytest.mark.parametrize(
    ("facts", "uuids"),
    [
        (FIRMWARE, ["4c4c4544000010008000000000000001"]),
        (
            {**FIRMWARE, "libvirt": {"uuid": "4c4c4544-0000-1000-8000-000000000001"}},
            ["4c4c4544000010008000000000000001"],
        ),
        (
            {**FIRMWARE, "libvirt": {"host_uuid": "aaaabbbb-1111-4222-8333-444455556666"}},
            ["aaaabbbb111142228333444455556666"],
        ),
        ({**FIRMWARE, "libvirt": {"host_uuid_source": "machine-id"}, "machine_id": ID}, [ID]),
        ({"dmi": {"product_uuid": "00000000-0000-0000-0000-000000000000"}}, []),
        (
            {"dmi": {}, "libvirt": {"uuid": "58ed5725-ecae-4e2e-84a5-4873839b35db"}},
            ["58ed5725ecae4e2e84a54873839b35db"],
        ),
    ],
)
def test_the_uuid_that_libvirt_takes(facts, uuids):
    assert libvirt_uuids(Profile("host1", facts)) == uuids


def test_no_uuid_at_all():
    with pytest.raises(FactUnavailable):
        libvirt_uuids(Profile("host1", {"dmi": {}, "libvirt": {}}))
