# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many host names in little space, in the order in which people count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

# host12.example.org is host, 12, .example.org: the last number of the first label, so that domains stay whole;
# 10.0.0.12 is 10.0.0., 12
PARTS = (re.compile(r"([^.]*[^.0-9])([0-9]+)([^.0-9]*(?:\..*)?)", re.DOTALL), re.compile(r"((?:[0-9]+\.)*)([0-9]+)()"))


def natural(name: str) -> tuple:
    """Sort key: host2 before host10."""
    # Text and digits take turns, text first.
    parts = re.split(r"([0-9]+)", name)
    return tuple(("", int(part)) if index % 2 else (part, 0) for index, part in enumerate(parts)), name


def ranges(names: Iterable[str]) -> str:
    """host[1-97], db1 for host1 ... host97 and db1; host01 and host1 are not of one range."""
    families: dict[tuple[str, str], list[str]] = {}
    for name in sorted(set(names), key=natural):
        prefix, number, suffix = _split(name)
        families.setdefault((prefix, suffix), []).append(number)
    return ", ".join(
        text for (prefix, suffix), numbers in families.items() for text in _family(prefix, suffix, numbers)
    )


def _split(name: str) -> tuple[str, str, str]:
    for pattern in PARTS:
        found = pattern.fullmatch(name)
        if found:
            return found.groups()  # type: ignore[return-value]
    return name, "", ""


def _family(prefix: str, suffix: str, numbers: Sequence[str]) -> Iterator[str]:
    """One text for all numbers of one form. Where some are padded with zeros, those of the same length are of their
    form.
    """
    padded = {len(number) for number in numbers if number.startswith("0") and len(number) > 1}
    forms: dict[int, list[str]] = {}
    for number in numbers:
        forms.setdefault(len(number) if len(number) in padded else 0, []).append(number)
    for form in forms.values():
        inner = ",".join(_runs(form))
        yield f"{prefix}{form[0]}{suffix}" if len(form) == 1 else f"{prefix}[{inner}]{suffix}"


def _runs(numbers: Sequence[str]) -> Iterator[str]:
    run = [numbers[0]]
    for number in numbers[1:]:
        if int(number) == int(run[-1]) + 1:
            run.append(number)
            continue
        yield _run(run)
        run = [number]
    yield _run(run)


def _run(run: Sequence[str]) -> str:
    return run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}"
