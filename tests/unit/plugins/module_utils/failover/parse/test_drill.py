# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a drill: whole at every stage, and refused where it is not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    STAGES,
    Drill,
    Expectation,
    HostLook,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.drill import (
    mapping_of,
    read_drill,
    read_look,
)

from tests.drills import SETTINGS, drill, recorded

WHOLE = drill(looks=recorded(), settings=SETTINGS, gaps=((1.0, 40.0),), was_reset=True, problems=("x",))
BARE = Drill("host1", "10.88.0.11", "agent_kill", "zone1", "cluster1", 1.0, "me", Expectation(False, 600.0))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("whole", [WHOLE, BARE])
def test_a_drill_is_read_as_it_was_kept(whole, stage):
    kept = replace(whole, stage=stage)
    assert read_drill(json.dumps(mapping_of(kept))) == kept


def broken(**changes):
    found = mapping_of(WHOLE)
    for name, value in changes.items():
        if value is None:
            del found[name]
        else:
            found[name] = value
    return json.dumps(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps(mapping_of(WHOLE))[:-30],
        broken(version=2),
        broken(stage="lost"),
        broken(failure="flood"),
        broken(expectation=None),
        broken(canary=None),
        broken(canary={"nest": 1}),
        broken(seen=[{"at": 1}]),
        broken(gaps=[[1]]),
        broken(more="x"),
    ],
)
def test_what_is_not_a_drill_is_refused(text):
    with pytest.raises(ParseError):
        read_drill(text)


def test_a_look():
    look = {"management": "cloudbr0", "pools": {"192.0.2.1": "eth2"}, "boot_id": "b", "cannot": {}, "remarks": {}}
    assert read_look(look) == HostLook("cloudbr0", {"192.0.2.1": "eth2"}, "b")
    for each in ({**look, "pools": None}, look):
        assert read_look(each).management == "cloudbr0"


@pytest.mark.parametrize("given", [{"msg": "no answer"}, {}, None, "look"])
def test_no_look(given):
    with pytest.raises(ParseError, match="what ha_drill_failure returned"):
        read_look(given)
