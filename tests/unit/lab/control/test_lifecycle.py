# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab asks of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.control import lifecycle


@pytest.mark.parametrize(("before", "after"), [("128\n", "512\n"), ("8192\n", "8192\n")])
def test_a_small_limit_of_inotify_objects_is_raised(tmp_path: Path, before: str, after: str) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text(before)
    lifecycle.leave_room(limit)
    assert limit.read_text() == after
