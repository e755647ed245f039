# SPDX-License-Identifier: GPL-3.0-or-later
"""`vtysh -c 'show bgp l2vpn evpn summary json'` of FRR 8.4 (tests/integration/test_evpn_vm.py)."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.frr_json import parse_evpn_sessions

from tests.unit.plugins.captured import text


@pytest.mark.parametrize(
    ("answer", "sessions"),
    [
        (text("vtysh/evpn_summary.json"), {"cloudbr1": "Established", "10.88.0.3": "Idle"}),
        ("{}\n", {}),  # no router bgp
    ],
)
def test_captured(answer, sessions):
    assert parse_evpn_sessions(answer) == sessions


@pytest.mark.parametrize("answer", ["", "bgpd is not running", "[]", '{"peers": []}', '{"peers": {"eth1": "Idle"}}'])
def test_what_is_no_answer(answer):
    with pytest.raises(ParseError):
        parse_evpn_sessions(answer)
