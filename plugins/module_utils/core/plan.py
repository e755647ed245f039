# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan is a value: what must change, in order. `changed`, the diff, check mode and the real run all come from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Change:
    """One step. `before` and `after` are what the diff shows: text of a file, or a mapping of fields.

    A `secret` change is applied like any other, but its diff shows only that it differs.
    `data` is whatever the code that applies the step needs; it is never shown.
    """

    action: str
    target: str
    before: Any = ""
    after: Any = ""
    secret: bool = False
    data: Any = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they are applied. An empty plan is falsy: nothing to do."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __iter__(self):
        return iter(self.changes)

    @classmethod
    def of(cls, changes: Iterable[Change | None]) -> Plan:
        """A plan of the given steps; None stands for nothing to do."""
        return cls(tuple(change for change in changes if change is not None))

    def diff(self) -> list[dict[str, Any]]:
        """The steps as Ansible's diff callback wants them: before, after and their headers."""
        return [_diff_entry(change) for change in self.changes]

    def summary(self) -> list[str]:
        """One short line for each step."""
        return [f"{change.action} {change.target}" for change in self.changes]


def _diff_entry(change: Change) -> dict[str, Any]:
    before, after = (HIDDEN, f"{HIDDEN}, differs") if change.secret else (change.before, change.after)
    return {
        "before_header": change.target,
        "after_header": f"{change.target} ({change.action})",
        "before": _shown(before),
        "after": _shown(after),
    }


def _shown(value: Any) -> Any:
    """Mappings become sorted lines: Ansible would print them as JSON, which is harder to read."""
    if isinstance(value, Mapping):
        return "".join(f"{key}: {value[key]}\n" for key in sorted(value))
    return f"{value}\n" if value and not str(value).endswith("\n") else value
