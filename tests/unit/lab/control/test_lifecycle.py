# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab asks of the machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab.control import lifecycle
from lab.control.state import State


@pytest.mark.parametrize(("before", "after"), [("128\n", "512\n"), ("8192\n", "8192\n")])
def test_a_small_limit_of_inotify_objects_is_raised(tmp_path: Path, before: str, after: str) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text(before)
    lifecycle.leave_room(limit)
    assert limit.read_text() == after


@pytest.fixture
def removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The state folders whose labs were removed."""
    folders: list[Path] = []
    monkeypatch.setattr(lifecycle, "RUN", tmp_path / "run")
    monkeypatch.setattr(lifecycle, "OWNER", tmp_path / "run" / "owner")
    monkeypatch.setattr(lifecycle, "down", lambda state, quiet: folders.append(state.folder))
    return folders


def test_a_lab_stays_with_its_state_folder(tmp_path: Path, removed: list[Path]) -> None:
    for _ in range(2):
        lifecycle.claim(State(tmp_path / "one"))
    assert removed == []


def test_the_lab_of_another_checkout_is_removed(tmp_path: Path, removed: list[Path]) -> None:
    lifecycle.claim(State(tmp_path / "one"))
    lifecycle.claim(State(tmp_path / "two"))
    lifecycle.claim(State(tmp_path / "two"))
    assert removed == [tmp_path / "one"]


def test_the_lab_of_a_folder_that_was_deleted_and_made_again_is_removed(tmp_path: Path, removed: list[Path]) -> None:
    lifecycle.claim(State(tmp_path / "one"))
    shutil.rmtree(tmp_path / "one")
    lifecycle.claim(State(tmp_path / "one"))
    assert removed == [tmp_path / "one"]
