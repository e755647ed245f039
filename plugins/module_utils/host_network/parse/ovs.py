# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The database of Open vSwitch, with all that is needed to make its bridges again. Sources: ovs-vsctl(8),
ovs-vswitchd.conf.db(5)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.ovs_json import SOURCE, table_rows
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    OPEN_VSWITCH,
    OVS_DATAPATHS,
    Link,
    OvsRow,
)

# Columns of what somebody configures; all others are states, or refer to other tables.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Bridge": (
        *("datapath_type", "fail_mode", "stp_enable", "rstp_enable", "mcast_snooping_enable", "protocols"),
        *("other_config", "external_ids"),
    ),
    "Port": (
        *("tag", "trunks", "vlan_mode", "cvlans", "bond_mode", "lacp", "bond_updelay", "bond_downdelay"),
        *("bond_fake_iface", "fake_bridge", "other_config", "external_ids"),
    ),
    "Interface": ("type", "options", "mtu_request", "other_config", "external_ids"),
}
_INSIDE = {"Bridge": ("ports",), "Port": ("interfaces",), "Interface": ()}
_EMPTY: tuple[Any, ...] = (None, "", False, 0, [], {})
_KEEPS_ZERO = ("tag", "trunks")  # 0 is a VLAN
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def question() -> tuple[str, ...]:
    """The command that tells the three tables, of one moment."""
    words = ["ovs-vsctl", "--timeout=10", "--format=json"]
    for table, columns in COLUMNS.items():
        words += ["--", f"--columns={','.join(('_uuid', 'name', *_INSIDE[table], *columns))}", "list", table]
    return tuple(words)


def is_there(links: Iterable[Link]) -> bool:
    """Whether Open vSwitch has bridges on this host: only then its database is asked."""
    return any(link.kind == OPEN_VSWITCH or link.name in OVS_DATAPATHS for link in links)


def parse_switches(text: str) -> dict[str, OvsRow]:
    """What `question` is answered with -> the bridges by name. Raises ParseError."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != len(COLUMNS):
        raise ParseError(SOURCE, "not the three tables Bridge, Port and Interface", text=text)
    tables = {table: table_rows(line, number) for number, (table, line) in enumerate(zip(COLUMNS, lines), 1)}
    interfaces = {str(row.get("_uuid")): _row(row, "Interface", {}) for row in tables["Interface"]}
    ports = {str(row.get("_uuid")): _row(row, "Port", interfaces) for row in tables["Port"]}
    found = [_row(row, "Bridge", ports) for row in tables["Bridge"]]
    return {each.name: each for each in found}


def _row(row: Mapping[str, Any], table: str, inside: Mapping[str, OvsRow]) -> OvsRow:
    references = [each for column in _INSIDE[table] for each in _several(row.get(column))]
    rows = [inside[str(each)] for each in references if str(each) in inside]
    values = {column: row.get(column) for column in COLUMNS[table]}
    columns = [(column, value_text(value)) for column, value in values.items() if not _is_empty(column, value)]
    return OvsRow(str(row.get("name")), tuple(columns), tuple(sorted(rows, key=lambda each: each.name)))


def _is_empty(column: str, value: Any) -> bool:
    return value in _EMPTY and not (column in _KEEPS_ZERO and value == 0 and value is not False)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def value_text(value: Any) -> str:
    """A value as ovs-vsctl takes it (ovs-vsctl(8), "Values"), in an order that does not change."""
    if isinstance(value, Mapping):
        pairs = [f"{value_text(key)}={value_text(each)}" for key, each in sorted(value.items())]
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(value_text(each) for each in sorted(value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else json.dumps(value)


def with_switches(links: Mapping[str, Link], switches: Mapping[str, OvsRow]) -> dict[str, Link]:
    """The links as `ip` tells them, with the bridges of Open vSwitch as kind and master, whatever their datapath."""
    found = dict(links)
    for switch in switches.values():
        if switch.name in found:
            found[switch.name] = replace(found[switch.name], kind=OPEN_VSWITCH)
        for name in members(switch):
            if name in found and name != switch.name:
                found[name] = replace(found[name], master=switch.name)
    return found


def members(switch: OvsRow) -> list[str]:
    """The names of the interfaces in a bridge, its own among them."""
    return [each.name for port in switch.rows for each in port.rows]
