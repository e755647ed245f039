# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in agent's health check and power report: what it cannot see it does not claim."""

from __future__ import annotations

import threading

import pytest

from tests.unit.lab.packages import load

MAIN = load.agent("main")


class Pool:
    def __init__(self, problem=None):
        self.problem, self.looks = problem, 0

    def modified(self, name):
        assert name == "KVMHA"
        self.looks += 1
        if self.problem:
            raise self.problem


class Stop(threading.Event):
    """Lets the work go round once."""

    def wait(self, timeout=None):
        done = self.is_set()
        self.set()
        return done


@pytest.fixture
def agent(monkeypatch):
    made = object.__new__(MAIN.Agent)
    made.pools, made.seen, made.clock = {}, {}, 1000.0
    monkeypatch.setattr(MAIN.time, "monotonic", lambda: made.clock)
    return made


@pytest.mark.parametrize(
    ("problem", "after", "beating"),
    [
        (None, 29, True),
        (None, 31, True),
        (MAIN.storage.StorageError("timed out"), 29, True),
        (MAIN.storage.StorageError("timed out"), 31, False),
        (OSError(5, "Input/output error"), 31, False),
    ],
)
def test_the_health_check_needs_the_storage(agent, problem, after, beating):
    agent.pools = {"one": Pool(), "two": Pool(problem)}
    assert agent._on_CheckOnHostCommand({})["result"] is True
    agent.clock += after
    agent._looking(Stop(), "10.88.0.11")
    assert [pool.looks for pool in agent.pools.values()] == [1, 1]
    answer = agent._on_CheckOnHostCommand({})
    assert answer == {"result": beating, "details": "Heart is beating" if beating else "Heart is not beating"}


def test_a_pool_that_is_connected_again_has_just_answered(agent, monkeypatch):
    """As after a lost connection to the server, while which nobody looked at the pools."""
    agent.pools, agent.seen = {"one": Pool()}, {"one": 10.0}
    pool = Pool()
    pool.capacity = lambda: None
    monkeypatch.setattr(MAIN.storage, "connect", lambda _about: pool)
    monkeypatch.setattr(MAIN.log, "write", lambda *_words: None)
    assert agent._on_ModifyStoragePoolCommand({"pool": {"uuid": "one"}}) == {"result": True}
    assert agent._on_CheckOnHostCommand({})["result"] is True


def test_a_host_without_pools_is_healthy(agent):
    assert agent._on_CheckOnHostCommand({})["result"] is True


def test_what_runs_is_reported_only_where_it_is_seen(agent, monkeypatch):
    monkeypatch.setattr(MAIN.guests, "names", lambda: ["i-2-6-VM"])
    assert agent._on_HostVmStateReportCommand({}) == {"result": True, "guests": ["i-2-6-VM"]}

    def fail():
        raise MAIN.guests.GuestError("systemctl: Failed to connect to bus")

    monkeypatch.setattr(MAIN.guests, "names", fail)
    assert agent._on_HostVmStateReportCommand({}) == {"result": False}
