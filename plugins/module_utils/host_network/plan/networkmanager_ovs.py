# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Profiles of NetworkManager for bridges of Open vSwitch. Pure.

One bridge is four kinds of profiles: the bridge; a port for its own interface, with the tag; that interface, with the
addresses; and a port for its NICs, with trunks and bond. Source: nm-openvswitch(7), nm-settings-keyfile(5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from uuid import NAMESPACE_DNS, uuid5

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files, Ovs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkmanager_declared import (
    FOLDER,
    OVS_BRIDGE,
    OVS_INTERFACE,
    OVS_PORT,
    controller,
    keyfiles,
    kind,
    link_name,
    names,
)

HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge).\n"
OWN = "cloudstack-kvm-"


def own_path(name: str) -> str:
    """Where the role's own profile of this name is."""
    return f"{FOLDER}/{OWN}{name}.nmconnection"


def new_profile(name: str, kind_of_it: str, interface: str) -> str:
    """A profile that says no more than what it is for. Its uuid is the same each time."""
    uuid = uuid5(NAMESPACE_DNS, f"{name}.kvm.cloudstack")
    given = [("id", name), ("uuid", str(uuid)), ("type", kind_of_it), ("interface-name", interface)]
    return HEAD + keyfile.section_text("connection", given)


def switch_profiles(bridge: Bridge, files: Files) -> dict[str, str]:
    """The profiles of a bridge and of its ports, without those of its interface and its NICs. Raises InputError for a
    port that the declaration does not know."""
    path, text = _found(OVS_BRIDGE, bridge.name, f"{bridge.name}-bridge", files)
    switch = keyfile.value(text, "connection", "uuid")
    profiles = {path: text}
    ovs = bridge.ovs or Ovs()
    tag = [("tag", str(ovs.tag))] if ovs.tag else []
    path, text = _found(OVS_PORT, bridge.name, f"{bridge.name}-port", files)
    profiles[path] = _in_switch(keyfile.with_entries(text, OVS_PORT, tag, [] if tag else ["tag"]), switch)
    path, text = _found(OVS_PORT, bridge.port, f"{bridge.name}-uplink", files)
    trunks = ",".join(map(str, ovs.trunks))
    said = [("trunks", trunks), ("bond-mode", ovs.mode or ""), ("lacp", ovs.lacp or "")]
    gone = [key for key, value in said if not value]
    text = keyfile.with_entries(text, OVS_PORT, [each for each in said if each[1]], gone)
    profiles[path] = _in_switch(keyfile.with_entries(text, "connection", [("interface-name", bridge.port)]), switch)
    _refuse_other_ports(bridge, switch, profiles, files)
    return profiles


def port_uuid(bridge: Bridge, port: str, files: Files) -> str:
    """What the profile of an interface or NIC has as its master: that of the bridge's own port, or of its uplink."""
    suffix = "port" if port == bridge.name else "uplink"
    return keyfile.value(_found(OVS_PORT, port, f"{bridge.name}-{suffix}", files)[1], "connection", "uuid")


def _found(kind_of_it: str, link: str, own: str, files: Files) -> tuple[str, str]:
    """Path and text of a profile, new where there is none."""
    profiles = keyfiles(files)
    for path, text in profiles.items():
        if kind(text) == kind_of_it and link_name(text) == link:
            return path, text
    path = own_path(own)
    return path, profiles.get(path) or new_profile(own, kind_of_it, link)


def _in_switch(text: str, switch: str) -> str:
    return keyfile.with_entries(text, "connection", [("master", switch), ("slave-type", OVS_BRIDGE)])


def _refuse_other_ports(bridge: Bridge, switch: str, profiles: dict[str, str], files: Files) -> None:
    others = [text for path, text in keyfiles(files).items() if path not in profiles and kind(text) == OVS_PORT]
    found = [link_name(text) for text in others if controller(text) in (switch, bridge.name)]
    if found:
        raise InputError(
            f"NetworkManager has more ports in {bridge.name} than are declared",
            expected=f"the port {bridge.port} alone; guests get ports by libvirt",
            observed=", ".join(found),
            next_step=f"delete the profiles of {found[0]}, or take {bridge.name} out of network_bridge_config; "
            "nothing was changed",
            reproduce="nmcli -f NAME,TYPE,DEVICE connection",
        )


def in_switches(absent: Sequence[str], files: Files) -> list[str]:
    """Paths of the profiles of ports in bridges that are to go."""
    profiles = keyfiles(files)
    switches = [text for text in profiles.values() if kind(text) == OVS_BRIDGE and link_name(text) in absent]
    called = {name for text in switches for name in names(text)}
    return [path for path, text in profiles.items() if kind(text) == OVS_PORT and controller(text) in called]


def interface_entries(text: str, bridge: Bridge, files: Files) -> str:
    """A bridge's own interface in its port."""
    joined = [("master", port_uuid(bridge, bridge.name, files)), ("slave-type", OVS_PORT)]
    text = keyfile.with_entries(text, "connection", joined)
    return keyfile.with_entries(text, OVS_INTERFACE, [("type", "internal")])


def is_own(path: str) -> bool:
    """Whether a file is the role's."""
    return posixpath.basename(path).startswith(OWN)
