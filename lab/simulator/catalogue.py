# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in every fresh 4.22.1.0 server and no call changes (data/catalogue.json, taken from the recordings)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "catalogue.json"


@cache
def catalogue() -> dict[str, list[Any]]:
    """Lists by name: traffictypeimplementors, networkservices, alerttypes, eventtypes, storageproviders, offerings,
    templates ..."""
    return json.loads(DATA.read_text())


def services() -> list[dict[str, Any]]:
    """Network services with the providers that offer them."""
    return catalogue()["networkservices"]
