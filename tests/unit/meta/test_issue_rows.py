# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of tests/issue* (staged, expected exit code, expected words) names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.yaml_files import read_yaml

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "tests").glob("issue*/*.yml"))
ROWS = [(f"{path.parent.name}/{path.name}", row) for path in FILES for row in read_yaml(path)]
KEYS = {"row", "staged", "expected_exit", "expected_words", "test"}


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}:{row.get('row', '?')}" for name, row in ROWS])
def test_a_row_names_its_test(name: str, row: dict) -> None:
    assert set(row) == KEYS, f"{name}: {row}"
    path, _, function = row["test"].partition("::")
    text = (ROOT / path).read_text()
    assert re.search(rf"^def {re.escape(function.split('[')[0])}\(", text, re.MULTILINE), (
        f"{name}: {row['test']} is not there"
    )
