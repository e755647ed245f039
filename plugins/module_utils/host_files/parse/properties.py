# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Java's .properties format, as java.util.Properties.load reads it and store writes it.

Texts here are Latin-1 as Java's are: decode a file with `ENCODING`, then every byte comes back unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

ENCODING = "latin-1"
SOURCE = "agent.properties"
SECRET = re.compile(r"(?i)passphrase|password|secret")
_BLANK = " \t\f"
_LINE_END = re.compile(r"\r\n|\n|\r")  # not splitlines(): Java knows no other line ends
_KEY = re.compile(r"((?:\\.|[^\\=: \t\f])*)(?:[ \t\f]*[=:][ \t\f]*|[ \t\f]+)?", re.DOTALL)
_PLAIN = re.compile(r"([^=: \t\f]*)(?:[ \t\f]*[=:][ \t\f]*|[ \t\f]+)?(.*)", re.DOTALL)  # the same without a backslash
_ESCAPE = re.compile(r"\\(?:(u)([0-9a-fA-F]{4})?|(.)|$)", re.DOTALL)
_STORED = re.compile(r"#\w{3} \w{3} \d\d \d\d:(\d\d):(\d\d) \S+ \d{4}")  # java.util.Date.toString
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}


class Property(NamedTuple):
    """One key of a text; its physical lines are [first, last] counting from 0: a value may go on behind a backslash."""

    key: str
    value: str
    first: int
    last: int


def split_lines(text: str) -> list[str]:
    """The physical lines without their ends; no empty one behind the last line end."""
    lines = _LINE_END.split(text) if "\r" in text else text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def line_ends(text: str) -> list[str]:
    """What ends each of split_lines(text): "\\n", "\\r\\n" or "\\r", and "" for a last line without an end."""
    ends = _LINE_END.findall(text)
    return ends + [""] * (len(split_lines(text)) - len(ends))


def is_open(text: str) -> bool:
    """Whether the last line ends in a backslash, so that Java would take a line behind it for a part of its value."""
    lines, found = split_lines(text), find_properties(text)
    return bool(found) and found[-1].last == len(lines) - 1 and _goes_on(lines[-1])


def find_properties(text: str, source: str = SOURCE) -> list[Property]:
    """Every key in its order, repeated ones too. Raises ParseError, with the line, for what Java refuses to read."""
    if "\0" in text:
        raise ParseError(
            source,
            "it holds zero bytes, as a hard power-off leaves it",
            line=text[: text.index("\0")].count("\n") + 1,
            expected="a text",
            next_step="restore the copy beside it, or remove the host from CloudStack and join it again",
        )
    lines, found, position = split_lines(text), [], 0
    while position < len(lines):
        first, body = position, lines[position].lstrip(_BLANK)
        position += 1
        if not body or body[0] in "#!":
            continue
        plain = _PLAIN.match(body) if "\\" not in body else None
        if plain:  # nearly every line
            found.append(Property(plain[1], plain[2], first, first))
            continue
        body, position = _whole(lines, body, position)
        match = _KEY.match(body)
        if match is None:  # it fits everything, an empty key too
            raise ParseError(source, "no key", line=first + 1, text=body)
        key, value = unescape(match[1], source, first + 1), unescape(body[match.end() :], source, first + 1)
        found.append(Property(key, value, first, min(position, len(lines)) - 1))
    return found


def _whole(lines: list[str], body: str, position: int) -> tuple[str, int]:
    """A line with all that continue it, and the position of the next one."""
    parts = [body]
    while _goes_on(parts[-1]):
        parts[-1] = parts[-1][:-1]
        parts.append(lines[position].lstrip(_BLANK) if position < len(lines) else "")
        position += 1
    return "".join(parts), position


def parse_properties(text: str, source: str = SOURCE) -> dict[str, str]:
    """Key -> value; the last line of a key counts. Raises ParseError."""
    return {found.key: found.value for found in find_properties(text, source)}


def without_secrets(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties that may be shown."""
    return {key: value for key, value in properties.items() if not SECRET.search(key)}


def key_of(line: str) -> Optional[str]:
    """The key of a single line, None for a comment or a blank."""
    found = find_properties(line)
    return found[0].key if found else None


def escape(text: str, key: bool = False) -> str:
    """Text as Java's store() writes it: backslashes, leading blanks, control and non-ASCII characters escaped."""
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\f": "\\f", "\\": "\\\\"}
    special = "=:#! " if key else ""
    named.update({sign: f"\\{sign}" for sign in special})
    out = [named.get(char) or (char if " " <= char <= "~" else _unicode(char)) for char in text]
    if not key and text.startswith(" "):
        out[0] = "\\ "
    return "".join(out)


def unescape(text: str, source: str = SOURCE, line: int = 0) -> str:
    """The text behind the escapes. Raises ParseError for a \\u without four hexadecimal digits, as Java does."""
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda match: _character(match, source, line), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(match: re.Match, source: str, line: int) -> str:
    if match[1]:
        if not match[2]:
            raise ParseError(source, "\\u without four hexadecimal digits", line=line, expected="such as \\u00e9")
        return chr(int(match[2], 16))
    return _ESCAPES.get(match[3], match[3] or "")


def _goes_on(body: str) -> bool:
    """An odd number of backslashes at the end."""
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _unicode(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02X}{units[i + 1]:02X}" for i in range(0, len(units), 2))


def was_stored(text: str, mtime: float) -> bool:
    """Whether java.util.Properties.store was the last to write a text, whose file has `mtime` (seconds since 1970).

    It puts the date in a comment before the first key, to the second, in a time zone that has only a name: zones differ
    by quarters of an hour. Whoever edits the file afterwards leaves that comment as it is.
    """
    for line in split_lines(text):
        found = _STORED.fullmatch(line)
        if found:
            return 0 <= (mtime - int(found[1]) * 60 - int(found[2])) % 900 < 1.5
        if not line.startswith("#"):
            return False
    return False
