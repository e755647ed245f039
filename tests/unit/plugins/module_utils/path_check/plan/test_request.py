# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is sent. Every message names the host, what was expected and what was seen."""

from __future__ import annotations

import re
import socket

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.request import LIMITS, validate

NETWORK = {"name": "net", "device": "cloudbr0", "source": "192.0.2.1"}
PROBE = {"network": "net", "peer": "host2", "address": "192.0.2.2", "size": 1500}
GOOD = {
    "host": "host1",
    "networks": [NETWORK],
    "probes": [PROBE],
    "count": 20,
    "interval": 0.03,
    "timeout": 1.0,
    "packets_per_second": 1000,
    "time_limit": 30.0,
    "listen_s": 1.0,
    "tcp_port": 22,
}
ONE = "an IPv4 or IPv6 address of a host"


def _pack(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def _refused(change):
    """(message, expected, observed)"""
    with pytest.raises(InputError) as caught:
        validate({**GOOD, **change}, _pack)
    return re.match(r"host1: (.*?)\. Expected: (.*?)\. Observed: (.*?)\.( Next: .*)?$", str(caught.value)).groups()[:3]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"networks": [{**NETWORK, "source": None}]},
        {"networks": [{**NETWORK, "device": None}]},
        {"probes": []},
        {"probes": [PROBE, {**PROBE, "size": 9000}, {**PROBE, "peer": "host3"}]},
        {"probes": [{**PROBE, "size": 68}, {**PROBE, "size": 65535}]},
    ],
)
def test_good(change):
    validate({**GOOD, **change}, _pack)


@pytest.mark.parametrize(
    ("change", "message", "expected"),
    [
        ({"address": "host2.example"}, "the address of host2 is not an IP address", "an IPv4 or IPv6 address"),
        ({"address": "192.0.2.0/24"}, "the address of host2 is not an IP address", "an IPv4 or IPv6 address"),
        ({"address": "fe80::1%eth0"}, "the address of host2 is not an IP address", "an IPv4 or IPv6 address"),
        ({"address": "127.0.0.1"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "0.0.0.0"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "224.0.0.1"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "255.255.255.255"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "::1"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "::"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "ff02::1"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "::ffff:192.0.2.2"}, "the address of host2 is not the address of one other host", ONE),
        ({"address": "192.0.2.1"}, "the probe of host2 asks this host itself", "another host"),
        ({"peer": "host1", "address": "192.0.2.9"}, "the probe of host1 asks this host itself", "another host"),
        ({"address": "2001:db8::2"}, "the address of host2 is of another IP version than the source", "IPv4"),
        ({"size": 67}, "no IPv4 path is that small or large: host2", "68 to 65535"),
        ({"size": 65536}, "no IPv4 path is that small or large: host2", "68 to 65535"),
        ({"network": "storage"}, "the probe of host2 is on a network that is not in networks", "net"),
    ],
)
def test_peers_and_sizes(change, message, expected):
    observed = str(next(change[key] for key in ("size", "network", "address") if key in change))
    assert _refused({"probes": [{**PROBE, **change}]}) == (message, expected, observed)


def test_no_address_at_all():
    assert _refused({"probes": [{**PROBE, "address": ""}]}) == (
        "the address of host2 is not an IP address",
        "an IPv4 or IPv6 address",
        "nothing",
    )


def test_ipv6_has_a_larger_minimum():
    change = {"networks": [{**NETWORK, "source": None}], "probes": [{**PROBE, "address": "2001:db8::2", "size": 1279}]}
    assert _refused(change) == ("no IPv6 path is that small or large: host2", "1280 to 65535", "1279")


@pytest.mark.parametrize(
    ("change", "message", "expected"),
    [
        (
            {"device": "lo"},
            "network net: no other host is behind the loopback interface",
            "a bridge, VLAN device or card",
        ),
        (
            {"device": "a/b"},
            "network net: that is not the name of an interface",
            "at most 15 letters, no blank and no slash",
        ),
        (
            {"device": ".."},
            "network net: that is not the name of an interface",
            "at most 15 letters, no blank and no slash",
        ),
        (
            {"device": "sixteen-letters-"},
            "network net: that is not the name of an interface",
            "at most 15 letters, no blank and no slash",
        ),
        ({"source": "host1"}, "network net: the source is not an IP address", "an IPv4 or IPv6 address"),
        ({"source": "127.0.0.1"}, "network net: the source is not the address of one other host", ONE),
    ],
)
def test_networks(change, message, expected):
    assert _refused({"networks": [{**NETWORK, **change}]}) == (
        message,
        expected,
        next(iter(change.values())).rstrip("."),
    )


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"networks": [NETWORK, NETWORK]}, ("two networks have the same name", "each name once", "net")),
        ({"networks": []}, ("the probe of host2 is on a network that is not in networks", "no network at all", "net")),
        ({"probes": [PROBE, dict(PROBE)]}, ("the probe of host2 is there twice", "once", "192.0.2.2 on net")),
    ],
)
def test_what_is_there_twice_or_not_at_all(change, refused):
    assert _refused(change) == refused


@pytest.mark.parametrize("option", LIMITS)
def test_bounds(option):
    low, high = LIMITS[option]
    for value in (low - 0.001, high + 1):
        assert _refused({option: value}) == (f"{option} is out of bounds", f"{low} to {high}", str(value))


def test_what_cannot_be_done_in_time():
    probes = [{**PROBE, "peer": f"host{number}", "address": f"192.0.2.{number}"} for number in range(2, 102)]
    assert _refused({"probes": probes, "packets_per_second": 10}) == (
        "2100 packets cannot be sent in time",
        "at most 30 s (time_limit)",
        "210 s",
    )
