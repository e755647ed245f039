# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machine types of QEMU."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

_HEAD = "Supported machines are:"
_LINE = re.compile(r"(\S+) +\S.*")
_ALIAS = re.compile(r"\(alias of ([^\s()]+)\)")


def parse_machine_types(text: str) -> dict[str, Any]:
    """`qemu-system-... -machine help` -> types (sorted, without aliases) and aliases (such as pc -> pc-i440fx-7.2).
    Raises ParseError."""
    lines = text.splitlines()
    if _HEAD not in lines:
        raise ParseError("qemu -machine help", "no list of machines", text=text)
    types, aliases = [], {}
    first = lines.index(_HEAD) + 1
    for number, line in enumerate(lines[first:], first + 1):
        match = _LINE.fullmatch(line)
        if not match:
            raise ParseError("qemu -machine help", "not a machine with its description", line=number, text=line)
        alias = _ALIAS.search(line)
        if alias:
            aliases[match[1]] = alias[1]
        else:
            types.append(match[1])
    return {"types": sorted(types), "aliases": aliases}
