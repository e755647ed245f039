# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tables of Open vSwitch's database, as ovs-vsctl --format=json lists them.

Each table is one line, with `headings` and rows of `data`. A column with none or several values is ["set", [...]], a
reference to a row ["uuid", "..."], options are ["map", [[key, value], ...]] (RFC 7047, section 5.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json

SOURCE = "ovs-vsctl --format=json list"
MEGABIT = 1_000_000
Row = Mapping[str, Any]


def parse_tables(text: str) -> dict[str, Any]:
    """The tables Bridge, Port and Interface, one line each -> `bridges` by name, fake bridges too, each with parent and
    vlan (both None for a real bridge) and ports. Raises ParseError.

    A port has name, tag, trunks, bond_mode and interfaces; an interface name, type ("" for a card of the kernel), peer
    (of a patch port), admin_state, link_state, mtu and speed_mbps.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 3:
        raise ParseError(SOURCE, "not the three tables Bridge, Port and Interface", text=text)
    bridges, ports, interfaces = (table_rows(line, number) for number, line in enumerate(lines, 1))
    by_uuid = {str(row.get("_uuid")): _interface(row) for row in interfaces}
    ports_by_uuid = {str(row.get("_uuid")): row for row in ports}
    found: dict[str, Any] = {}
    for bridge in bridges:
        name = str(bridge.get("name"))
        own = [ports_by_uuid[each] for each in map(str, _several(bridge.get("ports"))) if each in ports_by_uuid]
        fake = {str(row.get("name")): row for row in own if row.get("fake_bridge") is True}
        listed = [_port(row, by_uuid) for row in own if str(row.get("name")) not in fake]
        found[name] = {"parent": None, "vlan": None, "ports": sorted(listed, key=lambda port: port["name"])}
        for child, row in fake.items():
            found[child] = {"parent": name, "vlan": _number(row.get("tag")), "ports": []}
    return {"bridges": found}


def table_rows(line: str, number: int) -> list[Row]:
    """One table -> its rows by column: a set as a list, a reference as its text, a map as a mapping. `number` is the
    line's. Raises ParseError."""
    table = load_json(line, SOURCE)
    headings, data = (table.get(key) if isinstance(table, dict) else None for key in ("headings", "data"))
    if not isinstance(headings, list) or not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise ParseError(SOURCE, "not a table", line=number, text=line)
    return [{str(key): _plain(value) for key, value in zip(headings, row)} for row in data]


def _plain(value: Any) -> Any:
    """A set as a list, a reference as its text, a map as a dictionary."""
    if not (isinstance(value, list) and len(value) == 2 and value[0] in ("set", "map", "uuid", "named-uuid")):
        return value
    kind, content = value
    if kind == "map":
        pairs = [pair for pair in _list(content) if isinstance(pair, list) and len(pair) == 2]
        return {str(key): _plain(each) for key, each in pairs}
    return [_plain(each) for each in _list(content)] if kind == "set" else str(content)


def _port(row: Row, interfaces: Mapping[str, Row]) -> dict[str, Any]:
    members = [interfaces[each] for each in map(str, _several(row.get("interfaces"))) if each in interfaces]
    return {
        "name": str(row.get("name")),
        "tag": _number(row.get("tag")),
        "trunks": sorted(each for each in _several(row.get("trunks")) if isinstance(each, int)),
        "bond_mode": row.get("bond_mode") if isinstance(row.get("bond_mode"), str) else None,
        "interfaces": sorted(members, key=lambda member: member["name"]),
    }


def _interface(row: Row) -> dict[str, Any]:
    options, speed = row.get("options"), _number(row.get("link_speed"))
    return {
        "name": str(row.get("name")),
        "type": row.get("type") if isinstance(row.get("type"), str) else "",
        "peer": options.get("peer") if isinstance(options, dict) else None,
        "admin_state": _word(row.get("admin_state")),
        "link_state": _word(row.get("link_state")),
        "mtu": _number(row.get("mtu")),
        "speed_mbps": speed // MEGABIT if speed else None,
    }


def _several(value: Any) -> list[Any]:
    """One value stands for itself, not for a list of one."""
    return value if isinstance(value, list) else [value]


def _number(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _word(value: Any) -> Optional[str]:
    return value if isinstance(value, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
