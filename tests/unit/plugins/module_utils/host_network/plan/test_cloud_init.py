# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether cloud-init writes the network, from its settings."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.cloud_init import (
    FOLDER,
    MAIN,
    OFF,
    SWITCH,
    writes_network,
)

DISABLED = "network: {config: disabled}\n"
THERE = {MAIN: "users:\n  - default\n"}


@pytest.mark.parametrize(
    ("files", "writes"),
    [
        ({}, False),
        (THERE, True),
        ({**THERE, OFF: ""}, False),
        ({**THERE, SWITCH: DISABLED}, False),
        ({**THERE, SWITCH: "# by hand\nnetwork:\n  config: 'disabled'\n"}, False),
        ({**THERE, SWITCH: "# " + DISABLED}, True),
        ({**THERE, SWITCH: DISABLED, f"{FOLDER}/99-zz.cfg": "network:\n  config:\n    version: 2\n"}, True),
        ({**THERE, f"{FOLDER}/90_dpkg.cfg": "network:\n  version: 2\n", SWITCH: DISABLED}, False),
        ({MAIN: DISABLED}, False),
    ],
)
def test_it_writes_the_network(files, writes):
    assert writes_network(files) == writes
