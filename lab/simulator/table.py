# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's command table: what listApis of a real 4.22.1.0 says, with the Java class of each command."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "api-4.22.1.0.json.gz"


@dataclass(frozen=True)
class Parameter:
    """One parameter; `items` is the type of a list's items, `length` the maximum of a string."""

    name: str
    type: str
    required: bool
    length: int
    items: str | None


@dataclass(frozen=True)
class Command:
    """One command. Parameters by lower-case name, in the order in which the server looks at them."""

    name: str
    java_class: str
    is_async: bool
    is_list: bool
    parameters: dict[str, Parameter]
    raw: dict[str, Any]

    @property
    def answer_key(self) -> str:
        """The key of its answer, which is mostly but not always its name."""
        return ANSWER_KEYS.get(self.name, f"{self.name.lower()}response")


# recorded/api-differences.json
ANSWER_KEYS = {
    "enableStorageMaintenance": "prepareprimarystorageformaintenanceresponse",
    "cancelStorageMaintenance": "cancelprimarystoragemaintenanceresponse",
    "updateImageStore": "updateImageStore",
    "listSecondaryStagingStores": "listsecondarystagingstoreresponse",
}


# The administrator's own classes of calls that users have too, as jobs name them (recorded/kvm-host-vm.json).
BY_ADMIN = (
    "deployVirtualMachine", "startVirtualMachine", "stopVirtualMachine", "rebootVirtualMachine",
    "destroyVirtualMachine",
)  # fmt: skip


@cache
def commands() -> dict[str, Command]:
    """All commands by exact name."""
    with gzip.open(DATA, "rt", encoding="utf-8") as stream:
        return {entry["api"]["name"]: _command(entry) for entry in json.load(stream)}


def _command(entry: dict[str, Any]) -> Command:
    api = entry["api"]
    parameters = {
        raw["name"].lower(): Parameter(
            raw["name"], raw["type"], raw["required"], raw.get("length") or 255, entry["items"].get(raw["name"])
        )
        for raw in sorted(api["params"], key=lambda raw: raw["name"])
    }
    java = entry["class"]
    if api["name"] in BY_ADMIN:
        java = java.replace(".command.user.", ".command.admin.") + "ByAdmin"
    return Command(api["name"], java, api["isasync"], entry["list"], parameters, api)
