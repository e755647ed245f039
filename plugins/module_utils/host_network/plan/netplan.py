# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared bridges, the files that netplan reads) -> the files that declare them, and back. Pure.

The definition of a port moves, whole, from wherever it stands to the own file; what it says of addresses, routes and
name servers goes to the bridge there. Source: netplan-yaml(5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import netplan as parse
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import cloud_init

OWN_FILE = "/etc/netplan/90-cloudstack-kvm.yaml"
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge). Bridges and their ports, and nothing else.\n"
_PORT_KINDS = ("ethernets", "bonds", "vlans")
# Written by cloud-init and by Ubuntu's installer, which leaves the network to cloud-init or does not.
_GENERATED = ("50-cloud-init.yaml", "00-installer-config.yaml")
# What concerns IP belongs to the bridge once the interface is its port; all else (match, set-name, offloads, bond
# parameters) stays with the port.
_OF_IP = (
    "addresses",
    "accept-ra",
    "dhcp4",
    "dhcp4-overrides",
    "dhcp6",
    "dhcp6-overrides",
    "dhcp-identifier",
    "gateway4",
    "gateway6",
    "ipv6-address-generation",
    "ipv6-address-token",
    "ipv6-mtu",
    "ipv6-privacy",
    "link-local",
    "nameservers",
    "optional",
    "optional-addresses",
    "critical",
    "routes",
    "routing-policy",
)
_TRUE = ("true", "yes", "y", "on")


def render(bridges: Sequence[Bridge], files: Files, macs: Mapping[str, str]) -> dict[str, str]:
    """The files that change. `macs` are the hardware addresses of the ports, as far as they are known: a bridge that
    asks for a lease keeps that of its port. Raises InputError for what would be lost or written again."""
    if not bridges:
        return {}
    whole = parse.network(files)
    _refuse_renderer(whole)
    changed = dict(files)
    own: dict[str, Any] = {"version": "2"}
    for bridge in bridges:
        kind, port = find_port(bridge.port, whole, macs)
        _refuse_used_elsewhere(bridge, port, whole)
        old_port = whole.get(kind, {}).get(port) or {}
        old_bridge = whole.get("bridges", {}).get(bridge.name) or {}
        _refuse_options(bridge, port, old_port, old_bridge)
        own.setdefault(kind, {})[port] = _port(bridge, old_port)
        own.setdefault("bridges", {})[bridge.name] = _bridge(bridge, port, old_port, old_bridge, macs)
        for where in ((kind, port), ("bridges", bridge.name)):
            _take_out(changed, where, bridge)
    changed[OWN_FILE] = _HEAD + parse.dump({"network": own})
    return {path: text for path, text in changed.items() if text != files.get(path)}


def declared(files: Files) -> list[Bridge]:
    """The bridges of one port that the files declare."""
    whole = parse.network(files)
    found = [(name, each) for name, each in (whole.get("bridges") or {}).items() if isinstance(each, dict)]
    return [_read(name, each, whole) for name, each in found if len(each.get("interfaces") or []) == 1]


def _read(name: str, found: Mapping[str, Any], whole: Mapping[str, Any]) -> Bridge:
    mtu = found.get("mtu", "")
    address = _ipv4(found)[0] if _ipv4(found) else None
    gateways = [found.get("gateway4"), *(route.get("via") for route in found.get("routes") or [] if is_default(route))]
    return Bridge(
        name,
        _link_name(found["interfaces"][0], whole),
        int(mtu) if mtu.isdigit() else 1500,
        "dhcp" if _true(found.get("dhcp4")) else address,
        next((each for each in gateways if each), None),
    )


def _link_name(port: str, whole: Mapping[str, Any]) -> str:
    """The interface that a definition names."""
    found = next((whole[kind][port] for kind in _PORT_KINDS if port in (whole.get(kind) or {})), None) or {}
    match_name = (found.get("match") or {}).get("name", "")
    return str(found.get("set-name") or (match_name if match_name and not _is_pattern(match_name) else port))


def find_port(port: str, whole: Mapping[str, Any], macs: Mapping[str, str]) -> tuple[str, str]:
    """Kind and id of the definition of an interface, ("ethernets", its name) where there is none yet.

    Raises InputError for a definition that is for other interfaces too.
    """
    for kind in _PORT_KINDS:
        for name, found in (whole.get(kind) or {}).items():
            if _is_definition_of(port, name, found or {}, macs):
                return kind, name
    return "ethernets", port


