# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The back ends by name."""

from __future__ import annotations

from typing import Callable

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.base import Backend
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.ifupdown import Ifupdown
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.netplan import Netplan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.networkd import Networkd
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.networkmanager import NetworkManager

BACKENDS: dict[str, Callable[[], Backend]] = {
    "ifupdown": Ifupdown,
    "netplan": Netplan,
    "networkd": Networkd,
    "networkmanager": NetworkManager,
}
