# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/etc/network/interfaces: find and take out the stanzas of single interfaces (interfaces(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable

_STANZA = re.compile(r"^(iface|mapping|auto|allow-\S+|rename|source|source-directory|no-auto-down|no-scripts)\b")


def without(text: str, names: Iterable[str]) -> str:
    """The text without what concerns these interfaces; comments and all other stanzas stay as they are."""
    gone = set(names)
    kept: list[str] = []
    dropping = False
    for line in _logical_lines(text):
        words = line.split()
        if words and _STANZA.match(words[0]):
            dropping = words[0] == "iface" and len(words) > 1 and words[1] in gone
            if words[0] == "auto" or words[0].startswith("allow-"):
                rest = [name for name in words[1:] if name not in gone]
                if len(rest) < len(words) - 1:
                    if rest:
                        kept.append(" ".join([words[0], *rest]) + "\n")
                    continue
        elif dropping and (not words or words[0].startswith("#")) and not line.startswith((" ", "\t")):
            dropping = False
        if not dropping:
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "".join(kept))


def configured(text: str) -> set[str]:
    """Interfaces that have a stanza of their own."""
    found = (line.split() for line in _logical_lines(text))
    return {words[1] for words in found if len(words) > 1 and words[0] == "iface"}


def stanzas(text: str, names: Iterable[str]) -> list[str]:
    """The iface lines of these interfaces."""
    wanted = set(names)
    found = (line.split() for line in _logical_lines(text))
    return [" ".join(words) for words in found if len(words) > 1 and words[0] == "iface" and words[1] in wanted]


def sources_folder(text: str, folder: str) -> bool:
    """Whether the file reads the files of a folder."""
    return any(re.match(rf"\s*source(-directory)?\s+{re.escape(folder)}(/\*)?\s*$", line) for line in text.splitlines())


def _logical_lines(text: str) -> list[str]:
    """Lines, with those that end in a backslash joined to the next one."""
    lines: list[str] = []
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if not line.rstrip("\n").endswith("\\"):
            lines.append(pending)
            pending = ""
    return lines + ([pending] if pending else [])
