# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a network is read back as it was; anything else is refused in words."""

from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Kept, State
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ip_state
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.kept import kept_text, parse_kept
from hypothesis import given
from hypothesis import strategies as st

LINKS = json.dumps(
    [
        {
            "ifname": "cloudbr0",
            "mtu": 9000,
            "flags": ["UP"],
            "address": "02:00:00:00:00:01",
            "linkinfo": {"info_kind": "bridge", "info_data": {"stp_state": 0, "forward_delay": 0}},
            "addr_info": [
                {"family": "inet", "local": "10.88.0.11", "prefixlen": 24, "scope": "global", "label": "cloudbr0:7"},
                {
                    "family": "inet",
                    "local": "10.88.0.12",
                    "prefixlen": 24,
                    "scope": "global",
                    "dynamic": True,
                    "valid_life_time": 600,
                    "preferred_life_time": 300,
                },
            ],
        },
        {"ifname": "eth0", "mtu": 9000, "flags": [], "master": "cloudbr0", "addr_info": []},
    ]
)
ROUTES = json.dumps([{"dst": "default", "gateway": "10.88.0.1", "dev": "cloudbr0", "flags": []}])


@given(st.binary(max_size=200) | st.none())
def test_it_is_read_back(content):
    state = State(ip_state.parse_links(LINKS), tuple(ip_state.parse_routes(ROUTES, 4)))
    files = (FileState("/etc/network/interfaces", "file", content, 0o644, 0, 0), FileState("/etc/x"))
    kept = Kept("ifupdown", state, ("cloudbr0", "eth0"), files, ("eth0",), ())
    again = parse_kept(kept_text(kept))
    assert again == kept
    lifetimes = [[address.lifetimes for address in each.state.links["cloudbr0"].addresses] for each in (kept, again)]
    assert lifetimes[0] == lifetimes[1], "they do not count for equality"


def test_every_part_is_kept():
    assert set(json.loads(kept_text(Kept("x", State({}), (), (), (), ())))) == {
        field.name for field in dataclasses.fields(Kept)
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"state": 1}', "null", kept_text(Kept("x", State({}), (), (), (), ()))[:-9]]
)
def test_what_it_did_not_write_is_refused(text):
    with pytest.raises(ParseError, match="the network as it was kept"):
        parse_kept(text)
