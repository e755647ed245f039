# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin bridge: a new connection confirms the change; what is told where there is none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.cloudstack.kvm.plugins.action.bridge import ActionModule

MADE = {"changed": True, "waits": True, "bridges": ["cloudbr0"]}
UNREACHABLE, CONFIRMED = AnsibleConnectionFailure("no route to host"), {"changed": False, "waits": False}
TOO_LATE = {"failed": True, "msg": "the change of the network was not confirmed in time"}


class Bridge(ActionModule):
    """Answers one after the other, the last one again and again; a clock that moves by pauses alone."""

    def __init__(self, *answers, timeout=None):
        self.answers, self.calls, self.now = list(answers), [], 0.0
        self._task = SimpleNamespace(
            args={"config": ["x"], **({"rollback_timeout": timeout} if timeout else {})}, async_val=0
        )
        self._connection = SimpleNamespace(reset=lambda: self.calls.append("reset"))

    def clock(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == "cloudstack.kvm.bridge"
        self.calls.append("confirm" if module_args.get("confirm") else "declare")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture(autouse=True)
def _no_base(monkeypatch):
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_: {})


def run(action):
    return action.run(task_vars={"inventory_hostname": "host1", "ansible_host": "192.0.2.11"})


@pytest.mark.parametrize(
    "answer", [{"changed": False, "waits": False}, {"failed": True, "msg": "no"}, {"unreachable": True}]
)
def test_where_nothing_waits_nothing_is_confirmed(answer):
    action = Bridge(answer)
    assert run(action) == answer
    assert action.calls == ["declare"]


@pytest.mark.parametrize("failures", [[], [UNREACHABLE, {"unreachable": True}]])
def test_a_new_connection_confirms(failures):
    action = Bridge(MADE, *failures, CONFIRMED)
    assert run(action) == {"changed": True, "waits": False, "bridges": ["cloudbr0"]}
    assert action.calls[:3] == ["declare", "reset", "confirm"]


def test_a_confirmation_that_comes_too_late_fails_and_nothing_is_changed():
    assert run(Bridge(MADE, UNREACHABLE, TOO_LATE)) == {**TOO_LATE, "changed": False}


def test_a_host_that_comes_back_by_itself_is_told_so():
    action = Bridge(MADE, *[UNREACHABLE] * 7, TOO_LATE, timeout=10)
    result = run(action)
    assert (result["failed"], result["changed"]) == (True, False)
    assert "host1: it could not be logged in to over the new network" in result["msg"]
    assert "a new SSH connection to 192.0.2.11 within 10 s" in result["msg"]
    assert "the network was put back as it was" in result["msg"]
    assert 10 <= action.now <= 16


def test_a_host_that_stays_away_is_told_with_what_to_look_at():
    action = Bridge(MADE, UNREACHABLE)
    result = run(action)
    assert (result["failed"], result["changed"]) == (True, True)
    assert "cannot be logged in to at its old address either" in result["msg"]
    assert "console of host1: journalctl -u cloudstack-kvm-network-confirm" in result["msg"]
    assert 90 <= action.now <= 94
