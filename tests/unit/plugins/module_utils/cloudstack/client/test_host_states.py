# SPDX-License-Identifier: GPL-3.0-or-later
"""The job of prepareHostForMaintenance ends early: the module waits for what was asked for."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.host_states import (
    carry_out,
    wait_maintenance,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host_state import plan_absent
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError

from tests.unit.plugins.scripted import ScriptedClient

IP = "192.0.2.11"


def _hosts(resource_state):
    return (
        "listHosts",
        [{"id": "h1", "name": "host1", "ipaddress": IP, "state": "Up", "resourcestate": resource_state}],
    )


def test_deletion_waits_until_the_guests_are_gone():
    record = _hosts("Enabled")[1][0]
    client = ScriptedClient(
        ("prepareHostForMaintenance", {}),
        _hosts("PrepareForMaintenance"),
        _hosts("PrepareForMaintenance"),
        _hosts("Maintenance"),
        ("deleteHost", {}),
    )
    carry_out(client, plan_absent(IP, record, forced=False), IP, 60)
    assert not client.script


@pytest.mark.parametrize("state", ["ErrorInMaintenance", "ErrorInPrepareForMaintenance"])
def test_failed_maintenance_is_an_error_and_no_deletion_follows(state):
    record = _hosts("Enabled")[1][0]
    alerts = ("listAlerts", {"alert": [{"description": f"Unable to migrate vm from {IP}"}]})
    client = ScriptedClient(("prepareHostForMaintenance", {}), _hosts(state), alerts)
    with pytest.raises(ApiError) as caught:
        carry_out(client, plan_absent(IP, record, forced=False), IP, 60)
    for part in (IP, "Maintenance within 60 s", state, "Unable to migrate", "Next"):
        assert part in str(caught.value)


def test_maintenance_that_takes_too_long():
    client = ScriptedClient(*[_hosts("PrepareForMaintenance")] * 3, ("listAlerts", {}))
    with pytest.raises(ApiError, match="PrepareForMaintenance"):
        wait_maintenance(client, IP, 6)
