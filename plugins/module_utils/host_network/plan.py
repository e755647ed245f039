# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(wanted bridges, files and links as they are) -> what must change. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import FOLDER, MAIN_FILE, OWN_FILE, Bridge, Link, Wanted
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ifupdown

# A port counts as physical for the agent only if its name matches (LibvirtComputingResource.java:2001-2032).
PHYSICAL = re.compile(r"(eth|bond|vlan|vx|em|ens|eno|enp|team|enx|dummy|lo|vni|enc)|p\d+p\d+")
_MOVE_STANZAS = (
    "move its stanzas to " + MAIN_FILE + " and remove {path}; where cloud-init wrote it, first tell it to leave the network alone: write "
    "'network: {{config: disabled}}' to /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg. Nothing was changed"
)
LONGEST_NAME = 15  # IFNAMSIZ without its zero byte
LONGEST_VLAN_PORT = 8  # br<port>-<vlan> with a four-digit VLAN must fit (issues 10883, 10884, 9905)


def check(bridges: Sequence[Bridge], links: Mapping[str, Link]) -> None:
    """Raise InputError for what cannot work, before anything is touched."""
    names = [bridge.name for bridge in bridges]
    ports = [bridge.port for bridge in bridges]
    for bridge in bridges:
        if names.count(bridge.name) > 1 or ports.count(bridge.port) > 1:
            raise InputError(f"bridge {bridge.name} or its port {bridge.port} is declared twice", next_step="give each bridge its own port")
        _check_names(bridge)
        _check_port(bridge, links)
        _check_address(bridge)
        _check_lease(bridge, links)
    if sum(bridge.gateway is not None for bridge in bridges) > 1:
        raise InputError("more than one bridge has a gateway", next_step="keep the one of the default route")


def _check_names(bridge: Bridge) -> None:
    if len(bridge.name) > LONGEST_NAME or not re.fullmatch(r"[A-Za-z0-9_.-]+", bridge.name):
        raise InputError("a bridge name is not usable", expected=f"at most {LONGEST_NAME} letters, digits, - _ .", observed=bridge.name)
    if not PHYSICAL.match(bridge.port):
        raise InputError(
            f"the port {bridge.port} of {bridge.name} would not count as physical for CloudStack's agent",
            expected="a name that begins with eth, bond, vlan, em, ens, eno, enp, team, enx, enc, or like p1p1",
            observed=bridge.port,
            next_step="rename the NIC by a systemd .link file, or put a bond of one port under the bridge",
        )
    if len(bridge.port) > LONGEST_VLAN_PORT:
        raise InputError(
            f"the port {bridge.port} of {bridge.name} is too long for VLAN networks",
            expected=f"at most {LONGEST_VLAN_PORT} letters, because br{bridge.port}-4095 must fit into {LONGEST_NAME}",
            observed=f"{len(bridge.port)} letters",
            next_step="rename the NIC by a systemd .link file, or put a short-named bond under the bridge",
        )
    if not 576 <= bridge.mtu <= 65535:
        raise InputError(f"the MTU of {bridge.name} makes no sense", expected="576 to 65535 bytes", observed=bridge.mtu)


def _check_port(bridge: Bridge, links: Mapping[str, Link]) -> None:
    if bridge.port not in links:
        there = ", ".join(sorted(name for name, link in links.items() if link.kind not in ("bridge", "loopback", "tun")))
        raise InputError(
            f"the port {bridge.port} of {bridge.name} does not exist",
            expected=bridge.port,
            observed=f"network interfaces {there}",
            next_step="correct network_bridge_bridges; nothing was changed",
            reproduce="ip -br link",
        )
    master = links[bridge.port].master
    if master not in (None, bridge.name):
        raise InputError(f"the port {bridge.port} of {bridge.name} belongs to {master} already", next_step="take it out of there first")
    if bridge.name in links and links[bridge.name].kind != "bridge":
        raise InputError(f"{bridge.name} exists and is no bridge", observed=links[bridge.name].kind)


def _check_address(bridge: Bridge) -> None:
    if bridge.address in (None, "dhcp"):
        if bridge.gateway:
            raise InputError(f"{bridge.name} has a gateway but no static address")
        return
    try:
        network = ipaddress.ip_interface(bridge.address).network
        inside = bridge.gateway is None or ipaddress.ip_address(bridge.gateway) in network
    except ValueError as error:
        raise InputError(f"the address of {bridge.name} is not usable", expected="address/prefix", observed=bridge.address) from error
    if "/" not in bridge.address or not inside:
        raise InputError(
            f"address and gateway of {bridge.name} do not fit",
            expected="address/prefix, and the gateway in its subnet",
            observed=f"{bridge.address}, {bridge.gateway}",
        )


def stanza(bridge: Bridge) -> str:
    """What the own file says of a bridge and its port."""
    method = "dhcp" if bridge.address == "dhcp" else "static" if bridge.address else "manual"
    lines = [f"auto {bridge.port}", f"iface {bridge.port} inet manual", f"    mtu {bridge.mtu}", ""]
    lines += [f"auto {bridge.name}", f"iface {bridge.name} inet {method}"]
    if method == "static":
        lines.append(f"    address {bridge.address}")
    if bridge.gateway:
        lines.append(f"    gateway {bridge.gateway}")
    lines += [f"    bridge_ports {bridge.port}", "    bridge_stp off", "    bridge_fd 0", "    bridge_maxwait 0", f"    mtu {bridge.mtu}", ""]
    return "\n".join(lines)


