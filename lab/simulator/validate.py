# SPDX-License-Identifier: GPL-3.0-or-later
"""From the words of a request to typed arguments, refused as the dispatcher refuses them (recorded/validation.json)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .errors import bad_parameter, not_understood
from .table import Command, Parameter

MAX_PAGE_SIZE = 500  # global setting default.page.size
Resolve = Callable[[str, str, str], int | None]  # (command, parameter, value) -> internal id
INT32 = 2**31

# Texts about length name the Java field, which the API never shows elsewhere.
FIELDS = {
    "createZone.name": "zoneName",
    "createRole.name": "roleName",
    "createPod.name": "podName",
    "addCluster.clustername": "clusterName",
    "addTrafficType.kvmnetworklabel": "kvmLabel",
}


def arguments(command: Command, given: Mapping[str, str], resolve: Resolve) -> dict[str, Any]:
    """The command's arguments by lower-case name; what was not given is absent. Raises ApiError as the server does."""
    _check_characters(given)
    words = {name.lower(): value for name, value in given.items()}
    maps = _maps(given)
    result: dict[str, Any] = {}
    for name, parameter in command.parameters.items():
        if parameter.type == "map" and name in maps:
            result[name] = maps[name]
        elif name in words:
            result[name] = _value(command, parameter, words[name], resolve)
        elif parameter.required:
            raise not_understood(
                f"Unable to execute API command {_name(command)} due to missing parameter {parameter.name}"
            )
    if command.is_list:
        _check_paging(command, result)
    return result


def _name(command: Command) -> str:
    """The command as error texts name it: as its answers are called, which is not always its own name."""
    return command.answer_key.removesuffix("response")


def _check_characters(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", value):
            raise not_understood(
                f"Received value containing illegal ASCII non-printable characters for parameter {name}"
            )


def _maps(given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """details[0].key=value and details[0].key=k&details[0].value=v."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name, value in given.items():
        match = re.fullmatch(r"(\w+)\[(\d+)\]\.(.+)", name)
        if match:
            found.setdefault(match[1].lower(), {}).setdefault(match[2], {})[match[3]] = value
    return {name: _merge(list(entries.values())) for name, entries in found.items()}


def _merge(entries: list[dict[str, str]]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for entry in entries:
        merged.update({entry["key"]: entry["value"]} if set(entry) == {"key", "value"} else entry)
    return merged


def _value(command: Command, parameter: Parameter, word: str, resolve: Resolve) -> Any:
    kind = parameter.type
    if kind == "uuid":
        return _identifier(command, parameter, word, resolve)
    if kind in ("integer", "long", "short", "float"):
        return _number(command, parameter, word)
    if kind == "boolean":
        return word.lower() == "true"
    if kind in ("date", "tzdate"):
        return _date(command, word)
    if kind in ("list", "set"):
        return _items(command, parameter, word, resolve)
    if kind == "map":
        raise not_understood(
            f"Unable to execute API command {_name(command)} due to invalid value {word} for parameter {parameter.name}"
        )
    return _string(command, parameter, word)


def _string(command: Command, parameter: Parameter, word: str) -> str:
    if parameter.required and not word.strip():
        raise bad_parameter(f"Invalid value provided for API arg: {parameter.name}")
    if len(word) > parameter.length:
        field = FIELDS.get(f"{command.name}.{parameter.name}", parameter.name)
        raise _invalid(command, f"Value greater than max allowed length {parameter.length} for param: {field}")
    return word


def _identifier(command: Command, parameter: Parameter, word: str, resolve: Resolve) -> int:
    found = resolve(command.name, parameter.name, word)
    if found is None:
        raise _invalid(
            command,
            f"Invalid parameter {parameter.name} value={word} due to incorrect long value format, or entity does not "
            "exist or due to incorrect"
            " parameter annotation for the field in api cmd class.",
        )
    return found


def _invalid(command: Command, what: str):
    return not_understood(f"Unable to execute API command {_name(command)} due to invalid value. {what}")


def _number(command: Command, parameter: Parameter, word: str) -> float:
    try:
        number = float(word) if parameter.type == "float" else int(word)
    except ValueError:
        number = None
    if number is None or (parameter.type == "integer" and not -INT32 <= number < INT32):
        raise not_understood(
            f"Unable to execute API command {_name(command)} due to invalid value {word} for parameter {parameter.name}"
        )
    return number


def _date(command: Command, word: str) -> datetime:
    for pattern in ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(word, pattern)
        except ValueError:
            continue
    raise not_understood(
        f"Unable to parse date {word} for command {_name(command)}, please pass dates in the format mentioned in the "
        "api documentation"
    )


def _items(command: Command, parameter: Parameter, word: str, resolve: Resolve) -> list[Any]:
    words = [item.strip() for item in word.split(",")] if word else []
    if parameter.items == "uuid":
        return [_identifier(command, parameter, item, resolve) for item in words]
    return words


def _check_paging(command: Command, given: dict[str, Any]) -> None:
    page, size = given.get("page"), given.get("pagesize")
    if page is not None and size is None:
        raise not_understood('"pagesize" parameter is required when "page" is specified')
    if size is not None and page is None and size != -1:
        raise not_understood('"page" parameter is required when "pagesize" is specified')
    if size == -1 and page is not None:
        raise bad_parameter("Can't specify page parameter when pagesize is -1 (Unlimited)")
    if size is not None and size > MAX_PAGE_SIZE:
        text = f"Page size can't exceed max allowed page size value: {MAX_PAGE_SIZE}"
        raise not_understood(text) if command.name == "listConfigurations" else bad_parameter(text)


def page_of(rows: list[Any], given: Mapping[str, Any]) -> list[Any]:
    """The page that was asked for; pages 0 and -1 act as page 1."""
    size = given.get("pagesize")
    if size is None or size == -1:
        return rows[:MAX_PAGE_SIZE]
    start = (max(given.get("page", 1), 1) - 1) * size
    return rows[start : start + size]
