# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configuration files made of `key = value` lines: where each key stands and what it says.

Three grammars: `ini_flat` (sysctl.d), `shell` (/etc/default, /etc/sysconfig, EnvironmentFile= of systemd) and `libvirt`
(libvirtd.conf, qemu.conf: strings in double quotes, whole numbers bare, lists in brackets over several lines).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import whole

Value = Union[str, int, list]
FORMATS = ("ini_flat", "shell", "libvirt")

_ACTIVE = {
    "ini_flat": re.compile(r"^[ \t]*([^#;=\s\[][^=]*?)[ \t]*=[ \t]*(.*?)[ \t]*$"),
    "shell": re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)[ \t]*$"),
    "libvirt": re.compile(r"^[ \t]*([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(.*?)[ \t]*$"),
}
_COMMENT = re.compile(r"^[ \t]*[#;][ \t]?")
_LIBVIRT_STRING = re.compile(r'"([^"]*)"|' + r"'([^']*)'")
_LIBVIRT_TAIL = re.compile(r"[ \t]*(#.*)?$")


@dataclass(frozen=True)
class Entry:
    """One setting in a text: its lines are [first, last] counting from 0. `raw` is the text behind the equals sign."""

    key: str
    raw: str
    first: int
    last: int
    commented: bool = False


def find_entries(text: str, grammar: str) -> list[Entry]:
    """Every setting of the text in its order, also those that are commented out. Lines of another kind are passed
    over."""
    lines = text.split("\n")
    entries = []
    position = 0
    while position < len(lines):
        entry = _entry(lines, position, grammar)
        position = entry.last + 1 if entry else position + 1
        if entry:
            entries.append(entry)
    return entries


def parse_value(entry: Entry, grammar: str, source: str) -> Value:
    """What the setting says. Raises ParseError with the line for a value that its grammar does not have."""
    if grammar == "libvirt":
        return _libvirt_value(entry, source)
    if grammar == "shell":
        return _shell_value(entry, source)
    return entry.raw


def parse_settings(text: str, grammar: str, source: str) -> dict[str, Value]:
    """The settings in force. A key that stands twice must say the same twice: programs differ in which one they
    take."""
    found: dict[str, Value] = {}
    for entry in find_entries(text, grammar):
        if entry.commented:
            continue
        value = parse_value(entry, grammar, source)
        if found.get(entry.key, value) != value:
            raise ParseError(
                source, f"{entry.key} stands there twice with different values", line=entry.first + 1, text=entry.raw
            )
        found[entry.key] = value
    return found


def _entry(lines: list[str], position: int, grammar: str) -> Union[Entry, None]:
    line = lines[position].rstrip("\r")
    comment = _COMMENT.match(line)
    body = line[comment.end() :] if comment else line
    match = _ACTIVE[grammar].match(body)
    if not match:
        return None
    key, raw = match.groups()
    if comment and " " in key:
        return None  # a sentence with an equals sign, not a setting
    last = _list_end(lines, position, bool(comment)) if grammar == "libvirt" and raw.startswith("[") else position
    if last > position:
        raw = "\n".join([raw, *(_uncomment(text) if comment else text for text in lines[position + 1 : last + 1])])
    return Entry(key, raw, position, last, bool(comment))


def _list_end(lines: list[str], first: int, commented: bool) -> int:
    """The line with the bracket that closes a list; the first line itself if none does."""
    for position in range(first, len(lines)):
        line = lines[position]
        if commented and not _COMMENT.match(line):
            break
        bare = _LIBVIRT_STRING.sub("", _uncomment(line) if commented else line)
        if "]" in bare.split("#")[0]:
            return position
    return first


def _uncomment(line: str) -> str:
    return _COMMENT.sub("", line, count=1)


def _libvirt_value(entry: Entry, source: str) -> Value:
    raw = entry.raw
    if raw.startswith("["):
        return _libvirt_list(entry, source)
    string = _LIBVIRT_STRING.match(raw)
    if string and _LIBVIRT_TAIL.fullmatch(raw, string.end()):
        return next(group for group in string.groups() if group is not None)
    number = re.match(r"-?[0-9]+", raw)
    if number and _LIBVIRT_TAIL.fullmatch(raw, number.end()):
        return whole(number.group(), source, entry.first + 1)
    raise ParseError(
        source,
        f"the value of {entry.key} is neither a number nor a string in quotes nor a list",
        line=entry.first + 1,
        text=raw,
    )


def _libvirt_list(entry: Entry, source: str) -> list:
    items = []
    for token in _list_tokens(entry.raw):
        string = _LIBVIRT_STRING.fullmatch(token)
        if not string:
            raise ParseError(
                source, f"the list {entry.key} holds something that is not a string", line=entry.first + 1, text=token
            )
        items.append(next(group for group in string.groups() if group is not None))
    if not entry.raw.split("#")[0].strip() or "]" not in _LIBVIRT_STRING.sub("", entry.raw):
        raise ParseError(source, f"the list {entry.key} has no end", line=entry.first + 1, text=entry.raw)
    return items


def _list_tokens(raw: str) -> Iterator[str]:
    position = 1  # behind the opening bracket
    while position < len(raw):
        string = _LIBVIRT_STRING.match(raw, position)
        if string:
            yield string.group()
            position = string.end()
        elif raw[position] == "]":
            return
        elif raw[position] == "#":
            position = raw.find("\n", position) if "\n" in raw[position:] else len(raw)
        elif raw[position] in ", \t\r\n":
            position += 1
        else:
            yield raw[position]
            return


def _shell_value(entry: Entry, source: str) -> str:
    """Quotes and backslashes as systemd and sh read them; a value in several lines or pieces is not understood."""
    raw = entry.raw
    if raw[:1] == "'":
        match = re.fullmatch(r"'([^']*)'[ \t]*(#.*)?", raw)
        value = match.group(1) if match else None
    elif raw[:1] == '"':
        match = re.fullmatch(r'"((?:[^"\\]|\\.)*)"[ \t]*(#.*)?', raw)
        value = re.sub(r'\\(["\\$`])', r"\1", match.group(1)) if match else None
    else:
        value = None if re.search(r"[\"'\\]", raw) else re.sub(r"[ \t]+#.*$", "", raw)
    if value is None:
        raise ParseError(
            source,
            f"the value of {entry.key} has quotes that this module does not understand",
            line=entry.first + 1,
            text=raw,
        )
    return value
