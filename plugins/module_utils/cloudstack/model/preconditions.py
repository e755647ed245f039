# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What CloudStack 4.22.1 takes without a word, or refuses without saying where: refused here, before anything is sent.

Source: answers of a real server, tests/fixtures/recorded/arguments.json."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

NEXT_STEP = "correct the addresses; nothing has been sent to CloudStack"


def anything(options: Mapping[str, Any]) -> None:
    """Refuse nothing."""


def range_in_its_net(options: Mapping[str, Any]) -> None:
    """Refuse a range of IPv4 addresses that runs from high to low, leaves its own net, or holds the gateway.

    `options`: gateway, netmask, start_ip, end_ip; what is None is left to CloudStack. Raises InputError.
    """
    start, end, gateway = (_address(name, options.get(name)) for name in ("start_ip", "end_ip", "gateway"))
    if start is not None and end is not None and end < start:
        raise _refusal("the range runs from high to low", f"start_ip not above end_ip {end}", f"start_ip {start}")
    if gateway is None or options.get("netmask") is None:
        return
    net = _net(gateway, options["netmask"])
    for name, address in (("start_ip", start), ("end_ip", end)):
        if address is not None and address not in net:
            raise _refusal(f"{name} is outside of the net of its gateway", f"an address in {net}", f"{name} {address}")
    if start is not None and start <= gateway <= (end or net.broadcast_address - 1):
        raise _refusal(
            "the gateway is inside the range",
            f"a range without {gateway}",
            f"{start} to {end or 'the last address of the net'}",
        )


def one_tag(options: Mapping[str, Any]) -> None:
    """Refuse more than the one tag that a physical network can have. Raises InputError."""
    tags = options.get("tags")
    if tags and len(tags) > 1:
        raise InputError(
            "a physical network has one tag at most",
            expected="one tag, or an empty list to remove it",
            observed=", ".join(tags),
            next_step="choose one; network offerings find the physical network by it",
        )


def _address(name: str, word: Optional[str]) -> Optional[ipaddress.IPv4Address]:
    if not word:
        return None
    try:
        return ipaddress.IPv4Address(word)
    except ValueError:
        raise _refusal(
            f"{name} is not an IPv4 address", "four numbers from 0 to 255 with dots between them", f"{name} {word}"
        ) from None


def _net(gateway: ipaddress.IPv4Address, netmask: str) -> ipaddress.IPv4Network:
    try:
        ipaddress.IPv4Address(netmask)  # CloudStack takes no prefix length
        return ipaddress.IPv4Network(f"{gateway}/{netmask}", strict=False)
    except ValueError:
        raise _refusal("netmask is not a netmask", "a dotted one such as 255.255.255.0", f"netmask {netmask}") from None


def _refusal(problem: str, expected: str, observed: str) -> InputError:
    return InputError(problem, expected=expected, observed=observed, next_step=NEXT_STEP)
