# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The NICs of this host, by what does not change: their own MAC, the driver, the slot."""

from __future__ import annotations

import os
import re

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run, must
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Card
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ip_state

_PCI = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def cards(run: Run = command.run, root: str = "/sys/class/net") -> list[Card]:
    """Every NIC; raises ApplyError where `ip` cannot tell, ParseError for what is not understood."""
    macs = ip_state.parse_macs(must(run, ("ip", "-j", "-d", "link")))
    return [
        Card(name, mac, _driver(f"{root}/{name}/device"), _slot(f"{root}/{name}/device")) for name, mac in macs.items()
    ]


def _driver(device: str) -> str:
    """The last part of where the link leads, "" where there is none: a virtual NIC has neither driver nor slot."""
    path = f"{device}/driver"
    return os.path.basename(os.path.realpath(path)) if os.path.islink(path) else ""


def _slot(device: str) -> str:
    """The PCI address, also of what a PCI device carries (virtio), else the name on its bus."""
    parts = os.path.realpath(device).split("/") if os.path.islink(device) else [""]
    return next((part for part in reversed(parts) if _PCI.fullmatch(part)), parts[-1])
