# SPDX-License-Identifier: GPL-3.0-or-later
"""port_check as Ansible runs it: the same in check mode, and in the order of the targets."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.cloudstack.kvm.plugins.modules import port_check

from tests.unit.plugins.modules.edge import run_module


@pytest.mark.parametrize("check", [True, False])
def test_result(capsys, check):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        targets = [
            {"to": "myself", "address": "127.0.0.1", "port": port, "purpose": "agent"},
            {"to": "nowhere", "address": "127.0.0.1", "port": port, "bind_device": "nosuchdev"},
        ]
        result = run_module(port_check, capsys, targets=targets, check=check)
    assert result["changed"] is False
    there, nowhere = result["ports"]
    assert there.pop("ms") < 1000
    assert there == {
        "to": "myself",
        "address": "127.0.0.1",
        "port": port,
        "purpose": "agent",
        "state": "open",
        "text": "",
        "source": "127.0.0.1",
    }
    assert (nowhere["state"], nowhere["ms"], nowhere["purpose"]) == (None, None, "")


def test_bad_port(capsys):
    result = run_module(port_check, capsys, targets=[{"to": "host2", "address": "127.0.0.1", "port": 65536}])
    assert result["failed"]
    assert "host2" in result["msg"]
