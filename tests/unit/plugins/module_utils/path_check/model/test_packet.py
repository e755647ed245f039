# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that the probing host says are those that the controller understands."""

from __future__ import annotations

from dataclasses import fields

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model import packet as path_packet
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model import path
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.run import _unasked

NAMES = ("LOCAL", "ROUTER", "TOO_LARGE", "SILENT", "NO_NEIGHBOUR", "PROHIBITED", "NO_ADDRESS", "NO_ROUTE", "NOT_ASKED")


def test_the_same_failures():
    assert {getattr(path_packet, name) for name in NAMES} == set(path.FAILURES)
    assert all(getattr(path_packet, name) == getattr(path, name) for name in NAMES)


def test_the_result_has_all_fields_of_an_outcome():
    wanted = {each.name for each in fields(path.Outcome)} - {"probe"}
    assert wanted <= set(_unasked())
    assert (
        path.Outcome.from_dict(
            {"host": "a", "network": "n", "peer": "b", "address": "192.0.2.2", "size": 1500, **_unasked()}
        ).failure
        == ""
    )
