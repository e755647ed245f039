# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this the answer of the real server? Status, type, envelope, codes and texts exactly; of a success the shape and
the words that are states."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Numbers of rows depend on how many rows there were before.
NUMBERS = [
    (re.compile(r'("?\bid"?\s*:\s*)"?\d+"?'), r"\1#"),
    (re.compile(r"(\(id=|ID \[|resource \[|[Cc]luster: |host id: |by id |with id |retry after \[)\d+"), r"\1#"),
    (re.compile(r"(\[StoragePool:| -[zpc] )\d+"), r"\1#"),
    (re.compile(r'(networkofferingid": |\b[sv]-)\d+'), r"\1#"),
    (re.compile(r"-local-[0-9a-f]{8}"), "-local-#"),
    (re.compile(r"SimulatedAgent\.[-0-9a-f]+"), "SimulatedAgent.#"),
]
# Fields whose value is part of the contract, wherever they stand.
STATES = {
    "state", "resourcestate", "allocationstate", "managedstate", "powerstate", "enabled", "status", "success",
    "jobstatus", "jobresultcode",
    "jobresulttype", "jobprocstatus", "errorcode", "cserrorcode", "networktype", "hypervisor", "hypervisortype",
    "clustertype", "arch", "scope",
    "type", "traffictype", "kvmnetworklabel", "vlan", "isolationmethods", "driver", "address", "port", "username",
    "password", "value", "isdynamic",
    "hastate", "haenable", "haprovider", "gateway", "netmask", "dns1", "dns2", "internaldns1", "name",
}  # fmt: skip


# Statistics come with the first round of the collector, a minute after a host: whether they are there depends on the
# moment.
STATISTICS = {
    "cpuused", "cpuloadaverage", "memoryused", "networkkbsread", "networkkbswrite", "gpugroup", "gputotal", "gpuused",
    "storagecapabilities",
}  # fmt: skip


def without_ids(text: str) -> str:
    """Text in which UUIDs and row numbers are one sign each."""
    text = UUID.sub("#", text)
    for pattern, sign in NUMBERS:
        text = pattern.sub(sign, text)
    return text


def differences(recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
    """What a client would notice: missing and additional keys, other types, other states."""
    if isinstance(recorded, Mapping) and isinstance(ours, Mapping):
        for key in recorded.keys() - ours.keys() - STATISTICS:
            yield f"{path}/{key} is missing"
        for key in ours.keys() - recorded.keys() - STATISTICS:
            yield f"{path}/{key} is not in the real answer"
        for key in recorded.keys() & ours.keys():
            yield from _field(key, recorded[key], ours[key], f"{path}/{key}")
    elif isinstance(recorded, list) and isinstance(ours, list):
        yield from _lists(recorded, ours, path)
    elif _kind(recorded) != _kind(ours):
        yield f"{path} is {_kind(ours)}, really {_kind(recorded)}"


def _field(key: str, recorded: Any, ours: Any, path: str) -> Iterator[str]:
    if key == "errortext" or (key in STATES and not isinstance(recorded, (dict, list))):
        left, right = without_ids(str(recorded)), without_ids(str(ours))
        if left != right:
            yield f"{path} is {right!r}, really {left!r}"
    elif key != "uuidList":
        yield from differences(recorded, ours, path)


def _lists(recorded: list[Any], ours: list[Any], path: str) -> Iterator[str]:
    """Element by element; of lists of another length only the shape of the first."""
    if bool(recorded) != bool(ours):
        yield f"{path} has {len(ours)} elements, really {len(recorded)}"
        return
    if len(recorded) != len(
        ours
    ):  # other rows were made besides the recorded ones: one of ours must look like the first
        found = [
            [text for text in differences(recorded[0], entry, f"{path}[0]") if "really" not in text] for entry in ours
        ]
        yield from min(found, key=len)
        return
    for index, (left, right) in enumerate(zip(*pair(recorded, ours))):  # noqa: B905 - of one length
        yield from differences(left, right, f"{path}[{index}]")


def pair(recorded: list[Any], ours: list[Any]) -> tuple[list[Any], list[Any]]:
    """Both lists in one order: objects by their name, because the server's order is that of its database."""
    for key in ("name", "traffictype", "traffictypeimplementor"):
        if all(isinstance(entry, dict) and key in entry for entry in [*recorded, *ours]):
            names = [without_ids(entry[key]) for entry in recorded]
            if len(set(names)) == len(names) and sorted(names) == sorted(without_ids(entry[key]) for entry in ours):
                by_name = {without_ids(entry[key]): entry for entry in ours}
                return recorded, [by_name[name] for name in names]
    return recorded, ours


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "text", dict: "object", list: "list", type(None): "null"}[type(value)]


def read(text: str) -> Any:
    """A JSON body, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def learn(recorded: Any, ours: Any, ids: dict[str, str]) -> None:
    """Which of our UUIDs stands for which recorded one: those at the same place of both answers."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in recorded.keys() & ours.keys():
            learn(recorded[key], ours[key], ids)
    elif isinstance(recorded, list) and isinstance(ours, list):
        for left, right in zip(*pair(recorded, ours)):  # noqa: B905 - what has no partner teaches nothing
            learn(left, right, ids)
    elif isinstance(recorded, str) and isinstance(ours, str):
        for left, right in zip(UUID.findall(recorded), UUID.findall(ours)):  # noqa: B905
            ids.setdefault(left, right)
