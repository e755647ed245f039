# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets as they must be on the wire, and whatever may come back from it."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse import icmp
from hypothesis import given
from hypothesis import strategies as st

NONCE = b"12345678"
V4 = bytes((192, 0, 2, 7))
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7")
MAC = b"\x02\x00\x00\x00\x00\x01"


def _sum16(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return total


@given(st.integers(68, 65535), st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535))
def test_echo_request(size, identifier, sequence, peer):
    tagged = icmp.tag(NONCE, peer, size, 3)
    packet = icmp.echo_request(False, identifier, sequence, tagged, size)
    assert len(packet) == size - 20
    assert _sum16(packet) == 0xFFFF  # RFC 1071: the sum over a packet with its checksum
    assert icmp.read_echo(packet) == (8, identifier, sequence)
    assert icmp.read_tag(packet, icmp.ECHO_SIZE) == (NONCE, peer, size, 3)


def test_echo_request_6():
    packet = icmp.echo_request(True, 7, 1, icmp.tag(NONCE, 0, 1280, 0), 1280)
    assert len(packet) == 1280 - 40
    assert icmp.read_echo(packet) == (128, 7, 1)


@pytest.mark.parametrize(("v6", "headers"), [(False, 28), (True, 48)])
def test_datagram(v6, headers):
    assert len(icmp.datagram(v6, icmp.tag(NONCE, 1, 1500, 0), 1500)) == 1500 - headers


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda rest: b"\x88\0\0\0" + rest)))
def test_noise_is_nothing(data):
    """Whatever somebody sends, nothing breaks; only our own tag is read."""
    assert icmp.read_tag(data, icmp.header_length(data)) is None
    for read in (icmp.read_echo, icmp.read_error, icmp.read_arp_reply, icmp.read_advertisement):
        assert read(data) is None or len(data) >= 8


@given(
    st.binary(max_size=8),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 24),
)
def test_a_tag_is_read_whole_or_not_at_all(before, nonce, peer, size, number, missing):
    tagged = before + icmp.tag(nonce, peer, size, number)
    expected = None if missing else (nonce, peer, size, number)
    assert icmp.read_tag(tagged[: len(tagged) - missing], len(before)) == expected


@given(st.booleans(), st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1), st.booleans())
def test_every_error_has_words(v6, kind, code, info, own):
    refusal = icmp.refusal_of(v6, kind, code, info, "R", own)
    assert refusal.text and refusal.by == "R"


@pytest.mark.parametrize(("first", "length"), [(0x45, 20), (0x46, 24), (0x4F, 60)])
def test_options_of_ipv4(first, length):
    assert icmp.header_length(bytes((first, 0))) == length


def _error(origin, kind, code, info, offender):
    return struct.pack("=IBBBxII", 113, origin, kind, code, info, 0) + offender


SOCKADDR = struct.pack("=HH4s8x", socket.AF_INET, 0, V4)
SOCKADDR6 = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, V6, 0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_error(2, 3, 4, 1400, SOCKADDR), (3, 4, 1400, V4)),
        (_error(3, 2, 0, 1280, SOCKADDR6), (2, 0, 1280, V6)),
        (_error(2, 3, 1, 0, bytes(16)), (3, 1, 0, b"")),  # AF_UNSPEC: not known
        (_error(1, 0, 0, 1500, SOCKADDR), None),  # the kernel's own EMSGSIZE
        (struct.pack("=qq", 1, 2), None),  # a time of arrival
        (b"", None),
    ],
)
def test_errors(data, expected):
    assert icmp.read_error(data) == expected


@pytest.mark.parametrize(
    ("v6", "kind", "code", "info", "own", "failure", "text", "mtu"),
    [
        (False, 3, 4, 1400, False, "router", "R: fragmentation needed, MTU 1400", 1400),
        (False, 3, 4, 0, False, "router", "R: fragmentation needed, without saying which MTU", 0),
        (True, 2, 0, 1280, False, "router", "R: packet too big, MTU 1280", 1280),
        (False, 3, 1, 0, True, "no_neighbour", "no answer to ARP", 0),
        (True, 1, 3, 0, True, "no_neighbour", "no answer to neighbour discovery", 0),
        (False, 3, 1, 0, False, "prohibited", "R: host unreachable", 0),
        (True, 1, 3, 0, False, "prohibited", "R: address unreachable", 0),
        (False, 3, 0, 0, False, "prohibited", "R: network unreachable", 0),
        (False, 3, 13, 0, False, "prohibited", "R: administratively prohibited", 0),
        (False, 3, 10, 0, False, "prohibited", "R: host administratively prohibited", 0),
        (True, 1, 1, 0, False, "prohibited", "R: administratively prohibited", 0),
        (False, 11, 0, 0, False, "prohibited", "R: too many hops", 0),
        (True, 3, 0, 0, False, "prohibited", "R: too many hops", 0),
        (False, 12, 1, 0, False, "prohibited", "R: ICMP error 12, code 1", 0),
        (False, 3, 77, 0, False, "prohibited", "R: ICMP error 3, code 77", 0),
    ],
)
def test_errors_in_words(v6, kind, code, info, own, failure, text, mtu):
    refusal = icmp.refusal_of(v6, kind, code, info, "R", own)
    assert (refusal.failure, refusal.text, refusal.mtu, refusal.by) == (failure, text, mtu, "R")


def test_arp():
    request = icmp.arp_request(MAC, V4, bytes((192, 0, 2, 8)))
    assert request == bytes.fromhex("0001080006040001020000000001c0000207000000000000c0000208")
    assert icmp.read_arp_reply(request) is None
    reply = bytes.fromhex("00010800060400020200000000ffc0000208020000000001c0000207")
    assert icmp.read_arp_reply(reply + bytes(18)) == (bytes((192, 0, 2, 8)), b"\x02\0\0\0\0\xff")


def test_neighbour_discovery():
    assert icmp.solicitation(MAC, V6) == bytes.fromhex("8700000000000000") + V6 + b"\1\1" + MAC
    assert (
        socket.inet_ntop(socket.AF_INET6, icmp.solicited_node(socket.inet_pton(socket.AF_INET6, "2001:db8::1:2:3")))
        == "ff02::1:ff02:3"
    )
    advertisement = b"\x88\0\0\0\x60\0\0\0" + V6
    assert icmp.read_advertisement(advertisement) is None
    assert icmp.read_advertisement(advertisement + b"\x0e\1" + bytes(6) + b"\2\1" + MAC) == (V6, MAC)
    assert (
        icmp.read_advertisement(advertisement + b"\x0e\0" + bytes(6) + b"\2\1" + MAC) is None
    )  # a length of 0 must not be followed
    assert icmp.mac_text(MAC) == "02:00:00:00:00:01"
