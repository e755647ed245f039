# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text -> text for files that are lists of lines: /etc/modules, authorized_keys, /etc/hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError


def edit_lines(text: str, present: Sequence[str], absent: Sequence[str], source: str) -> str:
    """Append the lines that are missing, drop those that shall not be there; blanks around a line do not count."""
    wrong = [line for line in (*present, *absent) if not line.strip() or "\n" in line or "\r" in line]
    if wrong:
        raise InputError(f"{source}: lines holds something that is not one line", observed=repr(wrong[0]))
    unwanted = {line.strip() for line in absent}
    lines = [line for line in _lines(text) if line.strip() not in unwanted]
    there = {line.strip() for line in lines}
    missing = [line.strip() for line in dict.fromkeys(present) if line.strip() not in there]
    if not missing and len(lines) == len(_lines(text)):
        return text
    return "".join(f"{line}\n" for line in [*lines, *missing])


def edit_hosts(text: str, wanted: Mapping[str, Any], source: str) -> str:
    """Set the names of addresses in /etc/hosts; None removes an address.

    The first name is the canonical one (`hostname --fqdn` prints it), so a wanted name is taken off every other address
    of the same family: Debian's `127.0.1.1 <fqdn>` would win otherwise. Other names of a wanted address go.
    """
    goals = {address: _names(address, names, source) for address, names in wanted.items()}
    lines = _lines(text)
    done: set[str] = set()
    result = []
    for line in lines:
        address, names, comment = _split(line)
        if address in goals:
            line = _own_line(line, address, names, comment, goals[address], address in done)
            done.add(address)
        elif address:
            line = _without(line, address, names, comment, goals)
        if line is not None:
            result.append(line)
    result += [_join(address, names) for address, names in goals.items() if names and address not in done]
    return text if result == lines else "".join(f"{line}\n" for line in result)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _names(address: str, names: Any, source: str) -> list[str]:
    if names is None:
        return []
    listed = names.split() if isinstance(names, str) else names
    found = [str(name) for name in listed] if isinstance(listed, list) else []
    parted = any(sign in text for text in (address, *found) for sign in ("#", " ", "\n", "\t"))
    if not found or not address.strip() or parted:
        raise InputError(
            f"{source}: the entry of address {address!r} is not usable",
            expected="one or more host names",
            observed=repr(names),
        )
    return found


def _split(line: str) -> tuple[str, list[str], str]:
    body, mark, comment = line.partition("#")
    words = body.split()
    return (words[0], words[1:], mark + comment) if words else ("", [], mark + comment)


def _own_line(line: str, address: str, names: list[str], comment: str, goal: list[str], repeated: bool):
    if not goal or repeated:
        return None
    return line if names == goal else _join(address, goal, comment)


def _without(line: str, address: str, names: list[str], comment: str, goals: Mapping[str, list[str]]):
    taken = {name for other, goal in goals.items() if (":" in other) == (":" in address) for name in goal}
    left = [name for name in names if name not in taken]
    if left == names:
        return line
    return _join(address, left, comment) if left else None


def _join(address: str, names: list[str], comment: str = "") -> str:
    return f"{address}\t{' '.join(names)}" + (f" {comment}" if comment else "")
