# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file that a drill keeps, and the look of a host at itself, into values and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    FAILURES,
    STAGES,
    Canary,
    Drill,
    Expectation,
    HostLook,
    Seen,
    Window,
)

VERSION = 1
SOURCE = "the file of the drill"


def read_drill(text: str) -> Drill:
    """A drill out of its file. Raises ParseError for one that is of another version, or not whole."""
    found = load_json(text, SOURCE)
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise ParseError(SOURCE, f"not a drill of version {VERSION}", text=text)
    try:
        return _drill({key: value for key, value in found.items() if key != "version"})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ParseError(SOURCE, f"not a drill: {error}", text=text) from error


def mapping_of(drill: Drill) -> dict[str, Any]:
    """What is kept of a drill: JSON can hold it."""
    return {"version": VERSION, **asdict(drill)}


def read_look(given: Any) -> HostLook:
    """The look of a host, as ha_drill_failure returned it. Raises ParseError for something else."""
    source = "what ha_drill_failure returned"
    if not isinstance(given, Mapping):
        raise ParseError(source, "not a mapping", text=str(given))
    if "management" not in given:
        raise ParseError(
            source,
            "the host could not be looked at",
            observed=str(given.get("msg") or "nothing"),
            next_step="let Ansible log in to the host with become, then run again",
        )
    try:
        return HostLook(**{name: _plain(given[name]) for name in HostLook.__dataclass_fields__})
    except KeyError as error:
        raise ParseError(source, f"without {error}", text=str(given)) from error


def _drill(found: Mapping[str, Any]) -> Drill:
    canary, expected = found["canary"], found["expectation"]
    values = {
        **found,
        "canary": Canary(**canary) if canary else None,
        "expectation": Expectation(
            bool(expected["dies"]),
            float(expected["ends_by"]),
            tuple(Window(**each) for each in expected["windows"]),
            tuple(map(str, expected["told"])),
        ),
        "seen": tuple(Seen(**each) for each in found["seen"]),
        "gaps": tuple((float(begin), float(end)) for begin, end in found["gaps"]),
        "problems": tuple(map(str, found["problems"])),
    }
    drill = Drill(**values)
    if drill.stage not in STAGES or drill.failure not in FAILURES:
        raise ValueError(f"stage {drill.stage}, failure {drill.failure}")
    return drill


def _plain(value: Any) -> Any:
    return {str(key): str(each) for key, each in value.items()} if isinstance(value, Mapping) else str(value)
