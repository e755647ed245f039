# SPDX-License-Identifier: GPL-3.0-or-later
"""Under which addresses CloudStack may know a host."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import addresses
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile


@pytest.mark.parametrize(
    ("own", "declared", "found"),
    [
        (["192.0.2.11/24"], "192.0.2.11", {"192.0.2.11"}),
        (["192.0.2.11/24", "198.51.100.11/24"], "", {"192.0.2.11", "198.51.100.11"}),
        ([], "192.0.2.11", {"192.0.2.11"}),
        (["127.0.0.1/8", "169.254.0.1/16", "::1/128", "2001:db8::11/64"], "", set()),
    ],
    ids=["the declared one", "all of them", "none is seen", "loopback, link-local and IPv6 lead nowhere"],
)
def test_addresses_that_lead_to_the_host(own, declared, found):
    host = Profile("host1", {"interfaces": [{"addresses": own}]}, {"address": declared})
    assert addresses(host) == found
