# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared bridges, NetworkManager's keyfiles) -> the keyfiles that declare them, and back. Pure.

The profile of a port stays the profile of that port, whatever its type, and becomes part of the bridge; its sections
ipv4 and ipv6 go to the bridge's profile as a whole. Source: nm-settings-keyfile(5).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Optional
from uuid import NAMESPACE_DNS, uuid5

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import cloud_init

FOLDER = "/etc/NetworkManager/system-connections"
# The same name in an earlier one hides that in a later one (NetworkManager.conf(5), keyfile).
FOLDERS = (FOLDER, "/run/NetworkManager/system-connections", "/usr/lib/NetworkManager/system-connections")
IFCFG = "/etc/sysconfig/network-scripts"
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge).\n"
_ETHERNET = ("ethernet", "802-3-ethernet")
_OF_IP = ("ipv4", "ipv6", "proxy")
_NUMBERED = re.compile(r"address\d+")
# A default for a card without a profile ("Wired connection 1"), and what it took over as it was.
_BY_ITSELF = (("origin", "nm-auto-default"), ("nm-generated", "true"))
# What a profile without an IPv4 address must not have, so that it would be lost.
_NEEDS_ADDRESS = re.compile(r"(dns|dns-search|dns-options|route\d+(_options)?|routing-rule\d+)")


def keyfiles(files: Files) -> dict[str, str]:
    """Path -> text of the profiles that somebody has made: NetworkManager keeps some by itself for what has none."""
    found = {path: text for path, text in files.items() if posixpath.dirname(path) in FOLDERS}
    return {path: text for path, text in found.items() if not _made_by_itself(text)}


def _made_by_itself(text: str) -> bool:
    return any(entry in _BY_ITSELF for _name, found in keyfile.sections(text) for entry in found)


def render(bridges: Sequence[Bridge], files: Files, macs: Mapping[str, str]) -> dict[str, str]:
    """The files that change. `macs` are the hardware addresses of the ports, as far as they are known. Raises
    InputError for what would be lost or written again."""
    new: dict[str, str] = {}
    for bridge in bridges:
        _refuse_ifcfg(bridge, files)
        port_path = find_profile(bridge.port, files, macs) or own_path(f"{bridge.name}-port")
        bridge_path = find_profile(bridge.name, files, {}) or own_path(bridge.name)
        for path in (port_path, bridge_path):
            _refuse_generated(path, files, bridge)
        old_port = files.get(port_path, "")
        old_bridge = files.get(bridge_path, "")
        _refuse_profiles(bridge, port_path, old_port, old_bridge)
        new[port_path] = _port(bridge, old_port)
        new[bridge_path] = _bridge(bridge, old_port, old_bridge, macs)
    return {path: text for path, text in new.items() if text != files.get(path)}


def own_path(name: str) -> str:
    return f"{FOLDER}/cloudstack-kvm-{name}.nmconnection"


def find_profile(link: str, files: Files, macs: Mapping[str, str]) -> Optional[str]:
    """The keyfile of a link, by name or hardware address. Raises InputError where there are several."""
    found = [path for path, text in keyfiles(files).items() if _is_of(link, text, macs)]
    started = [path for path in found if keyfile.value(files[path], "connection", "autoconnect") != "false"]
    if len(started) > 1:
        raise InputError(
            f"{link} has more than one profile of NetworkManager that starts by itself",
            expected="one profile for each interface",
            observed=", ".join(sorted(started)),
            next_step="delete the others, or set autoconnect=false in them; nothing was changed",
            reproduce=f"grep -l {link} {FOLDER}/*",
        )
    return started[0] if started else next(iter(found), None)


def _is_of(link: str, text: str, macs: Mapping[str, str]) -> bool:
    name = keyfile.value(text, "connection", "interface-name")
    if name:
        return name == link
    mac = next((keyfile.value(text, each, "mac-address") for each in _ETHERNET), "").lower()
    return bool(mac) and mac == macs.get(link)


