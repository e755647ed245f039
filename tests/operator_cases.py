# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that operators met, one file each: tests/fixtures/cases.

Files named own3-* are invented here after the same kinds; the others are reshaped from public reports (their `source`).
Keys: `join`, `evidence`, `cause_or_next_matches`, `must_not_match` for the diagnosis of a failed join; `text`, `wanted`
and `right` for agent.properties before, the keys to set, and the file afterwards, byte for byte.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.yaml_files import read_yaml

FOLDER = Path(__file__).parent / "fixtures" / "cases"


def cases_with(key: str) -> dict[str, dict[str, Any]]:
    """Name -> case, for all files that have this key."""
    found = {path.stem: read_yaml(path) for path in sorted(FOLDER.glob("*.yml"))}
    return {name: case for name, case in found.items() if key in case}
