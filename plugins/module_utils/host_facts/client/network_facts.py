# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts of the network beyond interfaces and IPv4 routes: cards, names, time service, firewall."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Mapping
from ipaddress import ip_interface
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer, run_all
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_answers import (
    parsed,
    program,
    read_and_parsed,
    understood,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import (
    frr_json,
    ip_json,
    lldp,
    nft_json,
    ovs_json,
    resolver,
    unit_properties,
)

RESOLV_CONF = "/etc/resolv.conf"
RESOLVED_CONF = "/run/systemd/resolve/resolv.conf"
STUBS = {"127.0.0.53", "127.0.0.54"}  # systemd-resolved: says nothing of who answers
OVS_VSCTL = "ovs-vsctl"
VTYSH = "vtysh"
# One call, so that the three tables are of one moment.
OVS_TABLES = (
    *("--timeout=5", "--format=json"),
    *("--", "--columns=name,ports", "list", "Bridge"),
    *("--", "--columns=_uuid,name,interfaces,tag,trunks,fake_bridge,bond_mode", "list", "Port"),
    *("--", "--columns=_uuid,name,type,options,admin_state,link_state,link_speed,mtu", "list", "Interface"),
)
PTP_UNITS = ("phc2sys*.service", "ptp4l*.service", "timemaster.service")  # of linuxptp
LEGACY_TABLES = "/proc/net/ip_tables_names"
NOT_FOUND = 2  # exit status of getent
NAME_TIMEOUT = 12.0  # seconds: one server, asked twice with glibc's five, and a reserve
SLOW = 1.0  # seconds: a name server in the next room needs milliseconds


def commands(_user: str) -> dict[str, tuple[str, ...]]:
    """What to ask, by the name that collect() looks for."""
    return {
        "net.routes6": ("ip", "-j", "-6", "route"),
        "net.rules": ("ip", "-j", "-4", "rule"),
        "net.groups": ("bridge", "-j", "-d", "-s", "mdb", "show"),
        "net.ptp": ("systemctl", "list-units", "--plain", "--no-legend", "--state=active", *PTP_UNITS),
        "net.ovs": (program(OVS_VSCTL) or OVS_VSCTL, *OVS_TABLES),
        "net.evpn": (program(VTYSH) or VTYSH, "-c", "show bgp l2vpn evpn summary json"),
        "net.lldp": ("lldpctl", "-f", "json"),
        "net.nft": (program("nft") or "nft", "-j", "list", "ruleset"),
    }


def collect(answers: Mapping[str, Answer], unknown: dict[str, str], _user: str) -> dict[str, Any]:
    """routes6, rules, multicast of the bridges, ovs, evpn_sessions, resolver, what of time is not chrony's, firewall
    and nfs.client. Reads the answers `addr`, `fqdn` and `units` too."""
    return {
        "rules": parsed("rules", answers["net.rules"], ip_json.parse_rules, unknown),
        "bridges": _multicast(answers, unknown),
        "ovs": _open_vswitch(answers["net.ovs"], unknown),
        "evpn_sessions": _evpn_sessions(answers["net.evpn"], unknown),
        "routes6": parsed("routes6", answers["net.routes6"], ip_json.parse_routes, unknown),
        "resolver": _resolver(answers, unknown),
        "time": {
            "service": parsed("time.service", answers["units"], unit_properties.running_time_services, unknown),
            "ptp": parsed("time.ptp", answers["net.ptp"], unit_properties.parse_unit_list, unknown),
            "kernel_synchronised": _kernel_synchronised(),
        },
        "firewall": _firewall(answers["net.nft"], unknown),
        "nfs": {"client": program("mount.nfs") is not None},
    }


def _multicast(answers: Mapping[str, Answer], unknown: dict[str, str]) -> dict[str, Any]:
    """By bridge what it does with multicast."""
    links = answers["addr"].stdout
    reasons: dict[str, str] = {}
    groups = parsed("multicast", answers["net.groups"], str, reasons)
    found = understood("multicast", links, lambda text: ip_json.parse_multicast(text, groups or ""), reasons) or {}
    if reasons:
        unknown.update({f"bridges.{name}.multicast": reasons["multicast"] for name in found})
    return {name: {"multicast": None if reasons else multicast} for name, multicast in found.items()}


def _open_vswitch(answer: Answer, unknown: dict[str, str]) -> Optional[dict[str, Any]]:
    """None on a host without Open vSwitch, which is no reason to tell."""
    return parsed("ovs", answer, ovs_json.parse_tables, unknown) if program(OVS_VSCTL) else None


def _evpn_sessions(answer: Answer, unknown: dict[str, str]) -> Optional[dict[str, str]]:
    """None on a host without FRR, which is no reason to tell."""
    if not program(VTYSH):
        return None
    if not answer.ok and "bgpd is not running" in answer.stderr:
        return {}
    return parsed("evpn_sessions", answer, frr_json.parse_evpn_sessions, unknown)


def _kernel_synchronised() -> Optional[bool]:
    """What the kernel was told by whatever daemon sets the clock, as timedatectl judges it (ntp_synced in systemd's
    time-util.c): the largest error is below 16 s. timedatectl itself would start a service. None where the kernel is
    not asked in 64 bits, or does not say."""
    if struct.calcsize("P") != 8:
        return None
    timex = ctypes.create_string_buffer(512)  # struct timex of adjtimex(2) and room; modes=0 changes nothing
    if ctypes.CDLL(None).adjtimex(timex) < 0:
        return None
    maxerror_us = struct.unpack_from("q", timex, 24)[0]  # behind modes (padded), offset and freq
    return bool(maxerror_us < 16_000_000)


def complete(
    links: Iterable[Mapping[str, Any]], answers: Mapping[str, Answer], unknown: dict[str, str]
) -> list[dict[str, Any]]:
    """The interfaces, which have their driver and speed already, with duplex, physical, lldp and the speeds of the
    members of bonds."""
    known = {link["name"]: link for link in links}
    neighbours = parsed("interfaces.lldp", answers["net.lldp"], lldp.parse_neighbours, unknown) or {}
    return [
        {
            **link,
            "bond": _with_speeds(link["bond"], known),
            "duplex": _duplex(name),
            "physical": link["kind"] == "veth" or (link["kind"] == "ether" and link["driver"] is not None),
            "lldp": neighbours.get(name),
        }
        for name, link in known.items()
    ]


def _with_speeds(bond: Optional[Mapping[str, Any]], links: Mapping[str, Mapping[str, Any]]) -> Optional[dict[str, Any]]:
    if bond is None:
        return None
    return {
        **bond,
        "members": [{**member, "speed_mbps": links[member["name"]]["speed_mbps"]} for member in bond["members"]],
    }


def _duplex(name: str) -> Optional[str]:
    """None where the kernel does not say, as for an interface that is down."""
    value = (fact_files.read_or_none(f"/sys/class/net/{name}/duplex") or "").strip()
    return value if value in ("full", "half") else None


def _resolver(answers: Mapping[str, Answer], unknown: dict[str, str]) -> dict[str, Any]:
    fqdn, addresses = answers["fqdn"], _own_addresses(answers["addr"])
    questions = {address: ("getent", "hosts", address) for address in addresses}
    if fqdn.ok:
        questions["fqdn"] = ("getent", "ahosts", fqdn.stdout.strip())
    found = run_all(questions, timeout=NAME_TIMEOUT)
    return {
        "servers": _servers(unknown),
        # Whole seconds: less is another number in each run, and says nothing. `hostname --fqdn` is not counted: it was
        # asked among forty other programs, and on a small host waits for them.
        "took_s": {" ".join(each.argv): round(each.took_s) for each in found.values() if each.took_s >= SLOW},
        "forward": _looked_up("resolver.forward", found.get("fqdn", fqdn), resolver.parse_addresses, [], unknown),
        "reverse": {
            address: _looked_up(f"resolver.reverse.{address}", found[address], resolver.parse_name, None, unknown)
            for address in addresses
        },
    }


def _looked_up(fact: str, answer: Answer, parse: Any, nothing: Any, unknown: dict[str, str]) -> Any:
    return (
        nothing if answer.status == NOT_FOUND and answer.argv[0] == "getent" else parsed(fact, answer, parse, unknown)
    )


def _own_addresses(answer: Answer) -> list[str]:
    """IPv4, loopback and link-local (CloudStack's cloud0) left out."""
    links = understood("", answer.stdout, ip_json.parse_interfaces, {}) or []
    own = [ip_interface(address).ip for link in links for address in link["addresses"] if ":" not in address]
    return sorted({str(address) for address in own if not (address.is_loopback or address.is_link_local)})


def _servers(unknown: dict[str, str]) -> Optional[list[str]]:
    servers = read_and_parsed("resolver.servers", RESOLV_CONF, resolver.parse_servers, unknown)
    if servers and STUBS.issuperset(servers) and os.path.exists(RESOLVED_CONF):
        return read_and_parsed("resolver.servers", RESOLVED_CONF, resolver.parse_servers, unknown)
    return servers


def _firewall(answer: Answer, unknown: dict[str, str]) -> dict[str, Any]:
    reasons: dict[str, str] = {}
    ruleset = parsed("rules", answer, nft_json.parse_ruleset, reasons)
    legacy = " ".join((fact_files.read_or_none(LEGACY_TABLES) or "").split())
    if legacy:
        ruleset, reasons["rules"] = None, f"iptables-legacy has tables ({legacy}), whose rules nft does not show"
    if ruleset is None:
        unknown.update(dict.fromkeys(("firewall.nft", "firewall.forward_policy"), reasons["rules"]))
    return {
        "nft": None if ruleset is None else nft_json.input_side(ruleset),
        "forward_policy": None if ruleset is None else nft_json.forward_policy(ruleset),
        "tools": {name: program(name) is not None for name in ("nft", "iptables")},
        "bridge_nf": fact_files.sysctl("net.bridge.bridge-nf-call-iptables"),
        "docker0": os.path.exists("/sys/class/net/docker0"),
    }
