# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a run."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.summary import summarise

UP = {"zone": "z", "pod": "p", "cluster": "c", "state": "Up", "resource_state": "Enabled", "power_state": "Disabled"}


def test_lines():
    variables = {
        "a": {"__host_registration_result": {"host": UP}, "__oobm_result": {"oobm": {"power_state": "On"}}},
        "b": {"__host_registration_result": {"host": UP}},
        "c": {},
        "d": {"__host_registration_result": {"msg": "failed"}},
    }
    assert summarise("abcd", variables) == {
        "z/p/c, Up and Enabled, power On": ["a"],
        "z/p/c, Up and Enabled, power Disabled": ["b"],
        "not registered by this run, see the messages above": ["c", "d"],
    }
