# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a member with one more peer are those that the role would write: its next run changes nothing."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.firewall_peers import (
    version_of,
    with_peers,
)

PATH = "/etc/nftables.d/cloudstack-kvm.nft"


def rules(ipv4="", ipv6="", version="version_0123456789ab"):
    """The part of the file that matters, as the role writes it; tests/unit/roles compares a whole one."""
    lines = ["table inet cloudstack_kvm {", "  set management_ipv4 {", "    type ipv4_addr", "    flags interval"]
    lines += ["    elements = { 192.0.2.254 }", "  }"]
    for family, kind, elements in (("ipv4", "ipv4_addr", ipv4), ("ipv6", "ipv6_addr", ipv6)):
        lines += [f"  set peers_{family} {{", f"    type {kind}", "    flags interval"]
        lines += [f"    elements = {{ {elements} }}"] if elements else []
        lines += ["  }"]
    return "\n".join([*lines, f"  chain {version} {{", "  }", "}", ""])


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [
        (("192.0.2.11, 192.0.2.13", ""), ["192.0.2.16"], ("192.0.2.11, 192.0.2.13, 192.0.2.16", "")),
        (("192.0.2.11", ""), ["2001:db8::4"], ("192.0.2.11", "2001:db8::4")),
        (("", ""), ["192.0.2.14", "a-name"], ("192.0.2.14", "")),
        (("192.0.2.12", ""), ["192.0.2.13"], ("192.0.2.12/31", "")),
    ],
)
def test_a_peer_is_added(before, added, after):
    edited = with_peers(rules(*before), added, PATH)
    assert edited == rules(*after, version=version_of(edited))
    assert version_of(edited) not in ("", "version_0", "version_0123456789ab")


@pytest.mark.parametrize(
    ("before", "added"),
    [(("192.0.2.11", ""), ["192.0.2.11"]), (("192.0.2.0/24", "2001:db8::/64"), ["192.0.2.14", "2001:db8::4"])],
)
def test_a_peer_that_is_accepted_already_changes_nothing(before, added):
    assert with_peers(rules(*before), added, PATH) == rules(*before)


@pytest.mark.parametrize("text", ["", "table inet filter {\n}\n", rules().replace("set peers_ipv6", "set others")])
def test_rules_of_somebody_else_are_refused(text):
    with pytest.raises(ParseError, match="cloudstack-kvm.nft"):
        with_peers(text, ["192.0.2.14"], PATH)


def test_the_version_that_nft_prints_is_found():
    assert version_of("table inet cloudstack_kvm {\n\tchain version_0123456789ab {\n\t}\n}\n") == "version_0123456789ab"
    assert version_of("table inet other {\n}\n") == ""
