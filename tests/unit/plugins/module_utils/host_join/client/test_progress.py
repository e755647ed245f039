# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark in its file, and the signs that a machine shows."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.client import progress as join_progress
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.parse.signs import PROGRAMS

NOW = 1795864900.0
SESSIONS = '0 0 10.88.0.11:22 {}:51022 users:(("sshd",pid={},fd=4))\n'


class Clock:
    def now(self):
        return self

    def timestamp(self):
        return NOW

    def isoformat(self, timespec):
        return "2026-11-28T12:41:40+00:00"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Answers of commands by name; uptime 5000 s, setup.log absent, no processes."""
    answers = {"sessions": "", "agent": "inactive\n", "journal": ""}
    monkeypatch.setattr(
        join_progress, "run_all", lambda commands: {name: Answer((), 0, answers[name]) for name in commands}
    )
    monkeypatch.setattr(join_progress, "SystemClock", Clock)
    monkeypatch.setattr(join_progress, "SETUP_LOG", str(tmp_path / "setup.log"))
    monkeypatch.setattr(join_progress, "_uptime", lambda: 5000.0)
    monkeypatch.setattr(join_progress, "_process_ages", lambda: {7: 3.0, 8: 70.0, 9: 2.0})
    monkeypatch.setattr(join_progress, "_ancestors", lambda: {9})
    monkeypatch.setattr(join_progress, "_programs", lambda: iter([(7, "keystore-setup")]))
    monkeypatch.setattr(join_progress, "_terminal", lambda pids: 77 in pids)
    return answers


def test_signs(machine, tmp_path):
    machine["sessions"] = (
        SESSIONS.format("10.88.0.254", 8) + SESSIONS.format("10.88.0.253", 77) + SESSIONS.format("10.88.0.7", 5)
    )
    machine["journal"] = (
        "1795864880.0 host1 cloudstack-keystore-setup[1]: Generating new key\n"
        "1795864890.0 host1 sshd[1]: Disconnected from user root 10.88.0.254 port 5\n"
        "1795864895.0 host1 sshd[1]: Disconnected from user root 10.88.0.7 port 5\n"
    )
    found = join_progress.gather(["10.88.0.254", "10.88.0.253"], str(tmp_path))
    assert found.processes == (("keystore-setup", 3.0),)
    assert found.logins == (("10.88.0.254", 70.0),), "no terminal, and no other login"
    assert (found.set_up, found.logout, found.agent_active, found.agent_connected, found.mark) == (
        20.0,
        10.0,
        False,
        False,
        None,
    )


def test_logins_from_where_this_run_comes_from_say_nothing(machine, tmp_path):
    machine["sessions"] = SESSIONS.format("10.88.0.254", 9) + SESSIONS.format("10.88.0.254", 8)
    machine["journal"] = "1795864890.0 host1 sshd[1]: Disconnected from user root 10.88.0.254 port 5\n"
    found = join_progress.gather(["10.88.0.254"], str(tmp_path))
    assert (found.logins, found.logout) == ((), None)


def test_an_agent_that_is_connected(machine, tmp_path):
    machine.update(
        agent="activating\n", sessions='0 0 10.88.0.11:46210 10.88.0.254:8250 users:(("java",pid=500,fd=7))\n'
    )
    found = join_progress.gather([], str(tmp_path))
    assert (found.agent_active, found.agent_connected) == (True, True)


def test_the_mark_survives_its_writer_and_only_its_token_removes_it(machine, tmp_path, monkeypatch):
    folder = str(tmp_path / "run")
    assert join_progress.read_mark(folder) is None
    with join_progress.locked(folder):
        join_progress.write_mark("deploy1", "cluster1", "abc", folder)
    monkeypatch.setattr(join_progress, "_uptime", lambda: 5012.0)
    mark = join_progress.read_mark(folder)
    assert (mark.age, mark.controller, mark.cluster) == (12.0, "deploy1", "cluster1")
    assert "abc" not in str(join_progress.as_result(mark))
    join_progress.remove_mark("another", folder)
    assert join_progress.read_mark(folder)
    join_progress.remove_mark("abc", folder)
    join_progress.remove_mark("abc", folder)
    assert join_progress.read_mark(folder) is None
    join_progress.write_mark("deploy1", "cluster1", "abc", folder)
    join_progress.remove_mark("", folder)
    assert join_progress.read_mark(folder) is None, "a host that is Up needs none, whoever wrote it"


FUTURE = '{"uptime": 9000, "controller": "", "cluster": "", "begun": "", "token": ""}'


@pytest.mark.parametrize("text", ["", "[]", "{", '{"uptime": "x"}', '{"uptime": 1}', FUTURE])
def test_what_is_not_a_mark_is_not_believed(machine, tmp_path, text):
    (tmp_path / "join.json").write_text(text)
    assert join_progress.read_mark(str(tmp_path)) is None


def test_this_machine_can_be_asked(tmp_path):
    found = join_progress.gather(["192.0.2.1"], str(tmp_path))
    assert found.mark is None
    assert {name for name, _age in found.processes} <= set(PROGRAMS)  # of a lab that is up beside these tests
