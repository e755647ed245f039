# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a program prints: a value that JSON can hold, or a ParseError. No other exception, no number that is none,
no hang."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json, real, whole, writable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[4]
UTILS = ROOT / "plugins" / "module_utils"
PACKAGE = "ansible_collections.cloudstack.kvm.plugins.module_utils"
FIXTURES = [
    path for path in sorted((ROOT / "tests" / "fixtures").rglob("*")) if path.is_file() and path.stat().st_size < 12000
]
HUGE = "9" * 5000
NUMBERS = [
    HUGE,
    f"-{HUGE}",
    "NaN",
    "-Infinity",
    "Infinity",
    "nan",
    "inf",
    "1e999",
    "1" + "0" * 400,
    "²",
    "٣",
    "0x10",
    "1_0",
]
NUMBER = re.compile(r"(?<![\w.])[0-9]+(\.[0-9]+)?(?![\w.])")

# What else the parsers are given, by the name of the parameter.
OTHERS: dict[str, Any] = {
    "source": "somewhere",
    "line": 1,
    "now": datetime(2026, 1, 1, tzinfo=timezone.utc),
    "asked": ["chrony", "cloudstack-agent.service"],
    "name": "cloudstack-agent.service",
    "arch": "x86_64",
    "is_root": False,
    "names": ["eth0"],
    "folder": "/etc/network/interfaces.d",
    "key": True,
    "status": 0,
    "stderr": "",
    "answered": False,
    "passphrase": "x",
    "secrets": ["abc"],
    "offset": 0,
}
# What makes packets and texts of our own values.
MAKERS = (
    "netlink.route_request",
    "icmp.arp_request",
    "icmp.solicitation",
    "icmp.solicited_node",
    "icmp.mac_text",
    "icmp.tag",
    "properties.escape",
)
GRAMMARS = ("ini_flat", "shell", "libvirt")


def parsers() -> list[tuple[str, Callable[[Any], Any]]]:
    """Every public function whose first parameter is the text or the bytes of somebody else."""
    found = []
    for path in sorted(UTILS.glob("*/parse/*.py")):
        module = importlib.import_module(f"{PACKAGE}.{path.parent.parent.name}.parse.{path.stem}")
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_"):
                found += each_way(f"{path.stem}.{name}", function)
    return found


def each_way(name: str, function: Callable[..., Any]) -> list[tuple[str, Callable[[Any], Any]]]:
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        return []
    first, *rest = parameters
    if str(first.annotation) not in ("str", "bytes") or name in MAKERS:
        return []
    ways = GRAMMARS if any(each.name == "grammar" for each in rest) else ("",)
    if any(each.name not in {*OTHERS, "grammar"} and each.default is inspect.Parameter.empty for each in rest):
        return []
    return [(f"{name}({way})", call(function, first, rest, way)) for way in ways]


def call(
    function: Callable[..., Any], first: inspect.Parameter, rest: list[inspect.Parameter], grammar: str
) -> Callable[[Any], Any]:
    given_ = {
        each.name: grammar if each.name == "grammar" else OTHERS[each.name]
        for each in rest
        if each.name in {*OTHERS, "grammar"}
    }

    def ask(text: Any) -> Any:
        return function(text.encode("utf-8", "replace") if str(first.annotation) == "bytes" else text, **given_)

    return ask


FOUND = parsers()


def plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=str)
    if isinstance(value, (bytes, datetime)):
        return str(value)
    if dataclasses.is_dataclass(value):
        return plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def ends_well(ask: Callable[[Any], Any], text: str) -> None:
    try:
        value = ask(text)
    except ParseError as error:
        assert len(str(error)) < 2000, "an error that quotes everything"
        return
    written = json.dumps(plain(value), allow_nan=False)
    json.loads(
        written, parse_int=lambda digits: pytest.fail("a number that is too long") if len(digits) > 60 else int(digits)
    )