def _is_definition_of(port: str, name: str, found: Mapping[str, Any], macs: Mapping[str, str]) -> bool:
    match = found.get("match")
    if not match or found.get("set-name"):
        return (found.get("set-name") or name) == port
    pattern, mac = match.get("name", ""), match.get("macaddress", "").lower()
    if _is_pattern(pattern) and fnmatchcase(port, pattern) and (not mac or mac == macs.get(port)):
        raise InputError(
            f"netplan's definition {name} is for all interfaces {pattern}, {port} being one of them",
            expected=f"a definition for {port} alone, or none",
            observed=f"match: name: {pattern}",
            next_step=f"define the interfaces one by one, or narrow the pattern so that {port} is not in it; nothing "
            "was changed",
            reproduce=f"netplan get network.ethernets.{name}",
        )
    if pattern:
        return bool(pattern == port)
    return mac == macs.get(port) if mac else False


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def configured(files: Files) -> dict[str, str]:
    """Interface or id that the files configure -> the file that does so last."""
    found: dict[str, str] = {}
    for path in parse.in_order(files):
        tree = parse.load(files[path], path).get("network") or {}
        for kind, names in tree.items():
            for name in names if isinstance(names, dict) else ():
                found[_link_name(name, {kind: names})] = path
    return found


def _refuse_renderer(whole: Mapping[str, Any]) -> None:
    definitions = [each for kind in _PORT_KINDS for each in (whole.get(kind) or {}).values() if isinstance(each, dict)]
    renderers = {whole.get("renderer", "networkd"), *(each.get("renderer", "networkd") for each in definitions)}
    if "NetworkManager" in renderers:
        raise InputError(
            "netplan hands interfaces to NetworkManager, which the role does not support behind netplan",
            expected="renderer: networkd, netplan's default, for the interfaces of a KVM host",
            observed="renderer: NetworkManager",
            next_step="set renderer: networkd in /etc/netplan, or take netplan's files away and use "
            "network_bridge_backend: networkmanager; nothing was changed",
            reproduce="netplan get network",
        )


def _refuse_used_elsewhere(bridge: Bridge, port: str, whole: Mapping[str, Any]) -> None:
    groups = [(name, each) for kind in ("bonds", "bridges") for name, each in (whole.get(kind) or {}).items()]
    others = [name for name, each in groups if name != bridge.name and port in ((each or {}).get("interfaces") or [])]
    if others:
        raise InputError(
            f"netplan has {bridge.port}, the port of {bridge.name}, in {others[0]}",
            expected="a port that is in nothing else",
            observed=f"{others[0]}: interfaces: [..., {port}]",
            next_step=f"take it out of {others[0]}, or declare {others[0]} as the port; nothing was changed",
            reproduce="netplan get network",
        )


