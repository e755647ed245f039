# SPDX-License-Identifier: GPL-3.0-or-later
"""The small packets: repeated until somebody answers, then a fixed number at a fixed distance."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import NEVER
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.samples import GREETING, Samples


def _run(answers, count=20, interval=0.03, timeout=1.0, first_timeout=1.0):
    """`answers`: number -> round trip. Returns the samples and the time at which they were over."""
    samples, now, flying = Samples(count, interval, timeout, first_timeout), 0.0, []
    while samples.due < NEVER:
        now = max(now, min([samples.due, *(each[0] for each in flying)]))
        for each in [each for each in flying if each[0] <= now]:
            flying.remove(each)
            samples.hear(each[1], each[0])
        if samples.due <= now and samples.take(now):
            number = len(samples.sent) - 1
            if number in answers:
                flying.append((now + answers[number], number))
    return samples, now


def test_all_are_answered():
    samples, now = _run(dict.fromkeys(range(20), 0.001))
    assert samples.lost(now, 0) == (0, 20)
    assert now == pytest.approx(19 * 0.03 + 0.002, abs=0.002)


def test_nobody_answers():
    samples, now = _run({})
    assert samples.silent
    assert samples.sent == pytest.approx(GREETING)
    assert samples.lost(now, 0) == (8, 8)
    assert now == pytest.approx(1.0)


@pytest.mark.parametrize("first", range(len(GREETING)))
def test_any_answer_to_the_greeting_begins_the_rest(first):
    samples, now = _run(dict.fromkeys(range(first, 20), 0.001))
    assert not samples.silent
    assert samples.lost(now, 0) == (first, 20)


def test_the_last_answers_are_waited_for():
    samples, now = _run({number: 0.001 if number < 19 else 0.4 for number in range(20)})
    assert samples.lost(now, 0) == (0, 20)
    samples, now = _run(dict.fromkeys(range(19), 0.001))
    assert samples.lost(now, 0) == (1, 20)
    assert now == pytest.approx(0.98, abs=0.01)  # with the defaults that is as long as the host listens in any case


def test_a_single_one_is_enough():
    samples, now = _run({0: 0.001}, count=1)
    assert samples.lost(now, 0) == (0, 1)
    assert now == pytest.approx(0.001)


def test_an_answer_counts_once():
    samples = Samples(20, 0.03, 1.0, 1.0)
    samples.take(0.0)
    assert samples.hear(0, 0.01)
    assert not samples.hear(0, 0.02)
    assert not samples.hear(7, 0.02)  # was not sent
    assert samples.rtts == {0: 0.01}


def test_what_has_no_answer_yet_is_not_lost():
    samples = Samples(20, 0.03, 1.0, 1.0)
    samples.take(0.0)
    samples.take(0.04)
    samples.hear(1, 0.041)
    assert samples.lost(0.5, 1.0) == (0, 1)
    assert samples.lost(1.1, 1.0) == (1, 2)


@pytest.mark.parametrize(
    ("lost", "bursts"),
    [
        ((), 0),
        ((3,), 1),
        ((3, 4, 5), 1),
        ((3, 5, 7), 3),
        ((0, 1, 19), 2),
        (range(5, 10), 1),
        (range(5, 11), 2),
        (range(1, 20), 4),
    ],
)
def test_what_is_lost_in_a_row_counts_once_unless_it_is_much(lost, bursts):
    samples, now = _run(dict.fromkeys(set(range(20)) - set(lost), 0.001))
    assert samples.lost(now, 0) == (len(lost), 20)
    assert samples.bursts(now, 0) == bursts


def test_what_never_left_this_host_is_not_lost():
    samples = Samples(20, 0.03, 1.0, 1.0)
    for number in range(3):
        samples.take(number * 0.04)
        if number:
            samples.keep()
    assert samples.lost(2.0, 1.0) == (1, 1)


def test_an_answer_after_the_end_still_counts():
    samples, now = _run({})
    assert samples.hear(7, now + 0.1)
    assert samples.due == NEVER
