# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is still at it, for how long, on one line."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.still_running import StillRunning, duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (-1, "0:00"), (7.9, "0:07"), (200, "3:20"), (3725, "1:02:05")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_task_over_its_life():
    task = StillRunning("Install the packages", 100.0)
    assert task.line(100.0) == ""
    for number in range(1, 21):
        task.start(f"host{number}", 100.0 + number / 10)
    assert task.line(230.5) == "Install the packages: 20 still at it: host[1-20] for 2:10"
    task.end("host7")
    task.end("host9", bad=True)
    task.start("host21", 230.0)
    assert (
        task.line(300.5)
        == "Install the packages: 19 still at it, 2 done, host9 failed: host[1-6,8,10-20] for 3:20, host21 for 1:10"
    )
    assert task.line(300.5, 40) == "Install the packages: 19 still at it,..."
    for number in range(1, 22):
        task.end(f"host{number}")
    assert task.line(400.0) == ""
