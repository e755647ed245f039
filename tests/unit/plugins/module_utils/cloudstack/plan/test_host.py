# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a host depends on the row that CloudStack has for its address."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host import Target, describe, plan_host, plan_leftover
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

TARGET = Target("192.0.2.11", "z", "p", "c", "zid", "pid", "cid", url="http://192.0.2.11", password="s3cret")


def _row(state="Up", cluster="cid", **more):
    return {"id": "h1", "name": "host1", "state": state, "clusterid": cluster, "ipaddress": "192.0.2.11", "resourcestate": "Enabled", **more}


def _commands(plan):
    return [change.data["command"] for change in plan]


@pytest.mark.parametrize(
    ("target", "row", "expected"),
    [
        (TARGET, None, ["addHost"]),
        (TARGET, _row(), []),
        (TARGET, _row("Alert"), []),
        (TARGET, _row("Connecting"), []),
        (replace(TARGET, remove_leftover=True), _row("Down"), ["deleteHost", "addHost"]),
        (replace(TARGET, host_tags=("a", "b")), _row(hosttags="b,a"), []),
        (replace(TARGET, host_tags=("a",)), _row(hosttags="b,a"), ["updateHost"]),
        (replace(TARGET, host_tags=()), _row(hosttags="b"), ["updateHost"]),
    ],
)
def test_plan(target, row, expected):
    assert _commands(plan_host(target, row)) == expected


@pytest.mark.parametrize("row", [_row("Down"), _row(cluster="other"), _row("Removed")])
def test_refused_with_all_four_parts(row):
    with pytest.raises(InputError) as caught:
        plan_host(TARGET, row)
    for part in ("192.0.2.11", "Expected", "Observed", "Next"):
        assert part in str(caught.value)


def test_leftover_is_kept_unless_its_removal_was_asked_for():
    with pytest.raises(InputError, match="host_registration_leftover: remove"):
        plan_leftover(TARGET, _row("Alert"))
    assert _commands(plan_leftover(replace(TARGET, remove_leftover=True), _row("Alert"))) == ["deleteHost", "addHost"]


def test_empty_password_is_sent_because_addhost_without_it_answers_530():
    [change] = plan_host(replace(TARGET, password=""), None)
    assert change.data["params"]["password"] == ""


def test_password_is_in_no_diff():
    assert "s3cret" not in str(plan_host(TARGET, None).diff())


def test_a_host_stands_elsewhere_also_where_its_cluster_does_not_exist_yet():
    with pytest.raises(InputError, match="another cluster"):
        plan_host(replace(TARGET, zone_id=None, pod_id=None, cluster_id=None), _row())


def test_description_names_parents_as_the_row_does_and_knows_tls():
    row = _row(zonename="zone1", details={"secured": "true"}, hosttags="b,a", outofbandmanagement={"powerstate": "On"}, version="4.22.1.0")
    assert describe(row, TARGET) == {
        "id": "h1",
        "name": "host1",
        "ip_address": "192.0.2.11",
        "zone": "zone1",
        "pod": "p",
        "cluster": "c",
        "state": "Up",
        "resource_state": "Enabled",
        "power_state": "On",
        "secured": True,
        "version": "4.22.1.0",
        "host_tags": ["a", "b"],
    }
    assert describe(None, TARGET) is None
    assert describe(_row(), TARGET)["secured"] is None