def _refuse_options(bridge: Bridge, port_id: str, port: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    """What neither the port nor the bridge could say any more."""
    lost = ["openvswitch"] if "openvswitch" in port or "openvswitch" in old else []
    lost += ["parameters: stp: true"] if _true((old.get("parameters") or {}).get("stp")) else []
    ports = old.get("interfaces") or []
    lost += [f"interfaces: {each}" for each in ports if each != port_id and len(ports) > 1]
    if len(_ipv4(port)) > 1 and bridge.address not in _ipv4(port):
        lost.append(f"addresses: {', '.join(_ipv4(port))}, of which one at most is replaced")
    routes = [route for route in [*(port.get("routes") or []), *(old.get("routes") or [])] if is_default(route)]
    replaced = [route for route in routes if route.get("via") != bridge.gateway]
    lost += [f"routes: {_words(route)}" for route in replaced if set(route) - {"to", "via"}]
    if lost:
        raise InputError(
            f"netplan says more of {bridge.port} or {bridge.name} than the declared bridge keeps; nothing was changed",
            expected="one port, no spanning tree, no Open vSwitch; other options move to the bridge by themselves",
            observed="; ".join(lost),
            next_step=f"take these options out of /etc/netplan, or declare what they say for {bridge.name}",
            reproduce=f"grep -rn -A 12 {bridge.port} /etc/netplan",
        )


def _words(route: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in route.items())


def _port(bridge: Bridge, old: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in old.items() if key not in _OF_IP and key != "mtu"}
    return {**rest, "mtu": str(bridge.mtu)}


def _bridge(
    bridge: Bridge, port: str, old_port: Mapping[str, Any], old: Mapping[str, Any], macs: Mapping[str, str]
) -> dict[str, Any]:
    """What the own file says of a bridge: what is declared, and what port and bridge said of IP beside that."""
    said = {key: value for key, value in old_port.items() if key in _OF_IP}
    rest = parse.merge(said, old)
    new: dict[str, Any] = {"interfaces": [port], "mtu": str(bridge.mtu)}
    if bridge.address == "dhcp":
        new["dhcp4"] = "true"
        if bridge.port in macs:  # as the port's, so that the server gives the same address
            new |= {"macaddress": macs[bridge.port], "dhcp-identifier": rest.get("dhcp-identifier", "mac")}
    addresses = _addresses(bridge, old_port, old)
    routes = _routes(bridge, rest.get("routes") or [])
    new |= {key: value for key, value in (("addresses", addresses), ("routes", routes)) if value}
    parameters = {**(old.get("parameters") or {}), "stp": "false", "forward-delay": "0"}
    gone = {"addresses", "routes", "dhcp4", "gateway4", "parameters", "macaddress", *new}
    kept = {key: value for key, value in rest.items() if key not in gone}
    if bridge.address != "dhcp":
        kept.pop("dhcp4-overrides", None)
        kept.pop("dhcp-identifier", None) if not _true(rest.get("dhcp6")) else None
    return {**new, **kept, "parameters": parameters}


def _addresses(bridge: Bridge, port: Mapping[str, Any], old: Mapping[str, Any]) -> list[Any]:
    """The declared one first; the first of the bridge's so far, or the one of the port's, is what it replaces."""
    before = [*_ipv4(old)[:1], *(_ipv4(port) if len(_ipv4(port)) == 1 else [])]
    every = parse.merge(old.get("addresses") or [], port.get("addresses") or [])
    replaced = {*before, bridge.address}
    rest = [each for each in every if _text(each) not in replaced]
    same = [each for each in every if _text(each) == bridge.address]  # with its label, where it has one
    first = [] if bridge.address in (None, "dhcp") else (same[:1] or [bridge.address])
    return [*first, *rest]


def _routes(bridge: Bridge, old: Sequence[Mapping[str, Any]]) -> list[Any]:
    rest = [route for route in old if not is_default(route)]
    same = [route for route in old if is_default(route) and route.get("via") == bridge.gateway]
    if not bridge.gateway:
        return rest
    return [*(same[:1] or [{"to": "0.0.0.0/0", "via": bridge.gateway}]), *rest]


def is_default(route: Mapping[str, Any]) -> bool:
    """Whether it is the IPv4 default route of the table main."""
    return (
        route.get("to") in ("default", "0.0.0.0/0", "0/0")
        and ":" not in str(route.get("via", ""))
        and route.get("table", "254") == "254"
    )


def _ipv4(found: Mapping[str, Any]) -> list[str]:
    return [_text(each) for each in found.get("addresses") or [] if ":" not in _text(each)]


def _text(address: Any) -> str:
    """An address with options is a mapping of one key."""
    return str(next(iter(address))) if isinstance(address, Mapping) else str(address)


def _true(value: Optional[str]) -> bool:
    return str(value).lower() in _TRUE


def _take_out(files: dict[str, str], where: tuple[str, str], bridge: Bridge) -> None:
    """Take a definition out of all files but the own one. Raises InputError for one that comes back by itself."""
    kind, name = where
    for path in parse.in_order(files):
        tree = parse.load(files[path], path).get("network") or {}
        if path == OWN_FILE or name not in (tree.get(kind) or {}):
            continue
        if posixpath.dirname(path) != "/etc/netplan":
            raise InputError(
                f"{path} configures {name}, of the bridge {bridge.name}; another program writes that file",
                expected="definitions in /etc/netplan, which the role takes out there",
                observed=f"network: {kind}: {name}",
                next_step=f"copy it to /etc/netplan under the same name, take {name} out there, and see what writes "
                f"{path}; nothing was changed",
                reproduce=f"grep -n {name} {path}",
            )
        if posixpath.basename(path) in _GENERATED:
            cloud_init.require_switched_off(files, path, name, bridge)
        files[path] = parse.without(files[path], path, kind, name)
