# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the bridges of the traffic labels and their ports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks import open_vswitch
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    LINUX,
    OVS,
    PLAIN,
    bridge_of,
    declared_bridges,
    kind_of,
    kinds_of,
    label_bridges,
    labels,
    links,
    ovs_of,
    ports,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, HOST, check, show

NAME_MAX = 15  # IFNAMSIZ - 1
VLAN_DIGITS = 4
OVS_FIX = "make ovs-vsctl show work on the host (openvswitch-switch.service, on EL openvswitch.service)"
# What the server asks the agent for at each connect (LibvirtCheckNetworkCommandWrapper).
VERIFIED = ("Management", "Public", "Guest")


@check(
    "NET001",
    "A traffic label has no bridge",
    area="network",
    severity=BLOCKER,
    scope=HOST,
    prevents=("F14", "F17"),
    fix="declare the bridge in network_bridge_config and run ansible-playbook cloudstack.kvm.prepare_hosts; or "
    "correct the label in cluster_traffic_labels",
    reproduce="ip -br link show type bridge",
)
def bridge_for_label(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Each KVM traffic label of the zone must be a bridge of the host, of Linux or of Open vSwitch, or an interface.

    If one of the labels for management, public and guest traffic is missing, cloudstack-setup-agent edits the host's
    network configuration and stops and starts its networking (F17, serviceConfig.py, seen: 439 s). If it is missing at
    a later connect, the server puts the host into Alert (F14, LibvirtCheckNetworkCommandWrapper). The storage label is
    not verified by the server: the storage VM finds out.
    """
    bridges = host.require("bridges")
    missing = _without_device(host, labels(cluster))
    if not missing:
        return
    severity = BLOCKER if set(missing) & set(labels(cluster, *VERIFIED)) else ERROR
    expected = "; ".join(f"{label} for {kinds_of(cluster, label)}" for label in missing)
    observed = f"no bridge {show(missing)}; bridges of this host: {show(sorted(bridges))}"
    yield Problem((host.name,), expected, observed, severity=severity)


def _without_device(host: Profile, names: Sequence[str]) -> list[str]:
    """The labels that are neither a bridge nor an interface of the host."""
    return [label for label in names if label not in (host.get("bridges") or {}) and not bridge_of(host, label)]


@check(
    "NET002",
    "A label's bridge has no physical port",
    area="network",
    severity=BLOCKER,
    scope=HOST,
    prevents=("F14", "F15"),
    fix="put the NIC, bond or VLAN device into network_bridge_config (port) and run ansible-playbook "
    "cloudstack.kvm.prepare_hosts; rename a port that the agent does not know with a systemd .link file first",
    reproduce="ls /sys/class/net/*/brif",
)
def bridge_has_port(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The bridge of a label must have a port whose name the agent takes for a physical interface.

    The agent knows physical ports by fixed patterns (eth, bond, ens, eno, enp, p1p1 ...,
    LibvirtComputingResource.isInterface). Without one the host connects and is refused: its row stays in Alert, "Can
    not find network: <label>" (F14, seen: 444 s; F15). A bridge of Open vSwitch may have ports of any name, also behind
    a patch port or under its parent bridge; without any its guests reach nothing.
    """
    for label, bridge in label_bridges(host, cluster):
        found = sorted(bridge.get("ports") or ())
        if _leads_out(host, cluster, label, bridge) or _ports_unseen(host, label, bridge):
            continue
        severity = BLOCKER if label in labels(cluster, *VERIFIED) else ERROR
        if kind_of(bridge) != LINUX:
            yield Problem((host.name,), f"a card or bond under {label}", f"{label} leads nowhere", severity=ERROR)
            continue
        observed = (
            f"{label} has only ports that CloudStack does not take for physical: {show(found)}"
            if found
            else f"{label} has no port"
        )
        yield Problem(
            (host.name,), f"a port of {label} named eth*, bond*, en*, team* or alike", observed, severity=severity
        )
    yield from _unseen_ports(host, cluster)


def _leads_out(host: Profile, cluster: Cluster, label: str, bridge: Mapping[str, Any]) -> bool:
    """A dummy interface as a label leads nowhere; with VXLAN by EVPN nothing needs to leave by it."""
    dummy = kind_of(bridge) == PLAIN and links(host).get(label, {}).get("kind") == "dummy"
    return bool(ports(bridge)) and (not dummy or cluster.vxlan)


def _unseen_ports(host: Profile, cluster: Cluster) -> Iterator[Problem]:
    """Bridges of Open vSwitch of which ovs-vsctl did not tell the ports. That `ip` shows cards in the datapath is a
    hint that all is well, so it is told as information unless ovs-vsctl failed."""
    unseen = [label for label, bridge in label_bridges(host, cluster) if _ports_unseen(host, label, bridge)]
    if unseen:
        yield Problem(
            (host.name,),
            f"the ports of {show(unseen)} to be known",
            f"unknown: {host.why('ovs')}",
            severity=WARNING if _ovs_failed(host) else INFO,
            fix=OVS_FIX,
            reproduce="ovs-vsctl show",
            kind=UNKNOWN,
        )


def _ports_unseen(host: Profile, label: str, bridge: Mapping[str, Any]) -> bool:
    """Whether a bridge of Open vSwitch may have ports that ovs-vsctl did not tell."""
    told = kind_of(bridge) != OVS or open_vswitch.is_known(ovs_of(host), label)
    return not told and (bool(bridge.get("possible")) or _ovs_failed(host))


def _ovs_failed(host: Profile) -> bool:
    return "ovs" in (host.get("unknown") or {})


@check(
    "NET003",
    "A port name is too long for VLANs",
    area="network",
    severity=ERROR,
    scope=HOST,
    prevents=("F16",),
    fix="give the NIC a shorter name with a systemd .link file, or put a bond such as bond0 between it and the "
    "bridge; then correct port in network_bridge_config and run ansible-playbook cloudstack.kvm.prepare_hosts",
)
def port_name_length(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The agent names the bridge of a guest VLAN br<port>-<vlan>, and Linux allows 15 characters.

    <port> is the port of the label's bridge, or what a VLAN device there sits on; the digits are those of the largest
    VLAN of the zone's ranges (F16; BridgeVifDriver.java:297, modifyvlan.sh). Networks on VXLAN have other names and are
    not affected; in Open vSwitch no bridges are made.
    """
    uses = {
        "Guest": cluster.vlan_ranges if not cluster.isolation or "VLAN" in cluster.isolation else (),
        "Storage": cluster.storage_vlans,
    }
    for kind, vlans in uses.items():
        digits = max((len(number) for text in vlans for number in re.findall(r"\d+", str(text))), default=0)
        longest = policy.port_name_max_length + VLAN_DIGITS - digits
        for port in sorted(_interfaces_for_vlans(host, cluster, kind)) if digits else ():
            if len(port) > longest:
                name = f"br{port}-{'9' * digits}"
                yield Problem(
                    (host.name,),
                    f"at most {longest} characters for VLANs of {digits} digits",
                    f"{port} ({len(port)}): {name} has {len(name)} of {NAME_MAX}",
                )


def _interfaces_for_vlans(host: Profile, cluster: Cluster, kind: str) -> set[str]:
    found = links(host)
    interfaces = set()
    for _label, bridge in label_bridges(host, cluster, kind):
        for port in ports(bridge) if kind_of(bridge) != OVS else ():
            link = found.get(port, {})
            parent = link.get("parent") if link.get("kind") == "vlan" else None
            interfaces.add(parent or port)
    return interfaces


@check(
    "NET004",
    "A VLAN device is on a label's bridge",
    area="network",
    severity=WARNING,
    scope=HOST,
    prevents=("F18",),
    fix="put the VLAN device on the NIC or bond, with a bridge of its own (network_bridge_config, port: "
    "bond0.100), then run ansible-playbook cloudstack.kvm.prepare_hosts",
    reproduce="ip -d link show type vlan",
)
def vlan_on_bridge(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A VLAN device whose lower device is the bridge of a label (cloudbr0.100) is not a layout that the agent
    understands.

    It looks for a physical port under the label and makes guest VLANs there, so the traffic of the stacked device meets
    its own (F18, issue 11935).
    """
    bridges = {label for label, bridge in label_bridges(host, cluster) if kind_of(bridge) == LINUX}
    stacked = sorted(
        name for name, link in links(host).items() if link.get("kind") == "vlan" and link.get("parent") in bridges
    )
    if stacked:
        yield Problem(
            (host.name,),
            "VLAN devices below bridges, never on them",
            show([f"{name} on {links(host)[name]['parent']}" for name in stacked]),
        )


@check(
    "NET022",
    "The declared port is not in the bridge",
    area="network",
    severity=ERROR,
    scope=HOST,
    prevents=("F14",),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts, or correct port in network_bridge_config",
    reproduce="ls /sys/class/net/*/brif",
)
def declared_port(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The bridge of a label has the port that the inventory declares.

    A bridge on another NIC looks healthy in every other respect, and leads into another network. A bridge of another
    kind than the declared one is not compared with it: NET025 tells of kinds.
    """
    bridges = dict(label_bridges(host, cluster))
    for name, entry in declared_bridges(host).items():
        bridge = bridges.get(name, {})
        declared_kind = OVS if entry.get("type") == OVS else LINUX
        found = ports(bridge) if kind_of(bridge) == declared_kind else []
        if found and entry.get("port") and entry["port"] not in found:  # no port at all: NET002
            yield Problem((host.name,), f"{entry['port']} in {name}", f"{show(found)} in {name}")


@check(
    "NET019",
    "The storage VLAN is tagged twice",
    area="network",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F19",),
    fix="tag once: leave the VLAN out of CloudStack's storage IP range, or put the untagged NIC under the storage "
    "bridge (network_bridge_config, port)",
    reproduce="ip -d link show type vlan",
)
def storage_vlan(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """If the bridge of the storage label stands on a VLAN device, the storage IP range of the zone must have no VLAN.

    With both, the agent tags a second time: a bridge br<port>-<vlan> appears beside the prepared one and the storage VM
    has no storage network (F19; the behaviour changed between 4.20.1 and 4.21).
    """
    vlans = sorted({str(vlan).replace("vlan://", "") for vlan in cluster.storage_vlans} - {"", "untagged"})
    tagged = {}
    for host in hosts if vlans else ():
        ends = [
            port
            for _label, bridge in label_bridges(host, cluster, "Storage")
            for port in ports(bridge)
            if links(host).get(port, {}).get("kind") == "vlan"
        ]
        tagged.update({host.name: ends} if ends else {})
    if tagged:
        under = show({port for ends in tagged.values() for port in ends})
        yield Problem(
            tuple(sorted(tagged)),
            "a tag in one place",
            f"the storage bridge stands on {under}, and CloudStack's storage range has VLAN {show(vlans)}",
        )


@check(
    "NET020",
    "ifconfig is missing",
    area="network",
    severity=INFO,
    scope=HOST,
    prevents=("F17",),
    fix="declare the missing bridge (NET001); net-tools is not needed then",
    reproduce="command -v ifconfig",
)
def ifconfig(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """cloudstack-setup-agent calls ifconfig when it tries to build a missing bridge, and net-tools is not a dependency
    of the agent.

    An info beside NET001: installing net-tools would only take the tool further into rewriting the network
    (F17).
    """
    bridges = host.get("bridges")
    missing = bridges is not None and _without_device(host, labels(cluster, *VERIFIED))
    if missing and not host.member and host.get("programs") is not None and not host.get("programs", "ifconfig"):
        yield Problem((host.name,), "no need for ifconfig", f"{show(missing)} missing, and no ifconfig")
