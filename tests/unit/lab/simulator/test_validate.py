# SPDX-License-Identifier: GPL-3.0-or-later
"""What the dispatcher refuses before a command is asked, and how lists are paged (recorded/validation.json)."""

from __future__ import annotations

import pytest

from lab.simulator.errors import ApiError
from lab.simulator.table import commands
from lab.simulator.validate import arguments, page_of

INVALID = "Unable to execute API command {} due to invalid value. "


def _resolve(command: str, parameter: str, word: str) -> int | None:
    """One object is there: number 7 under the word "seven"."""
    return {"seven": 7, "7": 7}.get(word)


def _read(command: str, **words: str) -> dict:
    return arguments(commands()[command], words, _resolve)


@pytest.mark.parametrize(
    ("command", "words", "read"),
    [
        ("listZones", {}, {}),
        ("listZones", {"ID": "seven"}, {"id": 7}),
        ("listZones", {"available": "yes"}, {"available": False}),
        ("listZones", {"available": "TRUE"}, {"available": True}),
        ("listZones", {"nonsense": "ignored"}, {}),
        ("listZones", {"page": "2", "pagesize": "10"}, {"page": 2, "pagesize": 10}),
        ("listZones", {"pagesize": "-1"}, {"pagesize": -1}),
        ("listHosts", {"details": "min, events"}, {"details": ["min", "events"]}),
        (
            "updateStoragePool",
            {"id": "seven", "details[0].nfsmountopts": "vers=4.1"},
            {"id": 7, "details": {"nfsmountopts": "vers=4.1"}},
        ),
        (
            "updateStoragePool",
            {"id": "7", "details[0].key": "a", "details[0].value": "b"},
            {"id": 7, "details": {"a": "b"}},
        ),
    ],
)
def test_reads(command: str, words: dict[str, str], read: dict) -> None:
    assert _read(command, **words) == read


@pytest.mark.parametrize(
    ("command", "words", "cserror", "text"),
    [
        ("deleteHost", {}, 9999, "Unable to execute API command deletehost due to missing parameter id"),
        (
            "deleteHost",
            {"id": ""},
            9999,
            INVALID.format("deletehost") + "Invalid parameter id value= due to incorrect long value format",
        ),
        (
            "deleteHost",
            {"id": "nobody"},
            9999,
            INVALID.format("deletehost") + "Invalid parameter id value=nobody due to incorrect long value format",
        ),
        ("createZone", {"name": " "}, 9999, "Unable to execute API command createzone due to missing parameter dns1"),
        (
            "listZones",
            {"page": "x", "pagesize": "1"},
            9999,
            "Unable to execute API command listzones due to invalid value x for parameter page",
        ),
        ("listZones", {"page": "1"}, 9999, '"pagesize" parameter is required when "page" is specified'),
        ("listZones", {"pagesize": "1"}, 9999, '"page" parameter is required when "pagesize" is specified'),
        (
            "listZones",
            {"page": "1", "pagesize": "501"},
            4350,
            "Page size can't exceed max allowed page size value: 500",
        ),
        (
            "listZones",
            {"name": "a\tb"},
            9999,
            "Received value containing illegal ASCII non-printable characters for parameter name",
        ),
        (
            "listZones",
            {"keyword": "x" * 256},
            9999,
            INVALID.format("listzones") + "Value greater than max allowed length 255 for param: keyword",
        ),
    ],
)
def test_refuses(command: str, words: dict[str, str], cserror: int, text: str) -> None:
    with pytest.raises(ApiError) as refusal:
        _read(command, **words)
    assert (refusal.value.code, refusal.value.cserror) == (431, cserror)
    assert refusal.value.text.startswith(text)


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"pagesize": -1}, [1, 2, 3, 4, 5]),
        ({"page": 1, "pagesize": 2}, [1, 2]),
        ({"page": 3, "pagesize": 2}, [5]),
        ({"page": 4, "pagesize": 2}, []),
        ({"page": 0, "pagesize": 2}, [1, 2]),
        ({"page": -1, "pagesize": 2}, [1, 2]),
        ({"page": 1, "pagesize": 0}, []),
    ],
)
def test_pages(given: dict[str, int], page: list[int]) -> None:
    assert page_of([1, 2, 3, 4, 5], given) == page
