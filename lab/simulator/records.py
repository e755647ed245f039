# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the database: numbered from 1 in each table, with a UUID beside the number. A removed row keeps both: its
UUID still resolves, which is why deleteHost twice names a number."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Record:
    """One row. `data` holds its columns."""

    table: str
    number: int
    uuid: str
    data: dict[str, Any] = field(default_factory=dict)
    removed: bool = False

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.data[key] = value

    def get(self, key: str, default: Any = None) -> Any:
        """A column, or the default where it is not set."""
        return self.data.get(key, default)

    def __str__(self) -> str:
        """As error texts show it: Java objects print themselves in two dialects."""
        return _TEXT.get(self.table, _plain)(self)


def _spaced(title: str) -> Callable[[Record], str]:
    return lambda row: f'{title} {{"id": "{row.number}", "name": {json.dumps(row["name"])}, "uuid": "{row.uuid}"}}'


def _compact(title: str, *columns: str) -> Callable[[Record], str]:
    def text(row: Record) -> str:
        inner = "".join(f',"{name}":{json.dumps(row[name])}' for name in columns)
        return f'{title} {{"id":{row.number}{inner},"uuid":"{row.uuid}"}}'

    return text


def _cluster(row: Record) -> str:
    return f'Cluster {{id: "{row.number}", name: {json.dumps(row["name"])}, uuid: "{row.uuid}"}}'


def _plain(row: Record) -> str:
    return f"{row.table} {row.number}"


_TEXT: dict[str, Callable[[Record], str]] = {
    "zone": _spaced("Zone"),
    "cluster": _cluster,
    "pod": _compact("HostPod", "name"),
    "host": _compact("Host", "name", "type"),
    "physicalnetwork": _compact("PhysicalNetwork", "name"),
}


class Table:
    """All rows of one kind."""

    def __init__(self, name: str, first: int = 1) -> None:
        self.name, self._next = name, first
        self._lock = threading.Lock()  # jobs are started by handlers that hold no lock of the cloud
        self._rows: dict[int, Record] = {}

    def add(self, **data: Any) -> Record:
        """A new row with the next number and a new UUID."""
        with self._lock:
            row = Record(self.name, self._next, str(uuid.uuid4()), data)
            self._rows[self._next] = row
            self._next += 1
        return row

    def burn(self) -> None:
        """A number that was given to something else and never comes back."""
        self._next += 1

    def forget(self, row: Record) -> None:
        """Remove a row whose UUID no longer resolves afterwards."""
        del self._rows[row.number]

    def __iter__(self) -> Iterator[Record]:
        return iter([row for row in list(self._rows.values()) if not row.removed])

    def where(self, **columns: Any) -> list[Record]:
        """Rows that are not removed and have these values."""
        return [row for row in self if all(row.get(key) == value for key, value in columns.items())]

    def find(self, number: int | None) -> Any:
        """The row of that number, None if it is removed. Any: what another row names is there, and is not asked for
        None."""
        row = self._rows.get(number) if number is not None else None
        return row if row is not None and not row.removed else None

    def any(self, number: int | None) -> Any:
        """The row of that number, also a removed one; None where there never was one."""
        return self._rows.get(number) if number is not None else None

    def number_of(self, identifier: str) -> int | None:
        """The number behind a UUID (also of a removed row), or the number itself where digits are given."""
        if identifier.lstrip("-").isdigit():
            return int(identifier)
        return next((row.number for row in list(self._rows.values()) if row.uuid == identifier), None)
