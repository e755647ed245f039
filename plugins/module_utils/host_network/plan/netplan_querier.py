# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The multicast querier of bridges that netplan declares, for which netplan has no words. Pure.

networkd reads drop-ins of the .netdev file that netplan generates for a bridge, from /etc as well, and netplan leaves
these alone. Sources: netplan-yaml(5), bridges: parameters; systemd.netdev(5), drop-ins and MulticastQuerier=.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files, Network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkd_declared import (
    FOLDER,
    QUERIER,
    TRUE,
)

PATTERN = f"{FOLDER}/10-netplan-*.netdev.d/*.conf"
_OWN_NAME = "cloudstack-kvm.conf"
_PATH = re.compile(rf"{FOLDER}/10-netplan-(?P<bridge>[^/]+)\.netdev\.d/[^/]+\.conf")
_TEXT = (
    "# Written by Ansible (cloudstack.kvm.network_bridge). Read with the file that netplan generates.\n"
    f"[Bridge]\n{QUERIER}=yes\n"
)


def own_path(bridge: str) -> str:
    """The role's drop-in for a bridge."""
    return f"{FOLDER}/10-netplan-{bridge}.netdev.d/{_OWN_NAME}"


def is_drop_in(path: str) -> bool:
    """Whether networkd reads a file with one that netplan generates. It does so as a user of its own."""
    return bool(_PATH.fullmatch(path))


def drop_ins(network: Network, files: Files) -> dict[str, str]:
    """The role's drop-ins as they must be, "" for one that has to go. Raises InputError where an operator's own drop-in
    says otherwise than it is declared."""
    new = {own_path(bridge.name): _drop_in(bridge, files) for bridge in network.bridges}
    new |= {own_path(name): "" for name in network.absent}
    return {path: text for path, text in new.items() if text or path in files}


def _drop_in(bridge: Bridge, files: Files) -> str:
    """The role's own for one bridge, "" where none is needed."""
    wanted, own = bridge.multicast_querier, own_path(bridge.name)
    others = {path: text for path, text in files.items() if path != own}
    if _said(others, bridge.name)[1] == wanted:
        return ""
    path, asks = _said({**others, own: _TEXT} if wanted else others, bridge.name)
    if asks != wanted:
        declared, said = ("true", "no") if wanted else ("false", "yes")
        raise InputError(
            f"{path} says otherwise than declared whether {bridge.name} is a multicast querier; nothing was changed",
            expected=f"{QUERIER}={'yes' if wanted else 'no'}, as multicast_querier is {declared}, or no such line",
            observed=f"{QUERIER}={said}",
            next_step=f"declare multicast_querier of {bridge.name} as it is there, or take that line out",
            reproduce=f"cat {path}",
        )
    return _TEXT


def _said(files: Files, bridge: str) -> tuple[str, bool]:
    """The drop-in that decides whether a bridge is a querier, "" without one, and what it says. Of several the last by
    name counts."""
    matches = [_PATH.fullmatch(path) for path in sorted(files, key=posixpath.basename)]
    paths = [match[0] for match in matches if match and match["bridge"] == bridge]
    values = {path: keyfile.value(files[path], "Bridge", QUERIER).lower() for path in paths}
    said = [path for path, value in values.items() if value]
    return (said[-1], values[said[-1]] in TRUE) if said else ("", False)


def with_queriers(network: Network, files: Files) -> Network:
    """What netplan's files declare, with what the drop-ins say beside them."""
    bridges = (replace(each, multicast_querier=_said(files, each.name)[1]) for each in network.bridges)
    return replace(network, bridges=tuple(bridges))


def without_queriers(network: Network) -> Network:
    """The part of a declaration that netplan's own files can say."""
    return replace(network, bridges=tuple(replace(each, multicast_querier=False) for each in network.bridges))