def configured(files: Files) -> dict[str, str]:
    """Interface -> the keyfile that is for it, without those that netplan writes."""
    profiles = keyfiles(files)
    found = {keyfile.value(text, "connection", "interface-name"): path for path, text in profiles.items()}
    return {name: path for name, path in found.items() if name and not posixpath.basename(path).startswith("netplan-")}


def declared(files: Files) -> list[Bridge]:
    """The bridges of one port that the files declare."""
    profiles = list(keyfiles(files).values())
    bridges = [text for text in profiles if keyfile.value(text, "connection", "type") == "bridge"]
    found = []
    for text in bridges:
        names = {keyfile.value(text, "connection", key) for key in ("uuid", "interface-name")}
        ports = [each for each in profiles if controller(each) in names - {""}]
        if len(ports) == 1:
            found.append(_read(text, keyfile.value(ports[0], "connection", "interface-name")))
    return found


def controller(text: str) -> str:
    """The bridge or bond that a profile is a port of, by name or uuid; "" without one."""
    return keyfile.value(text, "connection", "master") or keyfile.value(text, "connection", "controller")


def _read(text: str, port: str) -> Bridge:
    ipv4 = keyfile.entries(text, "ipv4")
    mtu = keyfile.value(text, "ethernet", "mtu")
    addresses = _addresses(ipv4)
    dhcp = keyfile.value(text, "ipv4", "method") == "auto"
    return Bridge(
        keyfile.value(text, "connection", "interface-name"),
        port,
        int(mtu) if mtu.isdigit() else 1500,
        "dhcp" if dhcp else addresses[0] if addresses else None,
        _gateway(ipv4) or None,
    )


def _addresses(ipv4: Sequence[keyfile.Entry]) -> list[str]:
    return [each.split(",")[0].strip() for key, each in ipv4 if _NUMBERED.fullmatch(key)]


def _gateway(ipv4: Sequence[keyfile.Entry]) -> str:
    """Stands alone, or behind the first address."""
    behind = [each.split(",")[1].strip() for key, each in ipv4 if _NUMBERED.fullmatch(key) and "," in each]
    return dict(ipv4).get("gateway", "") or (behind or [""])[0]


def _refuse_ifcfg(bridge: Bridge, files: Files) -> None:
    for name in (bridge.port, bridge.name):
        path = f"{IFCFG}/ifcfg-{name}"
        if path in files:
            raise InputError(
                f"{path} configures {name}, of the bridge {bridge.name}, in the form that NetworkManager gives up",
                expected=f"a keyfile in {FOLDER}",
                observed=path,
                next_step=f"run 'nmcli connection migrate' for the profile of {name} (NetworkManager 1.40 and newer), "
                "then run again; nothing was changed",
                reproduce="nmcli -f NAME,DEVICE,FILENAME connection",
            )


def _refuse_generated(path: str, files: Files, bridge: Bridge) -> None:
    if posixpath.basename(path).startswith("cloud-init-"):
        cloud_init.require_switched_off(files, path, bridge.port, bridge)
    if posixpath.dirname(path) != FOLDER:
        raise InputError(
            f"{path} configures {bridge.port} or {bridge.name}; another program writes that file",
            expected=f"a profile in {FOLDER}, which the role changes there",
            observed=path,
            next_step=f"copy it to {FOLDER} under the same name, and see what writes it; nothing was changed",
            reproduce=f"cat {path}",
        )


