# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudStack finds a machine where the inventory says so; without a word about it, where Ansible logs in."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.parse.machine_address import (
    host_addresses,
    management_addresses,
)

ANSIBLE = {"inventory_hostname": "host1", "ansible_host": "198.51.100.1"}


@pytest.mark.parametrize(
    ("variables", "host", "server"),
    [
        ({}, "host1", "host1"),
        ({"inventory_hostname": "host1"}, "host1", "host1"),
        (ANSIBLE, "198.51.100.1", "198.51.100.1"),
        ({**ANSIBLE, "cloudstack_host_address": "192.0.2.1"}, "192.0.2.1", "198.51.100.1"),
        ({**ANSIBLE, "cloudstack_management_address": "192.0.2.1"}, "198.51.100.1", "192.0.2.1"),
        ({**ANSIBLE, "cloudstack_host_address": "", "cloudstack_management_address": ""}, *["198.51.100.1"] * 2),
        ({**ANSIBLE, "host_registration_address": "192.0.2.2"}, "192.0.2.2", "198.51.100.1"),
    ],
)  # fmt: skip
def test_where_cloudstack_finds_a_machine(variables, host, server):
    assert host_addresses(["host1"], {"host1": variables}) == [host]
    assert management_addresses(["host1"], {"host1": variables}) == [server]