def check_other_files(bridges: Sequence[Bridge], others: Mapping[str, str]) -> None:
    """Raise InputError where a file that somebody else writes (path -> text) configures a bridge or its port: ifupdown would
    do both, and cloud-init writes its file again."""
    for path, text in sorted(others.items()):
        for bridge in bridges:
            found = ifupdown.stanzas(text, (bridge.name, bridge.port))
            if found:
                raise InputError(
                    f"{path} configures {bridge.port}, the port of {bridge.name}",
                    expected=f"a port without a stanza, or with one in {MAIN_FILE}, which the role takes out there",
                    observed="; ".join(found),
                    next_step=_MOVE_STANZAS.format(path=path),
                    reproduce=f"grep -n {bridge.port} {path}",
                )


def _check_lease(bridge: Bridge, links: Mapping[str, Link]) -> None:
    """A lease goes with the port's DHCP client. Kept are a bridge that asks for one itself, and the same address made static."""
    kept = (bridge.address or "").partition("/")[0]
    lost = [address for address in links[bridge.port].leased if address.partition("/")[0] != kept]
    if lost and bridge.address != "dhcp":
        raise InputError(
            f"{bridge.port}, the port of {bridge.name}, has its address from a DHCP server, and the bridge would take it away",
            expected=f"{bridge.name} with that address, or none on the port",
            observed=f"{', '.join(lost)} on {bridge.port}, address {bridge.address or 'none'} declared for {bridge.name}",
            next_step=f"declare {lost[0]} as the address of {bridge.name} and keep it out of the DHCP server's range; nothing was changed",
            reproduce=f"ip address show dev {bridge.port}",
        )


def plan_bridges(
    bridges: Sequence[Bridge],
    main_text: str,
    own_text: str,
    links: Mapping[str, Link],
    *,
    gateways: Optional[Mapping[str, str]] = None,
    others: Optional[Mapping[str, str]] = None,
) -> Wanted:
    """What must change: the two files, and the bridges that are not as declared. `gateways` are those of the default routes, by device;
    `others` are the files besides in the folder that ifupdown reads.

    Files and links are judged apart, so that a run which ended between the two is finished by the next. Raises InputError.
    """
    check(bridges, links)
    check_other_files(bridges, others or {})
    names = [name for bridge in bridges for name in (bridge.name, bridge.port)]
    main = ifupdown.without(main_text, names)
    if bridges and not ifupdown.sources_folder(main, FOLDER):
        main = f"{main.rstrip()}\n\nsource {FOLDER}/*\n".lstrip("\n")
    head = "# Written by Ansible (cloudstack.kvm.network_bridge). Bridges and their ports, and nothing else.\n\n"
    own = head + "\n".join(stanza(bridge) for bridge in bridges) if bridges else own_text
    files = {path: text for path, text, now in ((MAIN_FILE, main, main_text), (OWN_FILE, own, own_text)) if text != now}
    rebuild = tuple(bridge for bridge in bridges if not _is_built(bridge, links))
    resize = tuple(bridge for bridge in bridges if bridge not in rebuild and not _is_sized(bridge, links))
    olds = {MAIN_FILE: main_text, OWN_FILE: own_text}
    changes = [Change("change" if olds[path] else "create", path, before=olds[path], after=text) for path, text in files.items()]
    changes += [Change("build", bridge.name, before=_shown(links.get(bridge.name), links), after=_declared(bridge)) for bridge in rebuild]
    changes += [Change("resize", bridge.name, before=_shown(links.get(bridge.name), links), after=_declared(bridge)) for bridge in resize]
    reroute = tuple(
        (bridge, gateways.get(bridge.name)) for bridge in bridges if gateways is not None and bridge not in rebuild and _lacks_gateway(bridge, gateways)
    )
    changes += [Change("route", bridge.name, before={"gateway": old or "none"}, after={"gateway": bridge.gateway}) for bridge, old in reroute]
    return Wanted(Plan.of(changes), files, rebuild, resize, reroute)


def guests_on(bridges: Sequence[Bridge], links: Mapping[str, Link]) -> list[str]:
    """Ports of guests on bridges that would be rebuilt: taking the bridge down would cut them off."""
    names = {bridge.name: bridge.port for bridge in bridges}
    return sorted(link.name for link in links.values() if link.master in names and link.name != names[link.master])


def _is_built(bridge: Bridge, links: Mapping[str, Link]) -> bool:
    link, port = links.get(bridge.name), links[bridge.port]
    if link is None or not link.up or port.master != bridge.name or not port.up:
        return False
    if bridge.address == "dhcp":
        return bool(link.addresses)
    return bridge.address is None or bridge.address in link.addresses


def _lacks_gateway(bridge: Bridge, gateways: Mapping[str, str]) -> bool:
    """A default route over another device is somebody else's, and stays."""
    if bridge.gateway is None or (gateways and bridge.name not in gateways):
        return False
    return gateways.get(bridge.name) != bridge.gateway


def _is_sized(bridge: Bridge, links: Mapping[str, Link]) -> bool:
    return links[bridge.name].mtu == bridge.mtu == links[bridge.port].mtu


def _declared(bridge: Bridge) -> dict:
    return {"port": bridge.port, "mtu": bridge.mtu, "address": bridge.address or "none"}


def _shown(link: Link | None, links: Mapping[str, Link]) -> dict:
    if link is None:
        return {}
    ports = ", ".join(sorted(port.name for port in links.values() if port.master == link.name))
    return {"port": ports or "none", "mtu": link.mtu, "address": ", ".join(link.addresses) or "none"}
