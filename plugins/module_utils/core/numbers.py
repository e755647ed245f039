# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers of texts that come from outside. None of them is NaN or infinite, and none has thousands of digits.

JSON has neither (RFC 8259, 6), though Python's json reads and writes them; Python refuses to read more than 4300 digits
with an exception of its own (CVE-2020-10735). A number that is one of these makes every report unreadable that it gets
into."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

DIGITS = 40  # 64 bits have 20, 128 bits have 39
DEEPEST = 50  # levels of mappings and lists; the facts of a host have eight
_WHOLE = re.compile(r"-?[0-9]+")
_REAL = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")


def whole(text: str, source: str, line: int = 0) -> int:
    """A whole number in decimal digits. Raises ParseError, also for more than DIGITS of them."""
    if len(text) > DIGITS or not _WHOLE.fullmatch(text):
        raise ParseError(source, "not a whole number, or one with too many digits", line=line, text=text)
    return int(text)


def real(text: str, source: str, line: int = 0) -> float:
    """A decimal number. Raises ParseError, also for what is larger than a float can hold."""
    if not _REAL.fullmatch(text) or not math.isfinite(float(text)):
        raise ParseError(source, "not a number, or one that is too large", line=line, text=text)
    return float(text)


def load_json(text: str, source: str) -> Any:
    """What a program printed as JSON. Raises ParseError, also for NaN, Infinity and numbers that are too large."""

    def refuse(constant: str) -> Any:
        raise ParseError(source, f"{constant} is not a number of JSON", text=constant)

    try:
        return json.loads(
            text,
            parse_constant=refuse,
            parse_int=lambda digits: whole(digits, source),
            parse_float=lambda digits: real(digits, source),
        )
    except (ValueError, RecursionError) as error:
        raise ParseError(source, f"not JSON: {error}", line=getattr(error, "lineno", 0), text=text) from error


def writable(value: Any) -> Any:
    """A value of mappings, lists and scalars that JSON can hold: a number that it does not have stands there as a text.

    For what arrives as a value already, from an older run or a module that another version wrote.
    """
    try:
        json.dumps(value, allow_nan=False, default=str)  # nearly always; it is much faster than looking at each leaf
    except (ValueError, TypeError, RecursionError):
        return _cleaned(value, 0)
    return value


def _cleaned(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        return "nested too deeply"
    if isinstance(value, Mapping):
        return {str(key): _cleaned(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(each, depth + 1) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and abs(value) >= 10**DIGITS:
        return "a number with too many digits"
    return value
