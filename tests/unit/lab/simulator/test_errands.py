# SPDX-License-Identifier: GPL-3.0-or-later
"""What real hosts are asked goes on beside."""

from __future__ import annotations

import threading

from lab.simulator.errands import Beside, Inline

PATIENCE = 10  # seconds; the works of these tests need none


def test_at_once():
    assert Inline().result("k", lambda: 7) == 7


def test_an_answer_that_is_there():
    assert Beside(PATIENCE).result("k", lambda: 7) == 7


def test_an_answer_that_takes_its_time():
    """The work is done once, however often somebody asks for it."""
    errands, go, done = Beside(0.01), threading.Event(), []

    def work() -> bool:
        done.append(1)
        return go.wait(PATIENCE)

    assert [errands.result("k", work) for _ in range(3)] == [None, None, None]
    go.set()
    answers = iter(lambda: errands.result("k", work), True)  # until it says True
    assert set(answers) <= {None}
    assert done == [1]


def test_an_answer_that_waits():
    errands, go = Beside(0.01), threading.Event()
    assert not errands.is_answered("k")
    assert errands.result("k", lambda: go.wait(PATIENCE)) is None
    assert not errands.is_answered("k")
    go.set()
    while not errands.is_answered("k"):
        pass
    assert errands.result("k", lambda: False) is True, "of the work that was begun"
    assert not errands.is_answered("k")
    assert not Inline().is_answered("k")


def test_a_work_that_fails_has_said_no(caplog):
    assert Beside(PATIENCE).result("k", lambda: 1 / 0) is False
    assert "an errand failed" in caplog.text


def test_beside_and_forgotten():
    done = threading.Event()
    Beside().run(done.set)
    assert done.wait(PATIENCE)
