# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a host depends on the record that CloudStack has for its address."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.host import (
    DesiredHost,
    host_result,
    plan_host,
    plan_stale,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

WANTED = DesiredHost("192.0.2.11", "z", "p", "c", "zid", "pid", "cid", url="http://192.0.2.11", password="s3cret")


def _record(state="Up", cluster="cid", **more):
    return {
        "id": "h1",
        "name": "host1",
        "state": state,
        "clusterid": cluster,
        "ipaddress": "192.0.2.11",
        "resourcestate": "Enabled",
        **more,
    }


def _commands(plan):
    return [change.data["command"] for change in plan]


@pytest.mark.parametrize(
    ("wanted", "record", "expected"),
    [
        (WANTED, None, ["addHost"]),
        (WANTED, _record(), []),
        (WANTED, _record("Alert"), []),
        (WANTED, _record("Connecting"), []),
        (replace(WANTED, remove_stale=True), _record("Down"), ["deleteHost", "addHost"]),
        (replace(WANTED, host_tags=("a", "b")), _record(hosttags="b,a"), []),
        (replace(WANTED, host_tags=("a",)), _record(hosttags="b,a"), ["updateHost"]),
        (replace(WANTED, host_tags=()), _record(hosttags="b"), ["updateHost"]),
    ],
)
def test_plan(wanted, record, expected):
    assert _commands(plan_host(wanted, record)) == expected


@pytest.mark.parametrize("record", [_record("Down"), _record(cluster="other"), _record("Removed")])
def test_refused_with_all_four_parts(record):
    with pytest.raises(InputError) as caught:
        plan_host(WANTED, record)
    for part in ("192.0.2.11", "Expected", "Observed", "Next"):
        assert part in str(caught.value)


def test_leftover_is_kept_unless_its_removal_was_asked_for():
    with pytest.raises(InputError, match="host_registration_stale_host: remove"):
        plan_stale(WANTED, _record("Alert"))
    assert _commands(plan_stale(replace(WANTED, remove_stale=True), _record("Alert"))) == ["deleteHost", "addHost"]


def test_empty_password_is_sent_because_addhost_without_it_answers_530():
    [change] = plan_host(replace(WANTED, password=""), None)
    assert change.data["params"]["password"] == ""


def test_password_is_in_no_diff():
    assert "s3cret" not in str(plan_host(WANTED, None).diff())


def test_a_host_stands_elsewhere_also_where_its_cluster_does_not_exist_yet():
    with pytest.raises(InputError, match="another cluster"):
        plan_host(replace(WANTED, zone_id=None, pod_id=None, cluster_id=None), _record())


def test_description_names_parents_as_the_row_does_and_knows_tls():
    record = _record(
        zonename="zone1",
        details={"secured": "true"},
        hosttags="b,a",
        outofbandmanagement={"powerstate": "On"},
        version="4.22.1.0",
    )
    assert host_result(record, WANTED) == {
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
    assert host_result(None, WANTED) is None
    assert host_result(_record(), WANTED)["secured"] is None
