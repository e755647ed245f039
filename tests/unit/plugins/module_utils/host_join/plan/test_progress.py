# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an addHost is being carried out on a host, from what the host shows."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.model.signs import Mark, Signs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.plan.progress import (
    AGENT_TIME,
    BEGINS,
    SILENCE,
    Progress,
    explain,
    join_in_progress,
)

LONGEST = 900
SERVER = "10.88.0.254"


def mark(age):
    return Mark(age, "deploy1", "cluster1")


@pytest.mark.parametrize(
    ("signs", "state", "words"),
    [
        pytest.param(Signs(), "none", "", id="nothing"),
        pytest.param(Signs(agent_active=True, agent_connected=True), "none", "", id="a member"),
        pytest.param(
            Signs(processes=(("keystore-setup", 12),)),
            "running",
            "keystore-setup is running on the host for 12 s",
            id="keystore-setup runs",
        ),
        pytest.param(
            Signs(processes=(("cloudstack-setup-agent", 1200),)),
            "running",
            "cloudstack-setup-agent",
            id="a set-up that hangs goes on",
        ),
        pytest.param(
            Signs(logins=((SERVER, 40),)),
            "running",
            f"the management server {SERVER} is logged in on the host for 40 s",
            id="a login that lasts",
        ),
        pytest.param(Signs(logins=((SERVER, LONGEST + 1),)), "none", "", id="a login that is older than any addHost"),
        pytest.param(
            Signs(set_up=30),
            "running",
            "the set-up wrote its last line 30 s ago, and no end of it is seen",
            id="a set-up without an end",
        ),
        pytest.param(
            Signs(set_up=30, logout=35), "running", "no end of it is seen", id="the end was that of an earlier login"
        ),
        pytest.param(Signs(set_up=SILENCE + 1), "none", "", id="a set-up that fell silent"),
        pytest.param(Signs(set_up=30, logout=20), "none", "", id="a set-up that failed: its agent does not run"),
        pytest.param(
            Signs(set_up=30, logout=20, agent_active=True),
            "ended",
            "ended 20 s ago, and its agent has not connected yet",
            id="the agent may come",
        ),
        pytest.param(
            Signs(set_up=30, logout=20, agent_active=True, agent_connected=True), "none", "", id="the agent has come"
        ),
        pytest.param(
            Signs(set_up=400, logout=AGENT_TIME + 1, agent_active=True), "none", "", id="the agent had its time"
        ),
        pytest.param(
            Signs(mark=mark(5)),
            "running",
            "deploy1 sent addHost 5 s ago, and CloudStack has not logged in yet",
            id="killed right after addHost",
        ),
        pytest.param(Signs(mark=mark(BEGINS + 1)), "none", "", id="an addHost that was never sent"),
        pytest.param(
            Signs(mark=mark(100), logins=((SERVER, 99),)), "running", "is logged in", id="another controller's addHost"
        ),
        pytest.param(
            Signs(mark=mark(200), set_up=60, logout=50),
            "ended",
            "sent addHost 200 s ago, and has no answer yet",
            id="another waits for its answer",
        ),
        pytest.param(
            Signs(mark=mark(500), set_up=400, logout=AGENT_TIME + 1), "none", "", id="its answer must have come"
        ),
        pytest.param(
            Signs(mark=mark(LONGEST + 1), set_up=60, logout=50), "none", "", id="a mark that is older than any addHost"
        ),
        pytest.param(
            Signs(mark=mark(60), set_up=300, logout=290),
            "running",
            "has not logged in yet",
            id="the set-up was that of an earlier join",
        ),
    ],
)
def test_what_the_host_shows(signs, state, words):
    found = join_in_progress(signs, LONGEST)
    assert found.state == state
    assert words in found.why
    assert bool(found.why) is (state != "none")


def test_how_long_it_is_believed():
    assert join_in_progress(Signs(mark=mark(20)), LONGEST).as_dict() == {
        "state": "running",
        "why": "deploy1 sent addHost 20 s ago, and CloudStack has not logged in yet",
        "since": 20,
        "left": BEGINS - 20,
    }
    assert join_in_progress(Signs(processes=(("keystore-setup", 1000),)), LONGEST).left == 0


def test_the_message_tells_what_to_do():
    text = explain("host1", Progress("running", "keystore-setup is running on the host for 12 s", 12, 100))
    for part in (
        "host1",
        "expected no join",
        "observed: keystore-setup",
        "Next: wait",
        "/run/cloudstack-kvm/join.json",
        "Reproduce: pgrep",
    ):
        assert part in text
