# SPDX-License-Identifier: GPL-3.0-or-later
"""The captured outputs under tests/fixtures, one folder for each command."""

from __future__ import annotations

from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures"


def text(name: str) -> str:
    """The captured text, for example "chronyc/tracking.txt"."""
    return (FIXTURES / name).read_text()


def raw(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()
