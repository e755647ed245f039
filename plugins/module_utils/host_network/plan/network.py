# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a back end can say of a declared network. Pure."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Network


def require_plain(network: Network, backend: str) -> None:
    """Raises InputError where a back end that makes only bridges on NICs is asked for more."""
    if network.is_plain:
        return
    more = [name for name, each in network.devices.items() if not isinstance(each, Bridge)] or list(network.devices)
    raise InputError(
        f"the role does not make bonds, VLAN devices and further options of bridges with {backend} yet",
        expected="bridges on NICs, with MTU, IPv4 address and gateway",
        observed=", ".join([*more, *network.absent]),
        next_step=f"make them with {backend} yourself and declare the bridges alone; nothing was changed",
    )
