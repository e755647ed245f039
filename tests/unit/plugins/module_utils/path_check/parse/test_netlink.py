# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel sent: messages captured from Linux 6.18 (tests/fixtures/rtnetlink), and damaged ones."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse import netlink
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[5] / "fixtures" / "rtnetlink"
MAC = bytes.fromhex("020000000001")


def _bodies(name):
    found = []
    for line in (FIXTURES / f"{name}.hex").read_text().split("\n"):
        if not line.startswith("#") and line:
            messages, _last = netlink.messages(bytes.fromhex(line))
            found += messages
    return found


def test_links():
    links = {link.name: link for link in (netlink.read_link(body) for _kind, body in _bodies("links"))}
    bridge, port, above, guest = links["cloudbr0"], links["eth0"], links["mv0"], links["vnet0"]
    assert (bridge.kind, bridge.mtu, bridge.up, bridge.mac) == ("bridge", 1400, True, MAC)
    assert (port.kind, port.mtu, port.master, port.parent) == (
        "veth",
        1400,
        bridge.index,
        0,
    )  # its other end is in another namespace
    assert (above.kind, above.parent, above.up) == ("macvlan", bridge.index, False)
    assert (guest.kind, guest.master) == ("tun", bridge.index)
    assert links["lo"].mtu == 65536
    assert (links["vxlan100"].kind, links["vxlan100"].parent) == (
        "vxlan",
        0,
    )  # its packets are larger below, so that is no layer of the same size


def test_addresses():
    found = [netlink.read_address(body) for _kind, body in _bodies("addresses")]
    values = {(each.packed.hex(), each.reached.hex(), each.prefix) for each in found if each}
    assert ("c0000201", "c0000201", 24) in values
    assert ("c6336401", "c6336400", 32) in values  # point to point: its own, and the far end's
    assert ("20010db8000000000000000000000001", "20010db8000000000000000000000001", 64) in values
    assert ("20010db8000000000000000000000099", "20010db8000000000000000000000099", 64) not in values  # still tentative


def test_neighbours():
    found = {
        each[1].hex(): each for each in (netlink.read_neighbour(body) for _kind, body in _bodies("neighbours")) if each
    }
    assert found["c0000202"][2:] == (netlink.PERMANENT, bytes.fromhex("020000000002"))
    assert found["c0000203"][2:] == (netlink.REACHABLE, bytes.fromhex("020000000003"))
    assert found["c0000204"][2:] == (netlink.INCOMPLETE, b"")


def test_an_error_is_the_kernels():
    error = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -errno.ENETUNREACH) + bytes(16)
    with pytest.raises(OSError) as caught:
        netlink.messages(error)
    assert caught.value.errno == errno.ENETUNREACH


def test_the_end_of_a_dump():
    assert netlink.messages(struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)) == ([], True)


def test_requests():
    assert netlink.dump_request(netlink.GET_ADDRESS)[4:8] == struct.pack("=HH", 22, 0x301)
    request = netlink.route_request(bytes((192, 0, 2, 2)), bytes((192, 0, 2, 1)))
    assert len(request) == struct.unpack_from("=I", request)[0] == 16 + 12 + 8 + 8


READERS = [netlink.read_link, netlink.read_address, netlink.read_neighbour, netlink.read_route]


def _value_or_parse_error(read, data):
    try:
        return read(data)
    except ParseError as error:
        assert "rtnetlink" in str(error)
        return None


@given(st.binary(max_size=200))
def test_noise_in_place_of_messages(data):
    """Whatever comes, it is read to its end or refused as the kernel's error."""
    try:
        found, _last = netlink.messages(data)
    except OSError:
        return
    assert len(found) <= len(data)


@given(st.binary(max_size=120))
def test_noise_in_place_of_a_message(data):
    for read in READERS:
        _value_or_parse_error(read, data)


@given(st.sampled_from(["links", "addresses", "neighbours"]), st.data())
def test_damaged_messages(name, data):
    """Real ones, cut short and with one byte changed."""
    body = bytearray(data.draw(st.sampled_from(_bodies(name)))[1])
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    for read in READERS:
        found = _value_or_parse_error(read, cut)
        if read is netlink.read_address and found:
            found.reaches(bytes(len(found.packed)))


@pytest.mark.parametrize(("read", "least"), list(zip(READERS, (16, 8, 12, 12))))
def test_a_message_that_is_cut_short(read, least):
    with pytest.raises(ParseError):
        read(bytes(least - 1))
    read(bytes(least))
