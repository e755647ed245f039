# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudStack watches the host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Access, Client

ROOT = Path(__file__).parents[3]
STATE = Path(os.environ.get("LAB_STATE", ROOT / ".lab"))


@pytest.fixture(scope="module")
def row():
    env = dict(line.split("=", 1) for line in (STATE / "api.env").read_text().splitlines() if "=" in line)
    api = Client(Access(env["CLOUDSTACK_ENDPOINT"], env["CLOUDSTACK_KEY"], env["CLOUDSTACK_SECRET"], timeout=60))
    [found] = [
        host
        for host in api.list("listHosts", "host", type="Routing", details="min")
        if host["ipaddress"] == "10.89.2.100"
    ]
    return found["hostha"]


def test_host_ha_is_available(row):
    assert row == {"haenable": True, "hastate": "Available", "haprovider": "simulatorhaprovider"}
