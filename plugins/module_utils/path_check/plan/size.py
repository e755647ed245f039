# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which packet size must pass on which network: derived from what the zone does with it, not typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.mtu import (
    DEFAULT_MTU,
    GUEST_MTU,
    TAG,
    VXLAN_COST,
)


@dataclass(frozen=True)
class Size:
    """What the check asks of one network, in bytes of a whole IP packet.

    `needed` is what the zone's traffic needs, `declared` what the bridges are declared to have, `why` the traffic that
    needs most. What must pass, `probed`, is the declared size: the hosts will use all of it. Where that is too small
    (`gap`), the declaration is at fault and not the network.
    """

    network: str
    needed: int
    declared: int
    why: str

    @property
    def probed(self) -> int:
        return self.declared

    @property
    def gap(self) -> int:
        return max(0, self.needed - self.declared)


def sizes(
    labels: Mapping[str, Iterable[str]],
    isolation: Iterable[str],
    declared: Mapping[str, int],
    *,
    guest_mtu: int = GUEST_MTU,
    families: Optional[Mapping[str, int]] = None,
    counts_tag: Iterable[str] = (),
) -> dict[str, Size]:
    """Label -> Size.

    `labels`: by traffic type (Management, Public, Guest, Storage). `isolation`: as CloudStack has it (VXLAN, VLAN).
    `declared`: MTU of the label's bridge by the inventory. `families`: 6 for a label whose hosts talk over IPv6 only.
    `counts_tag`: labels whose underlay counts an 802.1Q tag as a part of its MTU (a switch or provider with a fixed
    frame size): 4 bytes more. Storage gets jumbo frames by declaration only; without one it needs what everything
    needs.
    """
    vxlan = "VXLAN" in {method.upper() for method in isolation}
    tagged = set(counts_tag)
    found: dict[str, Size] = {}
    for kind, names in sorted(labels.items()):
        for label in sorted(set(names)):
            needed, why = _needed(kind, vxlan, guest_mtu, (families or {}).get(label, 4))
            if label in tagged:
                needed, why = needed + TAG, f"{why} + {TAG} (tag)"
            if label not in found or needed > found[label].needed:
                found[label] = Size(label, needed, declared.get(label, DEFAULT_MTU), why)
    return dict(sorted(found.items()))


def _needed(kind: str, vxlan: bool, guest_mtu: int, family: int) -> tuple[int, str]:
    if kind != "Guest":
        return DEFAULT_MTU, kind
    if not vxlan:
        return guest_mtu, kind
    return guest_mtu + VXLAN_COST[family], f"{kind}: {guest_mtu} + {VXLAN_COST[family]} (VXLAN over IPv{family})"
