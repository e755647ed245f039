# SPDX-License-Identifier: GPL-3.0-or-later
"""The host is Up in CloudStack, and its agent runs with a certificate of CloudStack's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Access, Client

ROOT = Path(__file__).parents[3]
STATE = Path(os.environ.get("LAB_STATE", ROOT / ".lab"))


@pytest.fixture
def row(host):
    env = dict(line.split("=", 1) for line in (STATE / "api.env").read_text().splitlines() if "=" in line)
    api = Client(Access(env["CLOUDSTACK_ENDPOINT"], env["CLOUDSTACK_KEY"], env["CLOUDSTACK_SECRET"], timeout=60))
    addresses = host.interface("cloudbr0").addresses
    [found] = [
        entry
        for entry in api.list("listHosts", "host", type="Routing", details="all")
        if entry["ipaddress"] in addresses
    ]
    return found


def test_up_and_enabled(row):
    assert (row["state"], row["resourcestate"]) == ("Up", "Enabled")
    assert (row["zonename"], row["podname"], row["clustername"]) == ("molecule-join", "pod1", "cluster1")


def test_agent_runs(host):
    assert host.service("cloudstack-agent").is_running
    assert host.file("/etc/cloudstack/agent/cloud.crt").exists
    properties = host.file("/etc/cloudstack/agent/agent.properties").content_string
    assert "private.network.device=cloudbr0" in properties
    assert "guest.network.device=cloudbr1" in properties


def test_host_is_secured(host, row):
    assert host.socket("tcp://0.0.0.0:16514").is_listening
    assert row["details"]["secured"] == "true"
