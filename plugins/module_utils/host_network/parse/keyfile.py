# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sections and keys of NetworkManager's keyfiles and of systemd's unit files: read, and changed line by line, so that
all other lines stay as they are (nm-settings-keyfile(5), systemd.syntax(7))."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SECTION = re.compile(r"^\s*\[([^\]]+)\]\s*$")
_ENTRY = re.compile(r"^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$")
Entry = tuple[str, str]


def sections(text: str) -> list[tuple[str, list[Entry]]]:
    """Each section with its entries, in their order; a section may come more than once."""
    found: list[tuple[str, list[Entry]]] = []
    for line in text.splitlines():
        head, entry = _SECTION.match(line), _ENTRY.match(line)
        if head:
            found.append((head[1], []))
        elif entry and found:
            found[-1][1].append((entry[1], entry[2]))
    return found


def entries(text: str, section: str) -> list[Entry]:
    """What all sections of this name say."""
    return [entry for name, found in sections(text) if name == section for entry in found]


def value(text: str, section: str, key: str) -> str:
    """The last value of a key, which is the one that counts; "" without it."""
    return next((found for name, found in reversed(entries(text, section)) if name == key), "")


def without_sections(text: str, names: Iterable[str]) -> str:
    """The text without these sections; what stands before the first section stays."""
    gone, dropping, kept = set(names), False, []
    for line in text.splitlines(keepends=True):
        head = _SECTION.match(line)
        dropping = head[1] in gone if head else dropping
        kept += [] if dropping else [line]
    return "".join(kept)


def with_entries(text: str, section: str, new: Iterable[Entry], gone: Iterable[str] = ()) -> str:
    """The text with these keys in a section, at its end where they were not there yet, and without those of `gone`."""
    wanted, removed = dict(new), set(gone)
    lines, inside, end = [], False, -1
    for line in text.splitlines():
        head, entry = _SECTION.match(line), _ENTRY.match(line)
        inside = head[1] == section if head else inside
        key = entry[1] if entry and inside else ""
        if key in removed:
            continue
        lines.append(f"{key}={wanted.pop(key)}" if key in wanted else line)
        end = len(lines) if inside and (head or entry) else end
    if end < 0:
        lines += [*([""] if lines and lines[-1] else []), f"[{section}]"]
        end = len(lines)
    lines[end:end] = [f"{key}={each}" for key, each in wanted.items()]
    return "\n".join(lines) + "\n"


def section_text(name: str, found: Iterable[Entry]) -> str:
    """A section as it is written."""
    return "\n".join([f"[{name}]", *(f"{key}={each}" for key, each in found), ""])