def _refuse_profiles(bridge: Bridge, path: str, port: str, old: str) -> None:
    """What the new profiles could not say any more."""
    names = {bridge.name, keyfile.value(old, "connection", "uuid"), ""}
    lost = [f"master={controller(port)}"] if controller(port) not in names else []
    lost += ["stp=true"] if old and keyfile.value(old, "bridge", "stp") not in ("false", "no", "0") else []
    ipv4 = keyfile.entries(port, "ipv4")
    if len(_addresses(ipv4)) > 1 and bridge.address not in _addresses(ipv4):
        lost += [f"{key}={each}" for key, each in ipv4 if _NUMBERED.fullmatch(key)]
    if not bridge.address:
        every = [*ipv4, *keyfile.entries(old, "ipv4")]
        lost += [f"{key}={each}" for key, each in every if _NEEDS_ADDRESS.fullmatch(key)]
    if lost:
        raise InputError(
            f"NetworkManager's profile says more of {bridge.port} or {bridge.name} than the declared bridge keeps; "
            "nothing was changed",
            expected="no spanning tree, no other bridge or bond, and name servers and routes only with an address",
            observed="; ".join(lost),
            next_step=f"take these lines out, or declare what they say for {bridge.name}",
            reproduce=f"cat {path}",
        )


def _port(bridge: Bridge, old: str) -> str:
    text = keyfile.without_sections(old, _OF_IP) if old else _new(f"{bridge.name}-port", "ethernet", bridge.port)
    joined = [("interface-name", bridge.port), ("master", bridge.name), ("slave-type", "bridge")]
    text = keyfile.with_entries(text, "connection", joined, ("controller", "port-type", "autoconnect"))
    return keyfile.with_entries(text, _ethernet_section(text), [("mtu", str(bridge.mtu))])


def _ethernet_section(text: str) -> str:
    present = {name for name, _entries in keyfile.sections(text)}
    return next((name for name in _ETHERNET if name in present), "ethernet")


def _new(name: str, kind: str, interface: str) -> str:
    uuid = uuid5(NAMESPACE_DNS, f"{name}.kvm.cloudstack")
    given = [("id", name), ("uuid", str(uuid)), ("type", kind), ("interface-name", interface)]
    return _HEAD + keyfile.section_text("connection", given)


def _bridge(bridge: Bridge, port: str, old: str, macs: Mapping[str, str]) -> str:
    text = old or _new(bridge.name, "bridge", bridge.name)
    ethernet = [("mtu", str(bridge.mtu))]
    if (
        bridge.address == "dhcp" and bridge.port in macs
    ):  # the server gives the same address to the same hardware address
        ethernet.append(("cloned-mac-address", macs[bridge.port]))
    text = keyfile.with_entries(text, "ethernet", ethernet)
    text = keyfile.with_entries(text, "bridge", [("stp", "false"), ("forward-delay", "0")])
    ipv6 = keyfile.entries(old, "ipv6") or keyfile.entries(port, "ipv6")
    ipv6 = ipv6 or [("method", "auto" if bridge.address else "disabled")]
    parts = [keyfile.section_text("ipv4", _ipv4(bridge, port, old)), keyfile.section_text("ipv6", ipv6)]
    rest = keyfile.without_sections(text, ("ipv4", "ipv6")).rstrip("\n")
    return "\n".join([f"{rest}\n", *parts])


def _ipv4(bridge: Bridge, port: str, old: str) -> list[keyfile.Entry]:
    """What is declared, and what port and bridge said beside that. The first address of the bridge's, or the one of the
    port's, is what the declared one replaces."""
    of_bridge, of_port = keyfile.entries(old, "ipv4"), keyfile.entries(port, "ipv4")
    single = _addresses(of_port) if len(_addresses(of_port)) == 1 else []
    replaced = {*_addresses(of_bridge)[:1], *single, bridge.address}
    more = [each for each in [*_addresses(of_bridge), *_addresses(of_port)] if each not in replaced]
    static = bridge.address not in (None, "dhcp")
    addresses = ([str(bridge.address)] if static else []) + list(dict.fromkeys(more))
    method = "auto" if bridge.address == "dhcp" else "manual" if addresses else "disabled"
    found = [("method", method)] + [(f"address{number}", each) for number, each in enumerate(addresses, 1)]
    found += [("gateway", bridge.gateway)] if bridge.gateway else []
    said = {**dict(of_port), **dict(of_bridge)}
    kept = [
        (key, each) for key, each in said.items() if not _NUMBERED.fullmatch(key) and key not in ("method", "gateway")
    ]
    return found + (kept if method != "disabled" else [])
