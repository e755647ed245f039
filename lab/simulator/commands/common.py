# SPDX-License-Identifier: GPL-3.0-or-later
"""What the areas share: lists, filters, states, and numbers that texts show."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..errors import bad_parameter
from ..records import Record
from ..registry import Arguments
from ..validate import page_of

ALLOCATION_STATES = ("Disabled", "Enabled")


T = TypeVar("T")


def listing(key: str, rows: Iterable[T], view: Callable[[T], dict[str, Any]], given: Arguments) -> dict[str, Any]:
    """The body of a list answer: {} when empty, count alone past the last page."""
    everything = list(rows)
    if not everything:
        return {}
    shown = [view(row) for row in page_of(everything, given)]
    return {"count": len(everything), **({key: shown} if shown else {})}


def by_id(rows: Iterable[Record], given: Arguments, **filters: str) -> list[Record]:
    """Rows that fit id, name (exact), keyword (part) and `filters`: argument -> column holding a number."""
    chosen = list(rows)
    if "id" in given:
        chosen = [row for row in chosen if row.number == given["id"]]
    if given.get("name"):
        chosen = [row for row in chosen if row["name"].lower() == given["name"].lower()]
    if given.get("keyword"):
        chosen = [row for row in chosen if given["keyword"].lower() in row["name"].lower()]
    for argument, column in filters.items():
        if argument in given:
            chosen = [row for row in chosen if row.get(column) == given[argument]]
    return chosen


def allocation_state(word: str | None, default: str) -> str:
    """Enabled or Disabled, in exactly these letters."""
    if word is None:
        return default
    if word not in ALLOCATION_STATES:
        raise bad_parameter(f"Unable to resolve Allocation State '{word}' to a supported state")
    return word


def check_ip(word: str | None, name: str, version: int = 4) -> None:
    """Raise 431 unless the word is an address of that version."""
    if word is None:
        return
    if not _is_ip(word, version):
        raise bad_parameter(
            f"Please enter a valid IP address for {name}"
            if version == 4
            else f"Please enter a valid IPv6 address for {name}"
        )


def without_none(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields that have no value are not shown."""
    return {key: value for key, value in fields.items() if value is not None}


def joined(words: Iterable[str] | None) -> str | None:
    """A list as answers repeat it; None where nothing is left of it."""
    return ",".join(word for word in words or () if word) or None


def is_ipv4(word: str | None) -> bool:
    """Whether the word is an IPv4 address."""
    return _is_ip(word or "", 4)


def _is_ip(word: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(word).version == version
    except ValueError:
        return False
