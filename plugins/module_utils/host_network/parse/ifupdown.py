# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/etc/network/interfaces: read the stanzas of single interfaces, and take them out (interfaces(5))."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files

_STANZA = re.compile(r"^(iface|mapping|auto|allow-\S+|rename|source|source-directory|no-auto-down|no-scripts)\b")
_DIRECTORY_NAME = re.compile(r"[a-zA-Z0-9_-]+")  # the files that source-directory reads, interfaces(5)


@dataclass(frozen=True)
class Stanza:
    """An iface stanza. `options` in their order, with - in names as _ , which mean the same."""

    name: str
    head: str
    family: str = ""
    method: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def value(self, option: str) -> str:
        """The first value of an option, "" without it."""
        return next((value for name, value in self.options if name == option), "")


def stanzas(text: str) -> list[Stanza]:
    """All iface stanzas of a file."""
    found: list[Stanza] = []
    inside = False
    for line in _logical_lines(text):
        words = line.replace("\\\n", " ").split()
        if not words or words[0].startswith("#"):
            continue
        if _STANZA.match(words[0]):
            inside = words[0] == "iface" and len(words) > 1
            if inside:
                family, method = [*words[2:4], "", ""][:2]
                found.append(Stanza(words[1], " ".join(words), family, method))
        elif inside:
            last = found[-1]
            option = (words[0].replace("-", "_"), " ".join(words[1:]))
            found[-1] = Stanza(last.name, last.head, last.family, last.method, (*last.options, option))
    return found


def without(text: str, names: Iterable[str]) -> str:
    """The text without what concerns these interfaces; comments and all other stanzas stay as they are."""
    gone = set(names)
    kept: list[str] = []
    dropping = dropped = False
    for line in _logical_lines(text):
        words = line.split()
        if words and _STANZA.match(words[0]):
            dropping = words[0] == "iface" and len(words) > 1 and words[1] in gone
            line = _without_names(line, words, gone)
        elif dropping and (not words or words[0].startswith("#")) and not line.startswith((" ", "\t")):
            dropping = False
        if dropping or not line:
            dropped = True
        elif words or not (
            dropped and (not kept or not kept[-1].strip())
        ):  # of the blank lines around what went, one stays
            dropped = dropped and not words
            kept.append(line)
    return "".join(kept)


def _without_names(line: str, words: list[str], gone: set[str]) -> str:
    """A line that lists interfaces, without these; "" where none is left."""
    if words[0] != "auto" and not words[0].startswith("allow-"):
        return line
    rest = [name for name in words[1:] if name not in gone]
    if len(rest) == len(words) - 1:
        return line
    return " ".join([words[0], *rest]) + "\n" if rest else ""


def configured(text: str) -> set[str]:
    """Interfaces that have a stanza of their own."""
    return {stanza.name for stanza in stanzas(text)}


def leased(text: str) -> set[str]:
    """Interfaces that ask for an address by DHCP."""
    return {stanza.name for stanza in stanzas(text) if stanza.method == "dhcp"}


def sources(text: str, path: str) -> list[str]:
    """Patterns of the files that a file at `path` reads."""
    lines = [line.split(None, 1) for line in text.splitlines()]
    pairs = [
        (words[0], words[1].strip())
        for words in lines
        if len(words) == 2 and words[0] in ("source", "source-directory")
    ]
    folder = posixpath.dirname(path)
    return [
        posixpath.join(folder, f"{given.rstrip('/')}/*" if word == "source-directory" else given)
        for word, given in pairs
    ]


def expand(files: Files, path: str) -> str:
    """The text of a file with that of each file that it reads in the place of the line that says so: what ifupdown
    reads as a whole."""
    return _expand(files, path, ())


def _expand(files: Files, path: str, above: tuple[str, ...]) -> str:
    parts = []
    for line in files.get(path, "").splitlines(keepends=True):
        patterns = sources(line, path)
        if not patterns:
            parts.append(line if line.endswith("\n") else f"{line}\n")
            continue
        strict = line.split()[0] == "source-directory"
        found = [each for each in sorted(files) if _matches(each, patterns[0], strict) and each not in (path, *above)]
        parts += [_expand(files, each, (path, *above)) for each in found]
    return "".join(parts)


def _matches(path: str, pattern: str, strict: bool) -> bool:
    """As the shell does: * stops at a folder, and leaves hidden files out."""
    name = posixpath.basename(path)
    if posixpath.dirname(path) != posixpath.dirname(pattern) or not fnmatch(name, posixpath.basename(pattern)):
        return False
    return bool(_DIRECTORY_NAME.fullmatch(name)) if strict else not name.startswith(".")


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
