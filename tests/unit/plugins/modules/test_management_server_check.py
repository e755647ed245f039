# SPDX-License-Identifier: GPL-3.0-or-later
"""management_server_check: its options reach the probe, and no password leaves it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.management_probe import ManagementProbe
from ansible_collections.cloudstack.kvm.plugins.modules import management_server_check as check

from tests.unit.plugins.modules.edge import run_module

PASSWORD = "planted-password"


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_probe_gets_what_the_task_says(capsys, monkeypatch, check_mode):
    asked = []
    monkeypatch.setattr(
        ManagementProbe,
        "look_at",
        lambda self, target: asked.append((self, target)) or {"bmc": {"text": f"betrays {target.bmc_password}"}},
    )
    host = {"name": "host1", "address": "192.0.2.11", "bmc_address": "198.51.100.11", "bmc_password": PASSWORD}
    result = run_module(check, capsys, check=check_mode, hosts=[host])
    ((probe, target),) = asked
    assert (probe.key_paths, probe.ports, probe.timeout) == (check.KEYS, [22, 16514], 10)
    assert (target.ssh_port, target.username, target.bmc_port, target.bmc_password) == (22, "root", 623, PASSWORD)
    assert result["changed"] is False
    assert list(result["management"]) == ["host1"]
    assert PASSWORD not in json.dumps(result)


def test_no_hosts(capsys):
    assert run_module(check, capsys, hosts=[])["management"] == {}
