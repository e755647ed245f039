# SPDX-License-Identifier: GPL-3.0-or-later
"""An error of addHost is no proof of failure: what is asked afterwards, and what is told."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import NoAnswer
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import (
    add_host,
    read_record,
    wait_up,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError

from tests.unit.plugins.scripted import ScriptedClient

IP = "192.0.2.11"
UP = {"id": "h1", "name": "host1", "ipaddress": IP, "state": "Up"}
ALERT = {**UP, "state": "Alert"}
GENERIC = ApiError("refused", code=530, text=f"Unable to add the host: Cannot find the server resources at http://{IP}")
AUTH = ApiError(
    "refused", code=530, text="Could not add host at [x] due to: [Authentication error with host password]."
)


def _hosts(*records):
    return ("listHosts", list(records))


def test_row_is_found_by_address_whatever_its_name():
    assert read_record(ScriptedClient(_hosts({**UP, "ipaddress": "192.0.2.1", "name": IP}, UP)), IP) == UP
    assert read_record(ScriptedClient(_hosts()), IP) is None


def test_wait_ends_when_up():
    client = ScriptedClient(_hosts(), _hosts(ALERT), _hosts(UP))
    assert wait_up(client, IP, 60) == UP
    assert client.clock.time == 6


def test_wait_ends_with_the_last_row():
    assert wait_up(ScriptedClient(_hosts(ALERT), _hosts(ALERT), _hosts(ALERT)), IP, 6) == ALERT


def test_good_join():
    assert add_host(ScriptedClient(("addHost", {}), _hosts(UP)), {}, IP, 60) == (UP, "")


def test_error_although_the_host_is_up():
    record, text = add_host(ScriptedClient(("addHost", AUTH), _hosts(UP)), {}, IP, 60)
    assert record == UP
    assert text == "Authentication error with host password"


def test_failed_join_tells_everything():
    client = ScriptedClient(
        ("addHost", AUTH),
        _hosts(),
        ("listAlerts", {"alert": [{"description": f"trouble with {IP}"}, {"description": "x"}]}),
    )
    with pytest.raises(ApiError) as caught:
        add_host(client, {}, IP, 60)
    assert caught.value.details["join"] == {
        "error": "Authentication error with host password",
        "code": 530,
        "seconds": 0,
        "record": None,
        "alerts": [f"trouble with {IP}"],
    }


def test_generic_error_after_the_wait_gives_the_agent_a_little_more_time():
    client = ScriptedClient(("addHost", GENERIC), _hosts(), _hosts(UP))
    client_call = client.call

    def slow(command, **params):
        client.clock.time += 305 if command == "addHost" else 0
        return client_call(command, **params)

    client.call = slow
    assert add_host(client, {}, IP, 60)[0] == UP


def test_lost_answer_of_addhost_is_no_failure():
    lost = NoAnswer("CloudStack did not answer addHost", observed="cut by a proxy")
    client = ScriptedClient(("addHost", lost), *[_hosts()] * 100, _hosts(UP))
    record, text = add_host(client, {}, IP, 60)
    assert record == UP
    assert "did not answer" in text
    assert (
        client.clock.time == 300
    )  # longer than up_timeout: addHost goes on on the server, for up to the timeout of one call


def test_lost_answer_and_no_host_is_told_as_a_failed_join():
    lost = NoAnswer("CloudStack did not answer addHost")
    client = ScriptedClient(("addHost", lost), *[_hosts()] * 301, ("listAlerts", {}))
    with pytest.raises(ApiError) as caught:
        add_host(client, {}, IP, 60)
    assert caught.value.details["join"]["code"] == 0


def test_full_row_is_asked_for_by_id():
    client = ScriptedClient(_hosts(UP), _hosts({**UP, "details": {"secured": "true"}}))
    assert read_record(client, IP, full=True)["details"] == {"secured": "true"}
    assert client.sent[1][1] == {"id": "h1", "details": "all"}


def test_row_in_alert_is_reported():
    alerts = {"alert": [{"description": "Incorrect Network setup on agent, details : Can not find network: cloudbr1"}]}
    client = ScriptedClient(("addHost", GENERIC), _hosts(ALERT), _hosts(ALERT), ("listAlerts", alerts))
    with pytest.raises(ApiError) as caught:
        add_host(client, {}, IP, 0)
    join = caught.value.details["join"]
    assert join["record"]["state"] == "Alert"
    assert "cloudbr1" in join["alerts"][0]


@pytest.mark.parametrize("code", [0, 401, 432])
def test_no_answer_and_no_right_are_raised_as_they_are(code):
    with pytest.raises(ApiError) as caught:
        add_host(ScriptedClient(("addHost", ApiError("x", code=code))), {}, IP, 60)
    assert not getattr(caught.value, "details", {})
