# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the facts of a host differ from those of before, fact by fact: where, the value then, the value now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import show

# What names an item of a list of dictionaries, best first.
NAMES = ("name", "path", "destination", "node", "size_bytes")
ABSENT: Any = object()  # stands for a value where there is none
LONGEST = 80  # characters of a value in a message
Path = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A fact that is another one now. `then` or `now` is ABSENT where the fact was not, or is no longer, there."""

    path: Path
    then: Any
    now: Any

    def __str__(self) -> str:
        return f"{path_text(self.path)} was {_value(self.then)}, is {_value(self.now)}"


def changes_between(then: Any, now: Any, path: Path = ()) -> Iterator[Change]:
    """Every fact that differs, in the order of its path. Items of lists are matched by name where they have one, and not by position."""
    before, after = named_items(then), named_items(now)
    if before is None or after is None or isinstance(then, Mapping) != isinstance(now, Mapping):
        if then != now:
            yield Change(path, then, now)
        return
    for key in sorted({*before, *after}):
        yield from changes_between(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))


def with_fact(facts: Any, path: Path, value: Any) -> Any:
    """A copy of the facts with another value at a path; ABSENT takes it out."""
    if not path:
        return value
    if isinstance(facts, Mapping):
        rest = {key: each for key, each in facts.items() if key != path[0]}
        inner = with_fact(facts.get(path[0], {}), path[1:], value)
        return rest if inner is ABSENT else {**rest, path[0]: inner}
    items = named_items(facts) or {}
    inner = with_fact(items.get(path[0], {}), path[1:], value)
    return [each for key, each in {**items, path[0]: inner}.items() if each is not ABSENT]


def named_items(value: Any) -> Optional[dict[str, Any]]:
    """The items of a dictionary, or of a list of dictionaries with different names, by name; None for anything else."""
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(each, Mapping) for each in value):
        return None
    key = next((name for name in NAMES if all(name in each for each in value)), None)
    items = {str(each[key]): each for each in value} if key else {}
    return items if len(items) == len(value) else None


def path_text(path: Path) -> str:
    """The path as a reader writes it: steps that are not a plain word in brackets."""
    return "".join(f".{step}" if step.replace("_", "").isalnum() and not step[0].isdigit() else f"[{step}]" for step in path).lstrip(".")


def _value(value: Any) -> str:
    words = "absent" if value is ABSENT else "not known" if value is None else "present" if isinstance(value, Mapping) else ""
    text = words or show(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
