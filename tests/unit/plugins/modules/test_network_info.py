# SPDX-License-Identifier: GPL-3.0-or-later
"""network_info as Ansible runs it: the files of the back end and the kernel's links, said as a declaration; the same in
check mode."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bridge,
    Link,
    Network,
    State,
)
from ansible_collections.cloudstack.kvm.plugins.modules import network_info

from tests.unit.plugins.modules.edge import run_module


class Backend:
    def read(self):
        return {"/etc/one": "text"}

    def declared(self, files):
        assert files == {"/etc/one": "text"}
        return Network(bridges=(Bridge("cloudbr0", "eth0", 9000, "192.0.2.11/24"),))


class Links:
    def measure(self):
        links = [
            Link("eth0", "ether", 9000, True, "cloudbr0"),
            Link("cloudbr0", "bridge", 9000, True, None, (Address("192.0.2.11/24"),)),
            Link("eth9", "ether", 1500, True, None, (Address("198.51.100.9/24"),)),
        ]
        return State({link.name: link for link in links})


@pytest.mark.parametrize("check", [True, False])
def test_result(capsys, monkeypatch, check):
    monkeypatch.setitem(network_info.BACKENDS, "netplan", Backend)
    monkeypatch.setattr(network_info, "Links", Links)
    result = run_module(network_info, capsys, backend="netplan", check=check)
    config = {"bridges": [{"name": "cloudbr0", "port": "eth0", "mtu": 9000, "address": "192.0.2.11/24"}]}
    assert (result["changed"], result["config"]) == (False, config)
    assert [note.partition(":")[0] for note in result["notes"]] == ["eth9"]
    assert yaml.safe_load(result["text"]) == {"network_bridge_config": config}
