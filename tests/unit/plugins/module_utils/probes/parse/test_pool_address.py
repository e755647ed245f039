# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of pools as CloudStack and inventories write them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.filter.pool_accounts import pool_accounts
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.pool_address import (
    is_ceph_key,
    iscsi_unit,
    rbd_account,
    servers,
)

KEY = "AQDPVipp7+u/DBAAEuUbHeXZYRdW/8b1LE8aLA=="  # made by ceph-authtool --gen-print-key for this test


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/iqn.2026-01.test:san/1", ("iqn.2026-01.test:san", 1)),
        ("iqn.2026-01.test:san/0", ("iqn.2026-01.test:san", 0)),
        ("/eui.02004567A425678D/17/", ("eui.02004567A425678D", 17)),
    ],
)
def test_target_and_lun(path, unit):
    assert iscsi_unit(path) == unit


@pytest.mark.parametrize("path", ["/iqn.2026-01.test:san", "", "/a/b/1", "/iqn.2026-01.test:san/x"])
def test_what_is_no_target_with_a_lun(path):
    with pytest.raises(ParseError, match="such as /iqn"):
        iscsi_unit(path)


def test_servers():
    assert servers("10.88.2.1, 10.88.2.2,[2001:db8::1]") == ["10.88.2.1", "10.88.2.2", "2001:db8::1"]


@pytest.mark.parametrize(
    ("text", "account"),
    [
        (f"cloudstack:{KEY}", ("cloudstack", KEY)),
        ("cloudstack:AQDPVipp7-u_DBAAEuUbHeXZYRdW_8b1LE8aLA%3D%3D", ("cloudstack", KEY)),
        ("cloudstack:AQDPVipp7%2Bu%2FDBAAEuUbHeXZYRdW%2F8b1LE8aLA==", ("cloudstack", KEY)),
        ("cloudstack", None),
        ("cloudstack:", None),
        ("", None),
    ],
)
def test_the_key_in_each_of_its_spellings(text, account):
    assert rbd_account(text) == account


@pytest.mark.parametrize(("key", "good"), [(KEY, True), (KEY[:-4], False), ("abc", False), ("c2VjcmV0", False)])
def test_librados_never_sees_what_it_would_quote(key, good):
    assert is_ceph_key(key) is good


def test_accounts_of_an_inventory():
    pools = [
        {"name": "ceph1", "url": "rbd://cloudstack:AQDP-_%3D@10.88.2.251,10.88.2.252/cloudstack"},
        {"name": "ceph2", "url": "rbd://10.88.2.251/cloudstack"},
        {"name": "nfs1", "url": "nfs://10.88.2.254/export/primary"},
    ]
    assert pool_accounts(pools) == {"ceph1": "cloudstack:AQDP-_%3D"}
