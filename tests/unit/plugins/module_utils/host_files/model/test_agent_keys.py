# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of keys is whole and consistent."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model import agent_keys

from tests.unit.plugins.captured import text

READ_ELSEWHERE = {
    "backoff.seconds",
    "pool",
    "storage.network.device",
    "storage.network.device.2",
    "tungsten.scripts.dir",
}


def test_all_110_properties_of_4_22_1_and_five_that_are_read_elsewhere():
    assert len(agent_keys.KEY_TYPES) == 115
    assert set(agent_keys.KEY_TYPES) >= READ_ELSEWHERE
    names = (*agent_keys._INT, *agent_keys._LONG, *agent_keys._BOOL, *agent_keys._STR)
    assert len(names) == len(set(names)), "a key has two types"


def test_every_special_key_is_a_known_key():
    special = {*agent_keys.OWNED, *agent_keys.CHOICES, *agent_keys.OVERWRITTEN}
    assert special <= set(agent_keys.KEY_TYPES)


def test_the_keys_of_a_real_host_are_known():
    keys = {line.split("=")[0] for line in text("agent.properties").splitlines() if "=" in line}
    assert {key for key in keys if not key.startswith("LibvirtComputingResource.")} <= set(agent_keys.KEY_TYPES)
