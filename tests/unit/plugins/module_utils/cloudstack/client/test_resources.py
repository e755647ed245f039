# SPDX-License-Identifier: GPL-3.0-or-later
"""Names are compared here, never by the server; what is missing is named together with what is there."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.resources import (
    apply_calls,
    find,
    find_parents,
    require,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import (
    PHYSICAL_NETWORK,
    POD,
    ZONE,
)
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
        (["pod2", "rack-7"], ["pod1", "pod2, rack-7", "did you mean pod2?", "cloudstack.kvm.register_cluster"]),
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


OPTIONS = {"zone": "zone1", "pod": "pod1", "state": "present"}
ZONES, NO_PODS = ("listZones", [{"id": "z1", "name": "zone1"}]), ("listPods", [])


def test_parents_are_found_one_inside_the_other():
    client = ScriptedClient(ZONES, ("listPods", [{"id": "p1", "name": "pod1"}]))
    assert find_parents(client, OPTIONS, False, ZONE, POD) == {"zoneid": "z1", "podid": "p1"}
    assert client.sent[1] == ("listPods", {"zoneid": "z1"})
    assert find_parents(ScriptedClient(), OPTIONS, False) == {}


@pytest.mark.parametrize(("state", "check_mode"), [("present", True), ("absent", False), ("absent", True)])
def test_a_parent_may_be_missing_where_nothing_is_made(state, check_mode):
    options = {**OPTIONS, "state": state}
    assert find_parents(ScriptedClient(ZONES, NO_PODS), options, check_mode, ZONE, POD) is None
    assert find_parents(ScriptedClient(("listZones", [])), options, check_mode, ZONE, POD) is None


@pytest.mark.parametrize("pod", ["pod1", None])
def test_a_parent_must_be_there_where_something_is_made(pod):
    with pytest.raises(InputError, match="the pod .*does not exist"):
        find_parents(ScriptedClient(ZONES, NO_PODS), {**OPTIONS, "pod": pod}, False, ZONE, POD)


def test_id_of_what_the_plan_itself_made_is_filled_in():
    steps = [
        Change("create", "x", data={"command": PHYSICAL_NETWORK.create, "params": {"name": "n"}, "is_async": True}),
        Change(
            "update",
            "x",
            data={"command": PHYSICAL_NETWORK.update, "params": {"id": None, "state": "Enabled"}, "is_async": True},
        ),
    ]
    client = ScriptedClient((PHYSICAL_NETWORK.create, {"physicalnetwork": {"id": "n1"}}), (PHYSICAL_NETWORK.update, {}))
    apply_calls(client, Plan.of(steps))
    assert client.sent[1][1] == {"id": "n1", "state": "Enabled"}
