# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: of what kind the devices behind the traffic labels are, and in which VLAN."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks import open_vswitch
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.links import (
    BONDS,
    LINUX,
    OVS,
    PLAIN,
    below,
    bridge_of,
    kind_of,
    kinds_of,
    label_bridges,
    labels,
    links,
    ovs_of,
    ports,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, WARNING, Problem
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    fact_unavailable,
    odd_ones,
    show,
)

NATIVE = "native"  # default of network.bridge.type: bridges of Linux
TYPE, DRIVER = "network.bridge.type", "libvirt.vif.driver"
WORDS = {LINUX: "a Linux bridge", OVS: "an Open vSwitch bridge", PLAIN: "a plain interface"}
UNTAGGED = "untagged"


@check(
    "NET025",
    "A label's device is of another kind than the agent and the cluster use",
    area="network",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F14", "F15"),
    fix="use bridges of one kind for all labels on all hosts of the cluster; for Open vSwitch set "
    "network.bridge.type=openvswitch and libvirt.vif.driver=com.cloud.hypervisor.kvm.resource.OvsVifDriver in "
    "agent.properties before addHost (agent_properties), for Linux bridges remove both",
    reproduce="ip -d -br link; ovs-vsctl list-br; grep -e network.bridge.type -e vif.driver "
    "/etc/cloudstack/agent/agent.properties",
)
def kind_of_device(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The labels are bridges of the kind that agent.properties names, and of the same kind on all hosts of the cluster.

    network.bridge.type is native unless it says openvswitch. With openvswitch cloudstack-setup-agent refuses a label
    that is not an Open vSwitch bridge (serviceConfig.py), and at each connect the agent asks ovs-vsctl br-exists
    (LibvirtComputingResource.checkNetwork). With native an Open vSwitch bridge passes both, because it is an interface
    in /sys/class/net, and then no guest starts: libvirt cannot put a port into it as into a Linux bridge (issue 5409).
    A guest cannot be migrated between the two, because its definition names the kind.

    A plain interface is enough for guest and public traffic on VLANs, for which the agent makes bridges itself, unless
    it is a leg of a bond. Storage traffic without a VLAN and management traffic of system VMs are put into the label
    itself (BridgeVifDriver.plug). VXLAN works with Linux bridges and interfaces only (plugins/vxlan.rst).
    """
    members = [host.name for host in hosts if host.member]
    kinds = {host.name: _kinds(host, cluster) for host in hosts}
    odd = {problem.hosts: problem for problem in odd_ones(_vswitches(kinds), members=members)}
    for host in hosts:
        try:
            complaints = list(_complaints(host, cluster, kinds[host.name]))
        except FactUnavailable as error:
            yield fact_unavailable(host, error)
            continue
        differs = odd.pop((host.name,), None)
        if differs is not None:
            complaints.append(f"{differs.observed} under the labels, and the cluster has {differs.expected}")
        if complaints:
            others = differs.others if differs else ()
            yield Problem((host.name,), _expected(host), "; ".join(complaints), others=others)
    yield from odd.values()  # undecided


def _kinds(host: Profile, cluster: Cluster) -> dict[str, str]:
    """Label -> LINUX, OVS or PLAIN."""
    return {label: kind_of(bridge) for label, bridge in label_bridges(host, cluster)}


def _vswitches(kinds: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """By host which virtual switches its labels are; without hosts that have plain interfaces only."""
    found = {}
    for name, of_labels in kinds.items():
        switches = sorted(set(of_labels.values()) - {PLAIN})
        if switches:
            found[name] = " and ".join("Open vSwitch" if each == OVS else "Linux bridges" for each in switches)
    return found


def _expected(host: Profile) -> str:
    return f"devices that {TYPE}={bridge_type(host)} can use, as on the other hosts"


def bridge_type(host: Profile) -> str:
    """network.bridge.type as the agent reads it."""
    return str(host.get("agent", "properties", TYPE) or NATIVE).strip().lower()


def _complaints(host: Profile, cluster: Cluster, kinds: Mapping[str, str]) -> Iterator[str]:
    if OVS in kinds.values():
        host.require("agent", "properties")
    declared = bridge_type(host)
    wrong: dict[str, list[str]] = {}
    for label, kind in kinds.items():
        if (kind == OVS) != (_driver(host, cluster, label) == OVS) or (kind == OVS) != (declared == OVS):
            wrong.setdefault(kind, []).append(label)
    for kind, found in sorted(wrong.items()):
        yield f"{show(found)}: {WORDS[kind]}, and agent.properties has {_settings(host)}"
    for label in (each for each, kind in kinds.items() if kind == PLAIN):
        above = links(host).get(str(links(host)[label].get("master")), {})
        if above.get("kind") in BONDS:
            yield f"{label} is a leg of {above['name']}, which takes its frames"
    for label in labels(cluster, "Management", "Storage"):
        if kinds.get(label) == PLAIN and label not in wrong.get(PLAIN, ()) and _needs_bridge(cluster, label):
            yield f"{label} is a plain interface, into which system VMs cannot be put ({kinds_of(cluster, label)})"
    for label in labels(cluster, "Guest") if cluster.vxlan else ():
        if kinds.get(label) == OVS:
            yield f"{label} is an Open vSwitch bridge, and CloudStack's VXLAN needs a Linux bridge or an interface"


def _needs_bridge(cluster: Cluster, label: str) -> bool:
    """The agent makes a bridge itself where the traffic has a VLAN of CloudStack's; management traffic has none."""
    return label in labels(cluster, "Management") or not cluster.storage_vlans


def _driver(host: Profile, cluster: Cluster, label: str) -> str:
    """OVS or LINUX: the kind of bridge that the agent's driver for this label's traffic works with
    (LibvirtComputingResource.configureVifDrivers)."""
    properties = host.get("agent", "properties") or {}
    of_traffic = [properties.get(f"{DRIVER}.{kind}") for kind in cluster.labels if label in cluster.labels[kind]]
    named = next((each for each in of_traffic if each), None) or properties.get(DRIVER)
    if named:
        return OVS if "ovs" in str(named).rsplit(".", 1)[-1].lower() else LINUX
    return OVS if bridge_type(host) == OVS else LINUX


def _settings(host: Profile) -> str:
    properties = host.get("agent", "properties") or {}
    drivers = [f"{key}={properties[key]}" for key in sorted(properties) if key.startswith(DRIVER) and properties[key]]
    return show([f"{TYPE}={bridge_type(host)}" + ("" if properties.get(TYPE) else " (the default)"), *drivers])


@check(
    "NET027",
    "The VLAN under a label differs",
    area="network",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F18", "F19"),
    fix="put the same VLAN under the label on all hosts (network_bridge_config, port: eth1.100 or eth1) and run "
    "cloudstack.kvm.prepare_hosts; where the switch port of this host delivers another tag, correct the switch port",
    reproduce="ip -d -br link show type vlan; ls /sys/class/net/*/brif; bridge vlan",
)
def same_vlan(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The traffic of a label leaves with the same VLAN id on all hosts of the cluster, or without one on all.

    Bridge names and addresses may be the same and the hosts still be in two networks: guests lose their network when
    they are migrated, a host its storage (issue 7743). Tagged on one host and untagged on another can be right where
    the switch ports differ as well, so it is told as a warning; another id cannot.
    """
    members = [host.name for host in hosts if host.member]
    for label in labels(cluster):
        found = {}
        for host in hosts:
            try:
                vlan = vlan_of(host, label)
            except FactUnavailable as error:
                yield fact_unavailable(host, error)
                continue
            found.update({host.name: vlan} if vlan else {})
        for problem in odd_ones(found, members=members):
            named = {vlan for name, vlan in found.items() if name in (*problem.hosts, *problem.others)}
            yield replace(
                problem,
                observed=f"{label}: {problem.observed}",
                severity=WARNING if UNTAGGED in named else ERROR,
            )


def vlan_of(host: Profile, label: str) -> Optional[str]:
    """The VLAN in which a label's traffic leaves the host, "untagged" for none; None where there is nothing to compare:
    no port, or one that cannot be seen, which NET002 and NET011 tell. Raises FactUnavailable for a VLAN device without
    an id.
    """
    bridge, found = bridge_of(host, label), links(host)
    if kind_of(bridge) == OVS:
        tag = open_vswitch.vlan_of(ovs_of(host), label)
        return _vlan_text([tag]) if open_vswitch.is_known(ovs_of(host), label) else None
    ends = {_vlan_text(_tags(host, port)) for port in ports(bridge) if port in found}
    return next(iter(ends)) if len(ends) == 1 else None


def _tags(host: Profile, name: str) -> list[Any]:
    """The ids of the VLAN devices from this one down, inner first."""
    link = links(host).get(name, {})
    own = [link.get("vlan_id")] if link.get("kind") == "vlan" else []
    if None in own:
        raise FactUnavailable(f"interfaces.{name}.vlan_id", host.why("interfaces"))
    return own + [tag for lower in below(host, name)[:1] for tag in _tags(host, lower)]


def _vlan_text(tags: Sequence[Any]) -> str:
    known = [str(tag) for tag in tags if tag]
    return f"VLAN {' in '.join(known)}" if known else UNTAGGED


@check(
    "NET029",
    "One VLAN serves two purposes",
    area="network",
    severity=WARNING,
    scope=HOST,
    prevents=("F18", "F19"),
    fix="give each label a VLAN of its own (network_bridge_config, port), outside of the VLAN ranges that CloudStack "
    "gives to guests, and run ansible-playbook cloudstack.kvm.prepare_hosts",
    reproduce="ip -d -br link show type vlan; ls /sys/class/net/*/brif",
)
def shared_vlan(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No two labels are in one VLAN, and none is in a VLAN that the zone hands out to guest networks on the same card.

    Two labels in one VLAN are one network: guests reach the hosts' management or storage addresses there. When
    CloudStack gives a guest network the VLAN of a label, the agent takes the VLAN device of this id for the guests'
    bridge (modifyvlan.sh), and the guests are in the network of the hosts.
    """
    for vlan, found in sorted(_tagged_labels(host, cluster).items()):
        if len(found) > 1:
            yield Problem((host.name,), "a VLAN for each label", f"{show(found)} are all in {vlan}")
        taken = [label for label in found if _lies_in_guest_range(host, cluster, label, vlan)]
        if taken:
            ranges = show([str(each) for each in cluster.vlan_ranges])
            observed = f"{show(taken)} in {vlan} on the card of the guest label, and guests get {ranges}"
            yield Problem((host.name,), "a VLAN outside of the guests' ranges", observed)


def _tagged_labels(host: Profile, cluster: Cluster) -> dict[str, list[str]]:
    """VLAN -> the labels in it; what is not known is told by NET027."""
    vlans: dict[str, list[str]] = {}
    for label in labels(cluster):
        try:
            vlan = vlan_of(host, label)
        except FactUnavailable:
            continue
        if vlan not in (None, UNTAGGED):
            vlans.setdefault(str(vlan), []).append(label)
    return vlans


def _lies_in_guest_range(host: Profile, cluster: Cluster, label: str, vlan: str) -> bool:
    guest = {card for other in labels(cluster, "Guest") for card in _lowest(host, other)}
    tag = int(re.findall(r"\d+", vlan)[-1])
    return bool(guest & _lowest(host, label)) and any(tag in _numbers(str(each)) for each in cluster.vlan_ranges)


def _lowest(host: Profile, label: str) -> set[str]:
    """The cards or bonds under a label, below its VLAN devices."""
    found = set()
    for port in ports(bridge_of(host, label)):
        while links(host).get(port, {}).get("kind") == "vlan" and below(host, port):
            port = below(host, port)[0]
        found.add(port)
    return found


def _numbers(text: str) -> range:
    """`100-199` or `100`; a range of VNIs of VXLAN has no VLAN in it."""
    ends = [int(number) for number in re.findall(r"\d+", text)]
    return range(ends[0], ends[-1] + 1) if ends and ends[-1] < 4096 else range(0)
