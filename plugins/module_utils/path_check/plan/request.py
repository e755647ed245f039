# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What path_mtu refuses before it sends anything: probes that are not valid, and rates that would do harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import LARGEST, SMALLEST

NETWORK = {"name": {"type": "str", "required": True}, "device": {"type": "str"}, "source": {"type": "str"}}
PROBE = {
    "network": {"type": "str", "required": True},
    "peer": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "size": {"type": "int", "required": True},
}
OPTIONS: dict[str, Any] = {
    "host": {"type": "str", "required": True},
    "networks": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": NETWORK,
        "required_one_of": [("device", "source")],
    },
    "probes": {"type": "list", "elements": "dict", "required": True, "options": PROBE},
    "count": {"type": "int", "default": 20},
    "interval": {"type": "float", "default": 0.03},
    "timeout": {"type": "float", "default": 1},
    "packets_per_second": {"type": "int", "default": 1000},
    "time_limit": {"type": "float", "default": 30},
    "listen_s": {"type": "float", "default": 1},
    "larger": {"type": "bool", "default": False},
    "direction": {"type": "bool", "default": False},
    "duplicates": {"type": "bool", "default": False},
    "tcp_port": {"type": "int", "default": 22},
}
LIMITS = {
    "count": (1, 1000),
    "interval": (0.005, 10),
    "timeout": (0.05, 30),
    "packets_per_second": (1, 10000),
    "time_limit": (1, 3600),
    "listen_s": (0, 600),
    "tcp_port": (0, 65535),
}
_LONGEST_NAME = 15  # IFNAMSIZ without the end
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, IPv4 addresses as IPv6

Pack = Callable[[str], bytes]


def validate(options: Mapping[str, Any], pack: Pack) -> None:
    """Raise InputError, which names the host, for options that are not valid.

    `pack` turns an address into its 4 or 16 bytes, or raises OSError.
    """
    try:
        _bounds(options)
        sources = _sources(options["networks"], pack)
        seen = set()
        for probe in options["probes"]:
            key = (probe["network"], probe["peer"], _probe(options["host"], probe, sources, pack), probe["size"])
            if key in seen:
                observed = f"{probe['address']} on {probe['network']}"
                raise InputError(f"the probe of {probe['peer']} is there twice", expected="once", observed=observed)
            seen.add(key)
        _enough_time(options)
    except InputError as error:
        error.host = options["host"]
        raise


def _bounds(options: Mapping[str, Any]) -> None:
    for name, (low, high) in LIMITS.items():
        if not low <= options[name] <= high:
            raise InputError(f"{name} is out of bounds", expected=f"{low} to {high}", observed=options[name])


def _sources(networks: list[Mapping[str, Any]], pack: Pack) -> dict[str, bytes]:
    """Packed own address by network; empty where none is given."""
    sources: dict[str, bytes] = {}
    for network in networks:
        name, device = network["name"], network["device"] or ""
        if name in sources:
            raise InputError("two networks have the same name", expected="each name once", observed=name)
        if len(device) > _LONGEST_NAME or set(device) & set("/ \t\n") or device in (".", ".."):
            expected = f"at most {_LONGEST_NAME} letters, no blank and no slash"
            message = f"network {name}: that is not the name of an interface"
            raise InputError(message, expected=expected, observed=device)
        if device == "lo":
            message = f"network {name}: no other host is behind the loopback interface"
            raise InputError(message, expected="a bridge, VLAN device or card", observed=device)
        source = network["source"]
        sources[name] = _address(source, pack, f"network {name}: the source") if source else b""
    return sources


def _probe(host: str, probe: Mapping[str, Any], sources: Mapping[str, bytes], pack: Pack) -> bytes:
    """Its address, packed."""
    peer, network = probe["peer"], probe["network"]
    if network not in sources:
        expected = ", ".join(sources) or "no network at all"
        raise InputError(
            f"the probe of {peer} is on a network that is not in networks", expected=expected, observed=network
        )
    packed, source = _address(probe["address"], pack, f"the address of {peer}"), sources[network]
    if packed == source or peer == host:
        message = f"the probe of {peer} asks this host itself"
        raise InputError(message, expected="another host", observed=probe["address"])
    version = _version(packed)
    if source and _version(source) != version:
        message = f"the address of {peer} is of another IP version than the source"
        raise InputError(message, expected=f"IPv{_version(source)}", observed=probe["address"])
    least = SMALLEST[version == 6]
    if not least <= probe["size"] <= LARGEST:
        message = f"no IPv{version} path is that small or large: {peer}"
        raise InputError(message, expected=f"{least} to {LARGEST}", observed=probe["size"])
    return packed


def _address(text: str, pack: Pack, what: str) -> bytes:
    expected = "an IPv4 or IPv6 address"
    try:
        packed = pack(text)
    except (OSError, ValueError) as error:
        next_step = "names are not resolved here: give the address on this network"
        message = f"{what} is not an IP address"
        raise InputError(message, expected=expected, observed=text or "nothing", next_step=next_step) from error
    if not _is_of_one_host(packed):
        raise InputError(
            f"{what} is not the address of one other host", expected=f"{expected} of a host", observed=text
        )
    return packed


def _is_of_one_host(packed: bytes) -> bool:
    """Neither multicast nor loopback, not unspecified, and not IPv4 inside IPv6."""
    if not any(packed):
        return False
    if len(packed) == 16:
        return packed[0] != 0xFF and packed != bytes(15) + b"\1" and not packed.startswith(_MAPPED)
    return packed[0] < 224 and packed[0] != 127


def _version(packed: bytes) -> int:
    return 6 if len(packed) == 16 else 4


def _enough_time(options: Mapping[str, Any]) -> None:
    """Refuse what cannot be done in time even if all is well."""
    packets = len(options["probes"]) * (options["count"] + 1)
    needed = max(packets / options["packets_per_second"], options["count"] * options["interval"])
    if needed > options["time_limit"]:
        raise InputError(
            f"{packets} packets cannot be sent in time",
            expected=f"at most {options['time_limit']:g} s (time_limit)",
            observed=f"{needed:.0f} s",
            next_step="ask fewer peers, lower count or interval, or raise packets_per_second or time_limit",
        )
