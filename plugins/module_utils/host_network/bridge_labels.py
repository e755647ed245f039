# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Can this host carry the traffic labels of its zone? Asked before addHost, because CloudStack's own answer is late and
vague."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# A bridge port counts as physical for the agent only under these names (LibvirtComputingResource.isInterface, 4.22.1).
PHYSICAL = re.compile(r"(eth|bond|vlan|vx|em|ens|eno|enp|team|enx|dummy|lo|p\d+p\d+|vni|enc)")


# Kinds of links that are a label by themselves: the agent makes its bridges on them.
_PLAIN_KINDS = ("ether", "bond", "team", "vlan", "veth", "vxlan", "dummy", "infiniband")


def is_plain_interface(link: Mapping[str, Any]) -> bool:
    """Whether a label of this name needs no bridge: CloudStack takes any interface as it is
    (BridgeVifDriver.matchPifFileInDirectory, 4.22.1; pull request 5078)."""
    return link.get("kind") in _PLAIN_KINDS


def find_label_problems(
    labels: Iterable[str],
    bridges: Mapping[str, Mapping[str, Any]],
    declared: Iterable[str] = (),
    interfaces: Iterable[Mapping[str, Any]] = (),
) -> list[str]:
    """One sentence for each label that no usable bridge of the host carries.

    `bridges` and `interfaces` are the facts of these names in kvm_host: a label may also be a plain interface or a
    bridge of Open vSwitch. `declared` names bridges that are about to be made: in check mode they are not there yet."""
    promised = set(declared)
    for link in interfaces:
        if link.get("kind") == "openvswitch" or is_plain_interface(link):
            promised.add(str(link.get("name")))
    return [
        _problem(label, bridges) for label in sorted(set(labels)) if label not in promised and _problem(label, bridges)
    ]


def _problem(label: str, bridges: Mapping[str, Mapping[str, Any]]) -> str:
    if label not in bridges:
        return f"no bridge {label} (bridges of this host: {', '.join(sorted(bridges)) or 'none'})"
    ports = sorted(bridges[label].get("ports") or [])
    if not ports:
        return f"bridge {label} has no port, so its traffic leads nowhere"
    if not any(PHYSICAL.match(port) for port in ports):
        return f"bridge {label} has only ports that CloudStack does not take for physical: {', '.join(ports)}"
    return ""