@functools.lru_cache(maxsize=6)  # as many as one parser is given; those of the next one are often the same
def mutations(path: Path) -> list[str]:
    """The text of a file with each of NUMBERS for all its numbers, and for one; cut; with what no text should have.

    Each once: where there is no number most are the text itself.
    """
    text = path.read_text("utf-8", "replace")
    all_of = [NUMBER.sub(lambda _match, number=number: number, text) for number in NUMBERS]
    made = [
        *all_of,
        NUMBER.sub(HUGE, text, count=1),
        text[: len(text) // 2],
        text.replace("\n", "\0\n", 1),
        text.replace("\n", "\r"),
        text * 2,
    ]
    return list(dict.fromkeys(made))


def test_all_parsers_are_found() -> None:
    names = {name.partition("(")[0] for name, _ask in FOUND}
    assert len(names) > 60, sorted(names)
    assert {
        "chronyc.parse_tracking",
        "settings.parse_settings",
        "system.parse_lscpu",
        "nft_json.parse_ruleset",
        "icmp.read_echo",
    } <= names


@pytest.mark.parametrize(("name", "ask"), FOUND, ids=[name for name, _ask in FOUND])
def test_captured_texts_with_numbers_that_are_none(name: str, ask: Callable[[Any], Any]) -> None:
    subject = name.partition(".")[0].partition("_")[0]
    related = [path for path in FIXTURES if subject in str(path.relative_to(ROOT))] or FIXTURES[
        :: max(1, len(FIXTURES) // 6)
    ]
    for path in related[:6]:
        for each in mutations(path):
            ends_well(ask, each)


@pytest.mark.parametrize(("name", "ask"), FOUND, ids=[name for name, _ask in FOUND])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.one_of(
        st.text(max_size=200),
        st.lists(st.sampled_from([*NUMBERS, "=", ":", ",", "\n", "{", "[", '"', "\\", " ", "key"]), max_size=12).map(
            "".join
        ),
    )
)
def test_any_text(name: str, ask: Callable[[Any], Any], text: str) -> None:
    ends_well(ask, text)


@pytest.mark.parametrize(("name", "ask"), FOUND, ids=[name for name, _ask in FOUND])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 20000,
        "{" * 20000,
        '{"a":' * 20000,
        "<a>" * 20000,
        "(" * 20000,
        "\\" * 20001,
        "a=" * 20000,
        " " * 50000,
        "\n" * 50000,
        HUGE,
    ],
)
def test_long_and_deep_texts(name: str, ask: Callable[[Any], Any], text: str) -> None:
    ends_well(ask, text)


@pytest.mark.parametrize("text", ["", "x", "1.5", " 1", "1_0", "²", "9" * 41, "NaN"])
def test_what_is_not_a_whole_number(text: str) -> None:
    with pytest.raises(ParseError, match="line 3"):
        whole(text, "x", 3)


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-Infinity", "1e999", "9" * 400, "1_0", "."])
def test_what_is_not_a_decimal_number(text: str) -> None:
    with pytest.raises(ParseError):
        real(text, "x")


def test_numbers_that_are_some() -> None:
    assert (whole("-12", "x"), real("1.5e-3", "x"), real("-7", "x")) == (-12, 0.0015, -7.0)
    assert load_json('{"a": [1, -2.5, null, "NaN"]}', "x") == {"a": [1, -2.5, None, "NaN"]}


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "-Infinity", "1e999", "9" * 41, "9" * 5000, "[" * 20000, "", "{"]
)
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(ParseError):
        load_json(text, "x")


def test_values_of_an_older_run_are_made_writable() -> None:
    hostile = {"a": [float("nan"), float("inf"), -float("inf"), 10**5000, 1.5, None, True], 5: {"b": "x"}}
    assert json.loads(json.dumps(writable(hostile), allow_nan=False)) == {
        "a": ["NaN", "Infinity", "-Infinity", "a number with too many digits", 1.5, None, True],
        "5": {"b": "x"},
    }
    deep: Any = []
    for _level in range(100000):
        deep = [deep]
    assert "nested too deeply" in json.dumps(writable({"a": deep}))
