# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(declared bridges, the files that ifupdown reads) -> the files that declare them, and back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_interface
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ifupdown as parse

MAIN_FILE = "/etc/network/interfaces"
FOLDER = "/etc/network/interfaces.d"
OWN_FILE = f"{FOLDER}/cloudstack-kvm"
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge). Bridges and their ports, and nothing else.\n\n"
_MOVE_STANZAS = (
    "move its stanzas to "
    + MAIN_FILE
    + " and remove {path}; where cloud-init wrote it, first tell it to leave the network alone: write "
    "'network: {{config: disabled}}' to /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg. Nothing was changed"
)
# What a stanza that is replaced may say: the new one says it too, or it follows from what the new one says.
_SAID = {
    "address",
    "netmask",
    "network",
    "broadcast",
    "gateway",
    "mtu",
    "bridge_ports",
    "bridge_fd",
    "bridge_maxwait",
    "bridge_waitport",
}
_STP_OFF = ("off", "no", "n", "0")


def stanza(bridge: Bridge) -> str:
    """What the own file says of a bridge and its port."""
    method = "dhcp" if bridge.address == "dhcp" else "static" if bridge.address else "manual"
    lines = [f"auto {bridge.port}", f"iface {bridge.port} inet manual", f"    mtu {bridge.mtu}", ""]
    lines += [f"auto {bridge.name}", f"iface {bridge.name} inet {method}"]
    if method == "static":
        lines.append(f"    address {bridge.address}")
    if bridge.gateway:
        lines.append(f"    gateway {bridge.gateway}")
    lines += [
        f"    bridge_ports {bridge.port}",
        "    bridge_stp off",
        "    bridge_fd 0",
        "    bridge_maxwait 0",
        f"    mtu {bridge.mtu}",
        "",
    ]
    return "\n".join(lines)


def render(bridges: Sequence[Bridge], files: Files) -> dict[str, str]:
    """The main file without the stanzas that move, and the own file. Raises InputError for what would be lost or
    written again."""
    if not bridges:
        return {}
    _refuse_other_files(bridges, files)
    main_text = files.get(MAIN_FILE, "")
    _refuse_lost_options(bridges, main_text)
    main = parse.without(main_text, [name for bridge in bridges for name in (bridge.name, bridge.port)])
    if not {f"{FOLDER}/*"} & set(parse.sources(main, MAIN_FILE)):
        main = f"{main.rstrip()}\n\nsource {FOLDER}/*\n".lstrip("\n")
    own = _HEAD + "\n".join(stanza(bridge) for bridge in bridges)
    return {path: text for path, text in ((MAIN_FILE, main), (OWN_FILE, own)) if text != files.get(path, "")}


def declared(files: Files) -> list[Bridge]:
    """The bridges of one port that the files declare."""
    found = {each.name: each for text in files.values() for each in parse.stanzas(text) if each.family == "inet"}
    return [_bridge(each) for each in found.values() if len(each.value("bridge_ports").split()) == 1]


def _bridge(found: parse.Stanza) -> Bridge:
    mtu = found.value("mtu")
    address = "dhcp" if found.method == "dhcp" else _cidr(found)
    return Bridge(
        found.name,
        found.value("bridge_ports"),
        int(mtu) if mtu.isdigit() else 1500,
        address,
        found.value("gateway") or None,
    )


def _cidr(found: parse.Stanza) -> Optional[str]:
    """None also where it is not an IPv4 address: ifupdown takes host names too."""
    address, mask = found.value("address"), found.value("netmask")
    try:
        return ip_interface(address if "/" in address or not mask else f"{address}/{mask}").with_prefixlen
    except ValueError:
        return None


def _refuse_other_files(bridges: Sequence[Bridge], files: Files) -> None:
    """ifupdown would do both what another file says and what ours does, and cloud-init writes its file again."""
    for path in sorted(set(files) - {MAIN_FILE, OWN_FILE}):
        for bridge in bridges:
            found = [each.head for each in parse.stanzas(files[path]) if each.name in (bridge.name, bridge.port)]
            if found:
                raise InputError(
                    f"{path} configures {bridge.port}, the port of {bridge.name}",
                    expected=f"a port without a stanza, or with one in {MAIN_FILE}, which the role takes out there",
                    observed="; ".join(found),
                    next_step=_MOVE_STANZAS.format(path=path),
                    reproduce=f"grep -n {bridge.port} {path}",
                )


def _refuse_lost_options(bridges: Sequence[Bridge], text: str) -> None:
    """A stanza that is replaced must not take along what the new one does not say."""
    for bridge in bridges:
        found = [each for each in parse.stanzas(text) if each.name in (bridge.name, bridge.port)]
        lost = [line for each in found for line in _lost(each)]
        if lost:
            raise InputError(
                f"{MAIN_FILE} says more of {bridge.port} or {bridge.name} than the stanza of a bridge keeps; "
                "nothing was changed",
                expected="address, netmask, gateway, mtu, and bridge_ports without spanning tree",
                observed="; ".join(lost),
                next_step="move name servers to /etc/resolv.conf, routes and commands to a script in "
                "/etc/network/if-up.d, IPv6 to a file of its own in /etc/sysctl.d or your own bridge; then take these "
                "lines out",
                reproduce=f"grep -n -A 9 'iface {bridge.port}' {MAIN_FILE}",
            )


def _lost(found: parse.Stanza) -> list[str]:
    """What the new stanza does not say, each as it is written."""
    if found.family not in ("inet", "") and found.method != "manual":
        return [found.head]
    lost = [f"{name} {value}" for name, value in found.options if name not in _SAID and name != "bridge_stp"]
    stp = found.value("bridge_stp")
    return lost + ([f"bridge_stp {stp}"] if stp and stp not in _STP_OFF else [])
