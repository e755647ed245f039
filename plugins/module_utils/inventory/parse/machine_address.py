# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables of the inventory -> the address at which CloudStack and the hosts find a machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Where a host, and a management server, is on the management network: the first of these variables that is set. Ansible
# may log in over another network (ansible_host).
HOST_ADDRESS = ("host_registration_address", "cloudstack_host_address", "ansible_host", "inventory_hostname")
MANAGEMENT_ADDRESS = ("cloudstack_management_address", "ansible_host", "inventory_hostname")


def host_address(variables: Mapping[str, Any]) -> str:
    """The management address of the KVM host with these variables; empty where the inventory has none."""
    return _first_set(variables, HOST_ADDRESS)


def management_address(variables: Mapping[str, Any]) -> str:
    """The address of the management server with these variables, on the management network; empty where none is set."""
    return _first_set(variables, MANAGEMENT_ADDRESS)


def host_addresses(names: Iterable[str], variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The management addresses of these KVM hosts, in their order."""
    return [host_address(variables[name]) or name for name in names]


def management_addresses(names: Iterable[str], variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The addresses of these management servers on the management network, in their order."""
    return [management_address(variables[name]) or name for name in names]


def _first_set(variables: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((str(variables[name]) for name in names if variables.get(name)), "")
