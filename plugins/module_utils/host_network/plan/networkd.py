# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared bridges, systemd-networkd's files) -> the files that declare them, and back. Pure.

Of all .network files that match a link networkd takes the first by name. So the own files come first, say what the file
said that they stand before, and that one stays as it is, for whatever else it matches. Source: systemd.network(5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import cloud_init

FOLDER = "/etc/systemd/network"
# The same name in an earlier one hides that in a later one.
FOLDERS = (FOLDER, "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network")
_OWN = "00-cloudstack-kvm-"
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge).\n"
# What stays with the port; all else that [Network] says is of IP, and goes to the bridge.
_OF_PORT = ("VLAN", "MACVLAN", "MACVTAP", "IPVLAN", "Xfrm", "LLDP", "EmitLLDP", "Description", "IgnoreCarrierLoss")
_MASTERS = ("Bond", "VRF", "BatmanAdvanced")
_TRUE = ("yes", "true", "on", "1")
_UNITS = {"K": 1024, "M": 1024**2}
Section = tuple[str, list[keyfile.Entry]]


def render(bridges: Sequence[Bridge], files: Files, macs: Mapping[str, str]) -> dict[str, str]:
    """The files that change. `macs` are the hardware addresses of the ports, as far as they are known. Raises
    InputError for what would be lost."""
    new: dict[str, str] = {}
    for bridge in bridges:
        own_port, own_bridge = own_path(f"{bridge.name}-port.network"), own_path(f"{bridge.name}.network")
        of_port = [path for path in networks(files) if _matches(bridge.port, _whole(files, path), macs)]
        of_bridge = [path for path in networks(files) if _is_for(bridge.name, files[path])]
        old_port = _sections(files, _first(bridge.port, of_port, files, own_port))
        old_bridge = _sections(files, _first(bridge.name, of_bridge, files, own_bridge))
        old = old_bridge or [each for each in old_port if each[0] not in ("Match", "Link")]
        _refuse_masters(bridge, old_port)
        _refuse_lost(bridge, old)
        new[own_port] = _HEAD + _text(_port(bridge, old_port))
        new[own_bridge] = _HEAD + _text(_network(bridge, old))
        new[own_path(f"{bridge.name}.netdev")] = _HEAD + _text(_netdev(bridge, macs))
    return {path: text for path, text in new.items() if text != files.get(path)}


def own_path(name: str) -> str:
    return f"{FOLDER}/{_OWN}{name}"


def networks(files: Files) -> list[str]:
    """The .network files in the order in which networkd tries them."""
    found = [path for path in files if posixpath.dirname(path) in FOLDERS and path.endswith(".network")]
    return sorted(found, key=posixpath.basename)


def _first(link: str, found: Sequence[str], files: Files, own: str) -> str:
    """Of the files that match a link the one that it has, "" without one. Raises InputError for one that comes before
    the own file, or that cloud-init would write again."""
    if not found:
        return ""
    path = found[0]
    if posixpath.basename(path) < posixpath.basename(own):
        raise InputError(
            f"{path} configures {link}, and its name comes before those of the role's files",
            expected=f"a name that sorts behind {posixpath.basename(own)}",
            observed=path,
            next_step=f"rename it to 10-{posixpath.basename(path)}; nothing was changed",
            reproduce="networkctl status " + link,
        )
    if posixpath.basename(path).startswith("10-cloud-init-"):
        cloud_init.require_switched_off(files, path, link, Bridge(link, link))
    return path


def _whole(files: Files, path: str) -> str:
    """A file with its drop-ins, which are read behind it."""
    folder = f"{posixpath.basename(path)}.d"
    found = {posixpath.basename(each): each for each in sorted(files, reverse=True) if _is_drop_in(each, folder)}
    return "\n".join([files[path], *(files[found[name]] for name in sorted(found))])


def _is_drop_in(path: str, folder: str) -> bool:
    above = posixpath.dirname(path)
    return posixpath.basename(above) == folder and posixpath.dirname(above) in FOLDERS


def _sections(files: Files, path: str) -> list[Section]:
    return keyfile.sections(_whole(files, path)) if path else []


