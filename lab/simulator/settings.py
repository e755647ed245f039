# SPDX-License-Identifier: GPL-3.0-or-later
"""The 914 global settings with their scopes, types and defaults (recorded/settings-table.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import bad_parameter

DATA = Path(__file__).parent / "data" / "settings.json"
SCOPES = {
    "zoneid": "zone",
    "clusterid": "cluster",
    "storageid": "storagepool",
    "accountid": "account",
    "domainid": "domain",
    "imagestoreuuid": "imagestore",
}
# listConfigurations tells the kind of a value, not its Java class; texts name the class that most settings of a kind
# have.
JAVA = {"Boolean": "Boolean", "Number": "Long", "Decimal": "Double"}
# Hidden settings are never listed, yet they can be written (recorded/config.json).
HIDDEN = ("kvm.guest.network.device", "kvm.private.network.device", "kvm.public.network.device")


class Settings:
    """Values by name; scoped values by (name, scope, number)."""

    def __init__(self) -> None:
        raw = json.loads(DATA.read_text())
        self.rows: dict[str, dict[str, Any]] = {row[0]: dict(zip(raw["columns"], row)) for row in raw["rows"]}  # noqa: B905
        for name in HIDDEN:
            self.rows[name] = _hidden(name)
        for row in self.rows.values():
            row["value"] = row["defaultvalue"]
        self._scoped: dict[tuple[str, str, int], str] = {}

    def find(self, name: str) -> dict[str, Any]:
        """The setting of that name, in any letter case. Raises 431 where there is none."""
        row = next((row for key, row in self.rows.items() if key.lower() == name.lower()), None)
        if row is None:
            raise bad_parameter(f"Config parameter with name {name} doesn't exist")
        return row

    def get(self, name: str, scope: tuple[str, int] | None = None) -> str | None:
        """The value in force."""
        if scope and (name, *scope) in self._scoped:
            return self._scoped[(name, *scope)]
        return self.rows[name]["value"]

    def number(self, name: str) -> float:
        """The value as a number."""
        return float(self.get(name) or 0)

    def set(self, name: str, value: str | None, scope: tuple[str, int] | None = None) -> None:
        """Store a value."""
        if scope:
            self._scoped[(name, *scope)] = value or ""
        else:
            self.rows[name]["value"] = value

    def reset(self, name: str, scope: tuple[str, int] | None = None) -> None:
        """Back to the default, or to the wider scope's value."""
        if scope:
            self._scoped.pop((name, *scope), None)
        else:
            self.rows[name]["value"] = self.rows[name]["defaultvalue"]

    def has_scope(self, name: str, scope: str) -> bool:
        """Whether the setting may be set in that scope."""
        return scope in (self.rows[name]["scope"] or "global").replace(" ", "").lower().split(",")


def _hidden(name: str) -> dict[str, Any]:
    shown = {
        "category": "Hidden",
        "group": "Hypervisor",
        "subgroup": "KVM",
        "component": "management-server",
        "type": "String",
    }
    return {
        "name": name,
        "defaultvalue": None,
        "scope": "global",
        "isdynamic": False,
        "parent": None,
        "options": None,
        **shown,
    }


def scope_of(arguments: Mapping[str, Any]) -> tuple[str, int] | None:
    """The one scope that a request names. Raises 431 where it names several."""
    given = [(SCOPES[key], arguments[key]) for key in SCOPES if arguments.get(key) is not None]
    if len(given) > 1:
        raise bad_parameter("cannot handle multiple IDs, provide only one ID corresponding to the scope")
    return given[0] if given else None


def check_type(row: Mapping[str, Any], value: str) -> None:
    """Only the type is checked, neither range nor options. Raises 431."""
    kind = row["type"]
    good = True
    if kind == "Boolean":
        good = value.lower() in ("true", "false")
    elif kind == "Number":
        good = _parses(int, value)
    elif kind == "Decimal":
        good = _parses(float, value)
    if not good:
        raise bad_parameter(f"Value [{value}] is not a valid [class java.lang.{JAVA[kind]}].")


def _parses(kind: type, value: str) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True
