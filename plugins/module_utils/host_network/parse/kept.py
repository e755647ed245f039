# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a change needs to be put back, as text: it outlives the process that made it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Kept,
    Link,
    OvsRow,
    Route,
    RoutingRule,
    State,
)

SOURCE = "the network as it was kept"


def kept_text(kept: Kept) -> str:
    """As JSON. Contents of files are base64, as they may be any bytes."""
    return json.dumps(asdict(kept), default=_base64)


def parse_kept(text: str) -> Kept:
    """What `kept_text` made. Raises ParseError for anything else."""
    try:
        data = load_json(text, SOURCE)
        state = State(
            {name: _link(link) for name, link in data["state"]["links"].items()},
            tuple(Route(**_tuples(route)) for route in data["state"]["routes"]),
            tuple(RoutingRule(**rule) for rule in data["state"]["rules"]),
            {name: _ovs(row) for name, row in data["state"]["switches"].items()},
        )
        names = {part: tuple(data[part]) for part in ("names", "taken_down", "leased")}
        files, boot_files = (tuple(_file(each) for each in data[part]) for part in ("files", "boot_files"))
        return Kept(data["backend"], state, files=files, boot_files=boot_files, **names)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ParseError(SOURCE, f"{type(error).__name__}: {error}", text=text) from error


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"no text for {type(value).__name__}")


def _link(data: Mapping[str, Any]) -> Link:
    addresses = tuple(Address(**_tuples(each)) for each in data["addresses"])
    options = tuple(tuple(option) for option in data["options"])
    return Link(**{**data, "addresses": addresses, "options": options})


def _ovs(data: Mapping[str, Any]) -> OvsRow:
    columns = tuple((column, value) for column, value in data["columns"])
    return OvsRow(data["name"], columns, tuple(_ovs(each) for each in data["rows"]))


def _file(data: Mapping[str, Any]) -> FileState:
    content = data["content"]
    return FileState(**{**_tuples(data), "content": None if content is None else base64.b64decode(content)})


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists only."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