def _matches(link: str, text: str, macs: Mapping[str, str]) -> bool:
    """As far as names, hardware addresses and kinds of links decide. A file that matches by something else counts as
    matching: what it says is kept then."""
    asked = dict(keyfile.entries(text, "Match"))
    if asked.get("Type", "ether") != "ether" or asked.get("Kind", "bridge") != "bridge" or not asked:
        return False
    names = asked.get("Name", "").split()
    if names and not _is_named(link, names):
        return False
    wanted = f"{asked.get('MACAddress', '')} {asked.get('PermanentMACAddress', '')}".lower().split()
    return not wanted or macs.get(link, "") in wanted


def _is_for(bridge: str, text: str) -> bool:
    """Whether a file names a bridge. One for links of all names is not what is said of it."""
    return bridge in keyfile.value(text, "Match", "Name").split()


def _is_named(link: str, patterns: Sequence[str]) -> bool:
    """A ! before the first pattern turns all around (systemd.network(5), Name=)."""
    plain = [pattern.lstrip("!") for pattern in patterns]
    return any(fnmatchcase(link, pattern) for pattern in plain) != patterns[0].startswith("!")


def configured(files: Files) -> dict[str, str]:
    """Names and patterns of links -> the .network file for them, without those that netplan writes and those that came
    with systemd."""
    found: dict[str, str] = {}
    for path in networks(files):
        written = not path.startswith("/usr/") and not posixpath.basename(path).startswith("10-netplan-")
        names = keyfile.value(files[path], "Match", "Name").split() if written else []
        found.update({name: path for name in names if not name.startswith("!")})
    return found


def declared(files: Files) -> list[Bridge]:
    """The bridges of one port that the files declare."""
    netdevs = [text for path, text in files.items() if path.endswith(".netdev")]
    names = [keyfile.value(text, "NetDev", "Name") for text in netdevs if _is_bridge(text)]
    found = []
    for name in names:
        ports = [path for path in networks(files) if keyfile.value(files[path], "Network", "Bridge") == name]
        path = next((path for path in networks(files) if _is_for(name, files[path])), "")
        if len(ports) == 1 and path:
            found.append(_read(name, keyfile.value(files[ports[0]], "Match", "Name"), _sections(files, path)))
    return found


def _is_bridge(text: str) -> bool:
    return keyfile.value(text, "NetDev", "Kind") == "bridge"


def _read(name: str, port: str, found: Sequence[Section]) -> Bridge:
    addresses = _ipv4(found)
    gateways = [value for key, value in _of(found, "Network") if key == "Gateway" and ":" not in value]
    gateways += [dict(each).get("Gateway", "") for section, each in found if section == "Route" and _is_default(each)]
    dhcp = dict(_of(found, "Network")).get("DHCP", "").lower() in (*_TRUE, "ipv4")
    return Bridge(
        name,
        port,
        _bytes(dict(_of(found, "Link")).get("MTUBytes", "")),
        "dhcp" if dhcp else next(iter(addresses), None),
        next(iter(gateways), None),
    )


def _bytes(text: str) -> int:
    """A size as systemd has it, 1500 without one."""
    number, factor = text.rstrip("KM"), _UNITS.get(text[-1:], 1)
    return int(number) * factor if number.isdigit() else 1500


def _of(found: Sequence[Section], name: str) -> list[keyfile.Entry]:
    return [entry for section, each in found if section == name for entry in each]


def _ipv4(found: Sequence[Section]) -> list[str]:
    every = [value for name, each in found if name in ("Network", "Address") for key, value in each if key == "Address"]
    return [value for value in every if ":" not in value]


def _is_default(route: Sequence[keyfile.Entry]) -> bool:
    """Whether it is the IPv4 default route of the table main."""
    said = dict(route)
    inside = said.get("Table", "main") in ("main", "254")
    return inside and said.get("Destination", "0.0.0.0/0") == "0.0.0.0/0" and ":" not in said.get("Gateway", ":")


def _refuse_masters(bridge: Bridge, port: Sequence[Section]) -> None:
    said = [(key, value) for key, value in _of(port, "Network") if key in _MASTERS or key == "Bridge"]
    others = [f"{key}={value}" for key, value in said if (key, value) != ("Bridge", bridge.name)]
    if others:
        raise InputError(
            f"networkd has {bridge.port}, the port of {bridge.name}, in something else",
            expected="a port that is in nothing else",
            observed="; ".join(others),
            next_step="take that line out, or declare what the port is in as the port; nothing was changed",
            reproduce=f"networkctl status {bridge.port}",
        )


