# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A device as the diff of a change shows it: declared, and as it was measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bond,
    Bridge,
    Device,
    Link,
    OvsRow,
    Vlan,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.ovs import wanted_port


def declared_values(device: Device) -> dict[str, Any]:
    """The part of a declaration that a change of the device can alter, by the words of the diff."""
    if isinstance(device, Bond):
        return {"ports": ", ".join(device.ports), "mode": device.mode, "mtu": device.mtu}
    if isinstance(device, Vlan):
        return {"parent": device.parent, "vlan": device.id, "protocol": device.protocol, "mtu": device.mtu}
    shown = {"port": ", ".join(device.links), "mtu": device.mtu, "address": device.address or "none"}
    return {**shown, **(_ovs_values(device) if device.ovs else {})}


def _ovs_values(bridge: Bridge) -> dict[str, Any]:
    port, tag = wanted_port(bridge), bridge.ovs.tag if bridge.ovs else None
    return {**_port_values(port), "tag": str(tag or "none")}


def switch_values(switch: OvsRow) -> dict[str, Any]:
    """Its ports but those of guests are not told apart, so that all are shown that have a column of the declaration."""
    own = switch.row(switch.name)
    found: dict[str, Any] = {"tag": (own.value("tag") if own else "") or "none"}
    for port in switch.rows:
        if len(port.rows) > 1 or port.value("trunks"):
            found |= _port_values(port)
    return found


def _port_values(port: OvsRow) -> dict[str, Any]:
    return {column: port.value(column) for column in ("trunks", "bond_mode", "lacp") if port.value(column)}


def measured_values(link: Optional[Link], links: Mapping[str, Link]) -> dict[str, Any]:
    """The same of a link as the kernel tells it, with its ports among `links`; empty where there is no such link."""
    if link is None:
        return {}
    ports = ", ".join(sorted(port.name for port in links.values() if port.master == link.name))
    options = dict(link.options)
    if link.kind == "bond":
        return {"ports": ports or "none", "mode": options.get("mode", "unknown"), "mtu": link.mtu}
    if link.kind == "vlan":
        tag = {"vlan": options.get("id", "unknown"), "protocol": options.get("protocol", "unknown")}
        return {"parent": link.parent or "unknown", **tag, "mtu": link.mtu}
    return {"port": ports or "none", "mtu": link.mtu, "address": ", ".join(link.ipv4) or "none"}
