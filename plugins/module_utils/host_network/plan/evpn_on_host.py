# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(network_bridge_evpn, what kvm_host_facts has found) -> what of it cannot work on this host, and what the host must
be told beside FRR. Pure.

BGP unnumbered finds its neighbour by router advertisements, for which the interface needs IPv6 (RFC 5549;
docs.frrouting.org, Unnumbered BGP). FRR reads them itself. Nobody else is to: a leaf switch with FRR 8.4 announces
itself as a default router in them. They are read by the kernel, or in its place by systemd-networkd, for itself or for
netplan (systemd.network(5), IPv6AcceptRA=); NetworkManager does not where it gives link-local addresses alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.config import declared_bridges
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.evpn import (
    OWN_ADDRESS,
    evpn_problems,
    is_own,
)

SYSCTL_FILE = "/etc/sysctl.d/60-cloudstack-kvm-evpn.conf"
_OF_NETPLAN = "/etc/systemd/network/10-netplan-{}.network.d"  # for the file that netplan generates
_HEAD = "# Written by Ansible (cloudstack.kvm.network_bridge): no default route is taken from BGP neighbours.\n"
Facts = Mapping[str, Any]


def evpn_settings(value: Any) -> dict[str, str]:
    """Kernel setting -> its value, for the interfaces to neighbours; none for a declaration with problems. A slash
    stands for a dot of a name (sysctl.d(5))."""
    if not value or evpn_problems(value):
        return {}
    return {_setting(name, "accept_ra"): "0" for name in _interfaces(value)}


def evpn_files(value: Any, backend: str) -> list[dict[str, str]]:
    """Entries of the module host_files that have the host take no default route from neighbours, for a host that
    `backend` configures. They are read when the interface is made. What networkd's own files say is the operator's."""
    lines = [f"{key} = {wanted}\n" for key, wanted in sorted(evpn_settings(value).items())]
    if not lines:
        return []
    found = [{"path": SYSCTL_FILE, "content": _HEAD + "".join(lines)}]
    for name in _interfaces(value) if backend == "netplan" else []:
        folder = _OF_NETPLAN.format(name)
        found.append({"path": folder, "state": "directory"})
        found.append({"path": f"{folder}/cloudstack-kvm-evpn.conf", "content": f"{_HEAD}[Network]\nIPv6AcceptRA=no\n"})
    return found


def evpn_on_host(value: Mapping[str, Any], config: Any, facts: Facts, written: Any = "") -> dict[str, Any]:
    """What a declaration meets on this host; nothing for one with problems, which validate_variables refuses. `config`
    is network_bridge_config, `facts` are those of kvm_host_facts, `written` is the text of frr.conf.

    `conflicts`: what cannot work, a phrase for each thing. `unset`: the kernel settings that are not as evpn_settings
    has them; one of an interface that is not there yet is set with it, by udev. `replaced`: the address that the role's
    frr.conf had for lo so far, if it is there and no longer declared, else None. FRR leaves it there, before the new
    one, and tunnels would go on to begin at it.
    """
    if not value or evpn_problems(value):
        return {"conflicts": [], "unset": [], "replaced": None}
    known = facts.get("sysctl") or {}
    old = _address_so_far(written)
    is_replaced = old is not None and old != str(value["address"]) and old in _on_lo(facts)
    return {
        "conflicts": _conflicts(value, config, facts, old),
        "unset": [key for key, wanted in evpn_settings(value).items() if known.get(key) not in (None, wanted)],
        "replaced": old if is_replaced else None,
    }


def _conflicts(value: Mapping[str, Any], config: Any, facts: Facts, old: Optional[str]) -> list[str]:
    found: list[str] = []
    for name in _interfaces(value):
        found += _of_interface(name, config, facts)
    networks = _networks(config, facts)
    for each in value["neighbors"]:
        if each.get("address") and not _is_internal(each, value) and not _is_in(each["address"], networks):
            found.append(f"neighbor {each['address']}: in no network of the host, and another AS must be next to it")
    return found + _of_lo(value, facts, old)


def _of_interface(name: str, config: Any, facts: Facts) -> list[str]:
    there = {each["name"]: each for each in facts.get("interfaces") or []}
    masters = [str(each.get("name")) for each in declared_bridges(config) if each.get("port") == name]
    masters += [each for each in [there.get(name, {}).get("master")] if each and each not in masters]
    if masters:
        return [f"neighbor {name}: a port of {masters[0]}, so BGP speaks over {masters[0]}"]
    if there and name not in there and name not in _declared(config):
        return [f"neighbor {name}: no such interface, and none is declared"]
    if (facts.get("sysctl") or {}).get(_setting(name, "disable_ipv6")) == "1":
        return [f"neighbor {name}: without IPv6 (disable_ipv6=1; NetworkManager: set ipv6.method link-local)"]
    return []


def _of_lo(value: Mapping[str, Any], facts: Facts, old: Optional[str]) -> list[str]:
    """The script takes the first address."""
    before = [each for each in _on_lo(facts) if each != old]
    if not before or before[0] == str(value["address"]):
        return []
    return [f"lo has {before[0]} already, and tunnels begin at its first address"]


def _address_so_far(written: Any) -> Optional[str]:
    found = OWN_ADDRESS.search(str(written or "")) if is_own(written) else None
    return found[1] if found else None


def _on_lo(facts: Facts) -> list[str]:
    """IPv4 addresses of lo beside 127.0.0.0/8, in the kernel's order."""
    of_lo = [each.get("addresses") or [] for each in facts.get("interfaces") or [] if each["name"] == "lo"]
    found = [ipaddress.ip_interface(text).ip for texts in of_lo for text in texts]
    return [str(each) for each in found if each.version == 4 and not each.is_loopback]


def _interfaces(value: Mapping[str, Any]) -> list[str]:
    return [str(each["interface"]) for each in value["neighbors"] if each.get("interface")]


def _setting(name: str, word: str) -> str:
    return f"net.ipv6.conf.{name.replace('.', '/')}.{word}"


def _is_internal(each: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Within one AS a neighbour may be behind routers."""
    return str(each.get("asn")) in ("internal", str(value["asn"]))


def _declared(config: Any) -> set[str]:
    """Names of the devices that the role makes."""
    found = {str(each.get("name")) for each in declared_bridges(config)}
    if not isinstance(config, Mapping):
        return found
    entries = [*(config.get("bonds") or []), *(config.get("vlans") or [])]
    named = [each for each in entries if isinstance(each, Mapping)]
    return found | {str(each.get("name") or f"{each.get('parent')}.{each.get('id')}") for each in named}


def _networks(config: Any, facts: Facts) -> list[ipaddress.IPv4Network]:
    """Of the host as it is, and as it is declared."""
    texts = [str(each.get("address")) for each in declared_bridges(config)]
    for each in facts.get("interfaces") or []:
        texts += each.get("addresses") or []
    found: list[ipaddress.IPv4Network] = []
    for text in texts:
        try:
            found.append(ipaddress.IPv4Interface(text).network)
        except ValueError:  # IPv6, dhcp or none
            continue
    return found


def _is_in(address: Any, networks: Sequence[ipaddress.IPv4Network]) -> bool:
    return any(ipaddress.IPv4Address(str(address)) in each for each in networks)
