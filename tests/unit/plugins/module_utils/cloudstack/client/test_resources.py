# SPDX-License-Identifier: GPL-3.0-or-later
"""Names are compared here, never by the server; what is missing is named together with what is there."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import apply_calls, find, require
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import PHYSICAL_NETWORK, POD
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

from tests.unit.plugins.scripted import ScriptedClient


def _pods(*names):
    return ScriptedClient(("listPods", [{"id": name, "name": name} for name in names]))


def test_exact_name_wins():
    assert find(_pods("Pod1", "pod1", "pod12"), POD, "pod1", zoneid="z")["id"] == "pod1"
    assert find(_pods("pod12"), POD, "pod1") is None


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["pod2", "rack-7"], ["pod1", "pod2, rack-7", "did you mean pod2?", "register_cluster.yml"]),
        ([], ["pod1", "none at all"]),
        (["POD1"], ["written differently", "POD1"]),
        (["pod1", "pod1"], ["2 objects"]),
        ([f"rack{number:02}" for number in range(30)], ["rack19 and more"]),
    ],
)
def test_parent_that_cannot_be_used(names, parts):
    with pytest.raises(InputError) as caught:
        require(_pods(*names), POD, "pod1", zoneid="z")
    for part in ("Expected", "Observed", "Next", *parts):
        assert part in str(caught.value)


def test_id_of_what_the_plan_itself_made_is_filled_in():
    steps = [
        Change("create", "x", data={"command": PHYSICAL_NETWORK.create, "params": {"name": "n"}, "is_async": True}),
        Change("update", "x", data={"command": PHYSICAL_NETWORK.update, "params": {"id": None, "state": "Enabled"}, "is_async": True}),
    ]
    client = ScriptedClient((PHYSICAL_NETWORK.create, {"physicalnetwork": {"id": "n1"}}), (PHYSICAL_NETWORK.update, {}))
    apply_calls(client, Plan.of(steps))
    assert client.sent[1][1] == {"id": "n1", "state": "Enabled"}
