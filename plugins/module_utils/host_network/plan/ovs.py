# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared, or as it was; a bridge of Open vSwitch as it is) -> what ovs-vsctl has to do. Pure.

A bridge that is there is changed and never made anew: the ports of guests, controllers and flows stay. Each command is
one transaction (ovs-vsctl(8)).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Ovs, OvsRow

Command = tuple[str, ...]
Switches = Mapping[str, OvsRow]
# Waits for the daemon, which makes the links.
_OVS = ("ovs-vsctl", "--timeout=20")
_OWN_COLUMNS = ("tag", "trunks", "bond_mode", "lacp")  # of a port, what the declaration says


def is_switched(bridge: Bridge, switches: Switches) -> bool:
    """Whether the database says of a bridge what is declared: its port, the bond's NICs, VLANs."""
    return bridge.name in switches and not _port_changes(bridge, switches[bridge.name])


def switch_command(bridge: Bridge, switches: Switches, released: Iterable[str] = ()) -> Command:
    """The one command that makes a bridge what is declared. `released` are NICs and bonds that were its port before."""
    found = switches.get(bridge.name)
    words = ["--may-exist", "add-br", bridge.name]
    for port in _replaced(bridge, found, released):
        words += ["--", "--if-exists", "del-port", bridge.name, port]
    words += [word for part in _port_changes(bridge, found) for word in ("--", *part)]
    mtu = f"mtu_request={bridge.mtu}"
    return (*_OVS, *words, "--", "set", "Interface", bridge.name, mtu)


def remove_command(name: str) -> Command:
    """Delete a bridge, where it is still there."""
    return (*_OVS, "--if-exists", "del-br", name)


def wanted_port(bridge: Bridge) -> OvsRow:
    """The uplink of a declared bridge as the database has it."""
    ovs = bridge.ovs or Ovs()
    given = (
        ("trunks", f"[{','.join(map(str, ovs.trunks))}]" if len(ovs.trunks) > 1 else "".join(map(str, ovs.trunks))),
        ("bond_mode", ovs.mode or ""),
        ("lacp", ovs.lacp or ""),
    )
    columns = tuple((column, value) for column, value in given if value)
    return OvsRow(bridge.port, columns, tuple(OvsRow(name) for name in sorted(bridge.links)))


def _port_changes(bridge: Bridge, found: Optional[OvsRow]) -> list[Command]:
    """Port, bond and VLANs that are not as declared."""
    wanted = wanted_port(bridge)
    port = found.row(bridge.port) if found else None
    names = [each.name for each in wanted.rows]
    commands: list[Command] = []
    if port is None or [each.name for each in port.rows] != names:
        is_bond = bool(bridge.ovs and bridge.ovs.ports)
        commands.append(
            ("add-bond", bridge.name, bridge.port, *names) if is_bond else ("add-port", bridge.name, bridge.port)
        )
        port = None
    commands += _column_changes("Port", port or OvsRow(bridge.port), wanted)
    local = (found.row(bridge.name) if found else None) or OvsRow(bridge.name)
    tag = bridge.ovs.tag if bridge.ovs else None
    own = OvsRow(bridge.name, (("tag", str(tag)),) if tag else ())
    return commands + _column_changes("Port", local, own)


def _column_changes(table: str, found: OvsRow, wanted: OvsRow, columns: Iterable[str] = _OWN_COLUMNS) -> list[Command]:
    commands: list[Command] = []
    for column in columns:
        old, new = found.value(column), wanted.value(column)
        if new and old != new:
            commands.append(("set", table, wanted.name, f"{column}={new}"))
        if old and not new and not (column == "lacp" and old == "off"):
            commands.append(("clear", table, wanted.name, column))
    return commands


def _replaced(bridge: Bridge, found: Optional[OvsRow], released: Iterable[str]) -> list[str]:
    """Ports that make way: those that were the uplink, and those that have a NIC of the new one in another form."""
    if found is None:
        return []
    wanted = [each.name for each in wanted_port(bridge).rows]
    gone = []
    for port in (each for each in found.rows if each.name != bridge.name):
        inside = [each.name for each in port.rows]
        is_right = port.name == bridge.port and inside == wanted
        if not is_right and (port.name in (bridge.port, *released) or set(inside) & {*wanted, *released}):
            gone.append(port.name)
    return gone


def restore_commands(before: Switches, now: Switches, names: Iterable[str]) -> list[Command]:
    """The commands that make these bridges what they were; none where they are. Of a bridge that is still there only
    ports among `names` and its own one are looked at: guests come and go."""
    touched = set(names)
    commands: list[Command] = []
    for name in sorted(touched & {*before, *now}):
        if name not in before:
            commands.append(remove_command(name))
            continue
        parts = _restore(before[name], now.get(name), touched)
        if parts or name not in now:
            commands.append((*_OVS, "--may-exist", "add-br", name, *(word for part in parts for word in ("--", *part))))
    return commands


def _restore(old: OvsRow, found: Optional[OvsRow], names: set[str]) -> list[Command]:
    current = found or OvsRow(old.name)
    parts = _all_columns("Bridge", current, old)
    made = [each for each in current.rows if old.row(each.name) is None and each.name in names]
    parts += [("--if-exists", "del-port", old.name, each.name) for each in made]
    for port in old.rows:
        inside = {port.name, *(each.name for each in port.rows)}
        if found is None or inside & names:
            parts += _restore_port(old.name, port, current.row(port.name))
    return parts


def _restore_port(bridge: str, old: OvsRow, current: Optional[OvsRow]) -> list[Command]:
    """A port with other interfaces is made anew; a bridge's own port comes with it."""
    names = [each.name for each in old.rows]
    is_another = current is None or [each.name for each in current.rows] != names
    parts: list[Command] = []
    if is_another and old.name != bridge:
        parts += [("--if-exists", "del-port", bridge, old.name), _add(bridge, old.name, names)]
        current = None
    current = current or OvsRow(old.name)
    parts += _all_columns("Port", current, old)
    for each in old.rows:
        parts += _all_columns("Interface", current.row(each.name) or _fresh(each, bridge), each)
    return parts


def _add(bridge: str, port: str, interfaces: list[str]) -> Command:
    return ("add-bond", bridge, port, *interfaces) if len(interfaces) > 1 else ("add-port", bridge, port)


def _fresh(interface: OvsRow, bridge: str) -> OvsRow:
    """What ovs-vsctl makes: a bridge's own interface is internal."""
    own = tuple(pair for pair in interface.columns if pair[0] == "type" and interface.name == bridge)
    return OvsRow(interface.name, own)


def _all_columns(table: str, found: OvsRow, wanted: OvsRow) -> list[Command]:
    columns = dict.fromkeys([*dict(wanted.columns), *dict(found.columns)])
    commands: list[Command] = []
    for column in columns:
        old, new = found.value(column), wanted.value(column)
        if new and new != old:
            commands.append(("set", table, wanted.name, f"{column}={new}"))
        if old and not new:
            commands.append(("clear", table, wanted.name, column))
    return commands
