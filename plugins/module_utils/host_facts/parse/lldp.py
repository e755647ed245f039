# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`lldpctl -f json`: what the switch says to which interface."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json

SOURCE = "lldpctl -f json"


Neighbour = dict[str, Optional[str]]


def parse_neighbours(text: str) -> dict[str, Neighbour]:
    """Interface -> system, port and chassis of the first neighbour heard there. Raises ParseError."""
    return {name: heard[0] for name, heard in parse_all_neighbours(text).items()}


def parse_all_neighbours(text: str) -> dict[str, list[Neighbour]]:
    """Interface -> the same of all neighbours. Raises ParseError.

    lldpctl writes a list of one as the thing itself, so one interface looks otherwise than two.
    """
    tree = load_json(text, SOURCE)
    if not isinstance(tree, dict) or not isinstance(tree.get("lldp"), dict):
        raise ParseError(SOURCE, "no lldp", text=text)
    found: dict[str, list[Neighbour]] = {}
    for name, heard in _interfaces(tree["lldp"].get("interface")):
        found.setdefault(name, []).append(_neighbour(heard))
    return found


def _interfaces(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in part if isinstance(part, list) else [part]:
        for name, heard in each.items() if isinstance(each, dict) else ():
            if isinstance(heard, dict):
                yield name, heard


def _neighbour(heard: dict[str, Any]) -> Neighbour:
    chassis, port = _dict(heard.get("chassis")), _dict(heard.get("port"))
    # The chassis stands below the system's name, or directly there if the neighbour does not tell one.
    system = None if "id" in chassis else next(iter(chassis), None)
    identity = _dict(chassis.get("id") if system is None else _dict(chassis[system]).get("id"))
    number, description = _dict(port.get("id")), _text(port.get("descr"))
    # A port that names itself by its MAC says nothing to a reader; its description does.
    name = description if number.get("type") == "mac" and description else _text(number.get("value")) or description
    return {"system": system, "port": name, "chassis": _text(identity.get("value"))}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) else None
