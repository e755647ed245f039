# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudStack reaches the BMC: the power state that it shows can only come from there."""

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
        if host["ipaddress"] == "10.89.1.100"
    ]
    return found["outofbandmanagement"]


def test_configured_as_declared(row):
    assert (row["driver"], row["address"], row["port"], row["username"]) == ("ipmitool", "10.88.0.211", "623", "ADMIN")
    assert row["enabled"] is True


def test_power_state_comes_from_the_bmc(row):
    assert row["powerstate"] in ("On", "Off")


def test_password_is_not_shown(row):
    assert row["password"].endswith("****")
