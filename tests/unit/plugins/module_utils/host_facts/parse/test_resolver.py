# SPDX-License-Identifier: GPL-3.0-or-later
"""resolv.conf and getent."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.resolver import (
    parse_addresses,
    parse_name,
    parse_servers,
)
from hypothesis import given
from hypothesis import strategies as st


def test_servers():
    assert parse_servers(
        "# nameserver 1.1.1.1\nnameserver 10.88.0.254\nsearch lab.test\nnameserver\tfd00::1\nnameserver\n"
    ) == ["10.88.0.254", "fd00::1"]


def test_addresses():
    content = (
        "10.88.0.11      STREAM host1.lab.test\n10.88.0.11      DGRAM\n10.88.0.11      RAW\nfe80::1%eth0    STREAM\n"
    )
    assert parse_addresses(content) == ["10.88.0.11", "fe80::1%eth0"]
    assert parse_addresses("") == []


def test_name():
    assert parse_name("10.88.0.11      host1.lab.test host1\n") == "host1.lab.test"


@pytest.mark.parametrize("content", ["", "10.88.0.11\n", "host1 10.88.0.11\n"])
def test_no_name(content):
    with pytest.raises(ParseError):
        parse_name(content)


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(["10.0.0.1", "::1", "%", " ", "\n", "nameserver", "a", "٣"])).map("".join)
    )
)
def test_garbage_is_a_value_or_a_parse_error(content):
    parse_servers(content)
    for parse in (parse_addresses, parse_name):
        try:
            parse(content)
        except ParseError as error:
            assert "getent" in str(error)
