# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin bridge: a new connection confirms the change; what is told where there is none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.cloudstack.kvm.plugins.action.bridge import ActionModule

MADE = {"changed": True, "waits": True, "bridges": ["cloudbr0"]}
UNREACHABLE, CONFIRMED = AnsibleConnectionFailure("no route to host"), {"changed": False, "waits": False}
TOO_LATE = {"failed": True, "rolled_back": True, "msg": "the change of the network was not confirmed in time"}


class Bridge(ActionModule):
    """Answers one after the other, the last one again and again; a clock that moves by pauses alone."""

    def __init__(self, *answers, timeout=None):
        self.answers, self.calls, self.now = list(answers), [], 0.0
        self._task = SimpleNamespace(
            args={"config": ["x"], **({"rollback_timeout": timeout} if timeout else {})}, async_val=0, check_mode=False
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
def _no_base(monkeypatch, tmp_path):
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_: {})
    monkeypatch.setattr(ActionModule, "stopped", tmp_path / "stopped")


def run(action, host="host1"):
    return action.run(task_vars={"inventory_hostname": host, "ansible_host": "192.0.2.11"})


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


REFUSED = {"failed": True, "msg": "no such port"}
PUT_BACK = {"failed": True, "msg": "the gateway does not answer; the network was put back", "rolled_back": True}
DEFECT = {"failed": True, "msg": "unexpected KeyError: 'eth0'"}
KILLED = {"failed": True, "msg": "Module result deserialization failed", "module_stdout": ""}


@pytest.mark.parametrize(
    "answers", [[PUT_BACK], [DEFECT], [KILLED], [{"unreachable": True}], [MADE, UNREACHABLE]], ids=str
)
def test_after_a_change_that_was_put_back_no_other_host_is_changed(answers):
    run(Bridge(*answers))
    action = Bridge(MADE, CONFIRMED)
    result = run(action, "host2")
    assert action.calls == []
    assert (result["failed"], result["changed"]) == (True, False)
    assert "host2: its network was not changed, because the change of host1 was put back" in result["msg"]
    same = Bridge(MADE, CONFIRMED)
    assert run(same)["changed"], "its own change is another matter"


def test_a_connection_that_is_lost_while_the_module_runs_stops_the_others_as_well():
    with pytest.raises(AnsibleConnectionFailure):
        run(Bridge(UNREACHABLE))
    assert run(Bridge(MADE, CONFIRMED), "host2")["failed"]


@pytest.mark.parametrize("answers", [[MADE, CONFIRMED], [REFUSED]], ids=str)
def test_a_change_that_is_kept_and_a_refusal_stop_nobody(answers):
    run(Bridge(*answers))
    assert run(Bridge(MADE, CONFIRMED), "host2")["changed"]


def test_check_mode_is_not_stopped():
    run(Bridge(PUT_BACK))
    action = Bridge({"changed": True})
    action._task.check_mode = True
    assert run(action, "host2")["changed"]