def _refuse_lost(bridge: Bridge, old: Sequence[Section]) -> None:
    lost = []
    before = _ipv4(old)
    if len(before) > 1 and bridge.address not in before and not _is_own(old):
        lost += [f"Address={each}" for each in before]
    for name, each in old:
        said = dict(each)
        if name == "Route" and _is_default(each) and said["Gateway"] != bridge.gateway and set(said) - {"Gateway"}:
            lost += [f"{key}={value}" for key, value in each]
        if name == "Address" and said.get("Address") == (before or [""])[0] != bridge.address and len(said) > 1:
            lost += [f"{key}={value}" for key, value in each]
    if lost:
        raise InputError(
            f"networkd's files say more of {bridge.port} or {bridge.name} than the declared bridge keeps; "
            "nothing was changed",
            expected="one IPv4 address, and a default route without options, or those that are declared",
            observed="; ".join(lost),
            next_step=f"take these lines out, or declare what they say for {bridge.name}",
            reproduce=f"networkctl status {bridge.port}",
        )


def _is_own(found: Sequence[Section]) -> bool:
    """The bridge's own file so far, whose first address is the declared one."""
    return any(name == "Match" for name, _each in found)


def _port(bridge: Bridge, old: Sequence[Section]) -> list[Section]:
    link = [entry for entry in _of(old, "Link") if entry[0] != "MTUBytes"]
    kept = [entry for entry in _of(old, "Network") if entry[0] in _OF_PORT]
    return [
        ("Match", [("Name", bridge.port)]),
        ("Link", [("MTUBytes", str(bridge.mtu)), *link]),
        ("Network", [("Bridge", bridge.name), *kept]),
    ]


def _network(bridge: Bridge, old: Sequence[Section]) -> list[Section]:
    """What is declared, and what was said beside that of IP, of the port or of the bridge so far."""
    of_link = [entry for entry in _of(old, "Link") if entry[0] != "MTUBytes"]
    replaced = {*_ipv4(old)[:1], bridge.address}
    if bridge.address in _ipv4(old) and not _is_own(old):
        replaced = {bridge.address}
    said = [entry for entry in _of(old, "Network") if entry[0] not in ("DHCP", "Bridge", *_OF_PORT)]
    said = [entry for entry in said if not (entry[0] == "Address" and entry[1] in replaced)]
    said = [entry for entry in said if not (entry[0] == "Gateway" and ":" not in entry[1])]
    sections = [each for each in old if each[0] not in ("Match", "Link", "Network")]
    sections = [each for each in sections if _stays(each, replaced, bridge)]
    of_ip = [("DHCP", _dhcp(bridge, old))]
    static = bridge.address not in (None, "dhcp")
    of_ip += [("Address", str(bridge.address))] if static and bridge.address not in _ipv4(sections) else []
    routed = any(name == "Route" and _is_default(each) for name, each in sections)
    of_ip += [("Gateway", bridge.gateway)] if bridge.gateway and not routed else []
    head = [("Match", [("Name", bridge.name)]), ("Link", [("MTUBytes", str(bridge.mtu)), *of_link])]
    return [*head, ("Network", of_ip + said), *sections]


def _stays(section: Section, replaced: set[Optional[str]], bridge: Bridge) -> bool:
    name, each = section
    if name == "Address":
        address = dict(each).get("Address")
        return address == bridge.address or address not in replaced
    return not (name == "Route" and _is_default(each)) or dict(each)["Gateway"] == bridge.gateway


def _dhcp(bridge: Bridge, old: Sequence[Section]) -> str:
    six = dict(_of(old, "Network")).get("DHCP", "").lower() in (*_TRUE, "ipv6")
    four = bridge.address == "dhcp"
    return {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6", (False, False): "no"}[(four, six)]


def _netdev(bridge: Bridge, macs: Mapping[str, str]) -> list[Section]:
    """A bridge that asks for a lease has the hardware address of its port, so that the server gives it the same."""
    same = bridge.address == "dhcp" and bridge.port in macs
    mac = [("MACAddress", macs[bridge.port])] if same else []
    given = [("Name", bridge.name), ("Kind", "bridge"), ("MTUBytes", str(bridge.mtu)), *mac]
    return [("NetDev", given), ("Bridge", [("STP", "no"), ("ForwardDelaySec", "0")])]


def _text(sections: Sequence[Section]) -> str:
    return "\n".join(keyfile.section_text(name, each) for name, each in sections)
