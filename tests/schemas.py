# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON schemas of docs/schema, for tests of what is written in their form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "schema"


def schema(name: str) -> dict[str, Any]:
    """The schema of a file, such as preflight."""
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text())
    return read


def closed(part: Any) -> Any:
    """The schema with no room for what it does not tell of."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    new = {key: closed(each) for key, each in part.items()}
    if "properties" in new and "allOf" not in new:
        new.setdefault("additionalProperties", False)
    return new
