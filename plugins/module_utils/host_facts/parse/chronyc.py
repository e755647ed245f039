# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What chronyc says in its CSV form (-c)."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import real, whole

SOURCE_STATES = {
    "*": "selected",
    "+": "combined",
    "-": "not combined",
    "?": "unreachable",
    "x": "false ticker",
    "~": "too variable",
}
NOT_SYNCHRONISED = ("Not synchronised", "Not synchronized")
_FLOAT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def parse_tracking(text: str) -> dict[str, Any]:
    """`chronyc -c tracking` -> synchronised, source, reference_id (hexadecimal), stratum, offset_s (this clock minus
    true time, in seconds). Raises ParseError.

    With the directive `local` chrony calls itself synchronised with no source, under the reference id 7F7F0101."""
    source = "chronyc -c tracking"
    parts = text.strip().split(",")
    if len(parts) != 14:
        raise ParseError(source, "not 14 fields", line=1, text=text)
    # Field 5 is how far the true time is ahead of this clock: chronyc calls a negative one "fast".
    stratum, offset = _whole(parts[2], 10, source, 1, text), 0.0 - _decimal(parts[4], source, 1, text)
    synchronised = parts[13] not in NOT_SYNCHRONISED and stratum > 0
    return {
        "synchronised": synchronised,
        "source": parts[1] or None,
        "reference_id": parts[0] or None,
        "stratum": stratum,
        "offset_s": offset,
        "leap": parts[13],
    }


def parse_sources(text: str) -> list[dict[str, Any]]:
    """`chronyc -c sources` -> name, state, stratum and reach (of the last eight polls, how many were answered). Raises
    ParseError."""
    source, found = "chronyc -c sources", []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        parts = line.split(",")
        if len(parts) < 10:
            raise ParseError(source, "not 10 fields", line=number, text=line)
        answered = bin(_whole(parts[5], 8, source, number, line)).count("1")
        stratum = _whole(parts[3], 10, source, number, line)
        found.append(
            {"name": parts[2], "state": SOURCE_STATES.get(parts[1], parts[1]), "stratum": stratum, "reach": answered}
        )
    return found


def _whole(field: str, base: int, source: str, line: int, text: str) -> int:
    if not re.fullmatch("[0-7]+" if base == 8 else "[0-9]+", field):
        raise ParseError(source, f"{field!r} is not a number", line=line, text=text)
    return int(field, 8) if base == 8 and len(field) < 12 else whole(field, source, line)


def _decimal(field: str, source: str, line: int, text: str) -> float:
    if not _FLOAT.fullmatch(field):
        raise ParseError(source, f"{field!r} is not a number", line=line, text=text)
    return real(field, source, line)
