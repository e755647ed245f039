# SPDX-License-Identifier: GPL-3.0-or-later
"""Real commands: what they say, and what is said when they cannot."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import run, run_all


def test_an_answer():
    answer = run([sys.executable, "-c", "import sys; print(sys.stdin.read().upper()); sys.exit(3)"], stdin="x y")
    assert (answer.ok, answer.status, answer.stdout) == (False, 3, "X Y\n")
    assert "ended with 3: X Y" in answer.why()


def test_the_locale_is_c():
    assert run([sys.executable, "-c", "import os; print(os.environ['LC_ALL'], os.environ['PATH'])"]).stdout.startswith(
        "C "
    )


@pytest.mark.parametrize(
    ("argv", "timeout", "part"),
    [
        (["no-such-program"], 20, "no-such-program is not installed"),
        ([sys.executable, "-c", "input()"], 20, "ended with 1"),  # end of input, not a wait for a terminal
        ([sys.executable, "-c", "import threading; threading.Event().wait()"], 0.2, "no answer within 0.2 s"),
        (["/etc"], 20, "could not be started"),
    ],
)
def test_why_there_is_no_answer(argv, timeout, part):
    answer = run(argv, timeout=timeout)
    assert not answer.ok
    assert part in answer.why()


def test_output_that_is_no_text():
    assert run([sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'\\xff')"]).stdout == "\ufffd"


def test_many_at_once_keep_their_names():
    answers = run_all({str(number): [sys.executable, "-c", f"print({number})"] for number in range(4)})
    assert {name: answer.stdout.strip() for name, answer in answers.items()} == {"0": "0", "1": "1", "2": "2", "3": "3"}
    assert run_all({}) == {}
