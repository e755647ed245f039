# SPDX-License-Identifier: GPL-3.0-or-later
"""A password is rotated only where CloudStack's call can do it."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.plan.rotation import plan_rotation, require_rotation
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError


def test_possible():
    record = {"id": "h1", "outofbandmanagement": {"enabled": True, "driver": "ipmitool"}}
    assert require_rotation("192.0.2.11", record) is record


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (None, "none configured"),
        ({"id": "h1"}, "none configured"),
        ({"id": "h1", "outofbandmanagement": {"enabled": False, "driver": "ipmitool"}}, "disabled, driver ipmitool"),
        ({"id": "h1", "outofbandmanagement": {"enabled": True, "driver": "redfish"}}, "own copy only"),
        ({"id": "h1", "outofbandmanagement": {"enabled": True, "driver": "nestedcloudstack"}}, "new API keys"),
        ({"id": "h1", "outofbandmanagement": {"enabled": True, "driver": "IpmiTool"}}, "correct oobm_driver"),
    ],
)
def test_refused(record, words):
    with pytest.raises(InputError) as caught:
        require_rotation("192.0.2.11", record)
    for part in ("192.0.2.11", "cannot be changed through CloudStack", "Next: ", words):
        assert part in str(caught.value)


@pytest.mark.parametrize(("is_finished", "steps"), [(False, ["rotate BMC password of 192.0.2.11"]), (True, [])])
def test_plan(is_finished, steps):
    assert plan_rotation("192.0.2.11", is_finished).summary() == steps
