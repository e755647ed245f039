# SPDX-License-Identifier: GPL-3.0-or-later
"""parts.py: every part runs, its output is printed whole, each exit status counts, the first failure comes last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKEFILE = """
good:
	@echo good begins; echo 3 passed in 0.1s
bad:
	@echo bad begins; exit 1
worse:
	@while [ ! -e bad.log ]; do [ -e .build/parts/bad.log ] && cp .build/parts/bad.log bad.log; done; echo worse begins; exit 1
after:
	@echo after ran
endless:
	@echo endless begins; sleep 600
"""  # noqa: E501


@pytest.fixture
def parts(tmp_path):
    """Runs parts.py in a project of its own."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "parts.py", tmp_path / "scripts")
    (tmp_path / "Makefile").write_text(MAKEFILE)

    def run(*lanes: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(tmp_path / "scripts" / "parts.py"), *lanes],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **environment},
        )

    return run


def test_all_pass(parts):
    done = parts("good after", "")
    assert done.returncode == 0, done.stdout
    assert "good passed after" in done.stdout
    assert "good begins\n3 passed in 0.1s\n" in done.stdout
    for name in ("good", "after", "all"):
        assert any(line.split()[0] == name and line.split()[1].isdigit() for line in done.stdout.splitlines() if line)


def test_a_failure_stops_no_other_part_and_counts(parts):
    done = parts("bad after", "good")
    assert done.returncode == 1
    assert "bad FAILED with exit status 2" in done.stdout
    assert "after ran" in done.stdout
    assert "not passed: bad\n" in done.stdout


def test_the_first_failure_is_the_last_thing_said(parts):
    done = parts("worse", "bad")
    assert "not passed: worse, bad\n" in done.stdout
    end = done.stdout.split("the first failure once more, ")[1]
    assert end.startswith(("bad:\nbad begins\n", "worse:\nworse begins\n"))
    assert done.stdout.rstrip().endswith("Error 1")


def test_a_target_that_does_not_exist_fails(parts):
    done = parts("nothing", "good")
    assert done.returncode == 1
    assert "No rule to make target" in done.stdout


def test_a_part_that_does_not_end_is_stopped_and_shown(parts):
    done = parts("good endless after", PARTS_LIMIT="1")
    assert done.returncode == 1
    tree, said = done.stdout.split("stopped: not ended within 1 s")[1].split("endless FAILED")
    assert "sleep 600" in tree
    assert "endless begins" in said
    assert "not passed: endless, after" in said
