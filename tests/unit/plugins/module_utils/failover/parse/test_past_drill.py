# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a drill, as the report reads it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.past_drill import PastDrill
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.past_drill import read_past_drill

RESULT = {
    "host": "kvm01",
    "failure": "power_off",
    "finished": "2026-11-29T10:07:26+00:00",
    "verdict": "passed",
    "seconds": 446.2,
}
# As the report of a drill has it, of which only the last seen time is taken.
REPORT = {
    "host": "kvm01",
    "failure": "power_off",
    "created_at": "2026-11-29T11:07:26+01:00",
    "passed": False,
    "times": [{"event": "Fenced", "seen": 333.5}, {"event": "guest back", "seen": None}],
}
EXPECTED = PastDrill("kvm01", "power_off", "2026-11-29T10:07:26+00:00", "passed", 446.2)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (RESULT, EXPECTED),
        ({**RESULT, "seconds": None}, PastDrill(*list(vars(EXPECTED).values())[:4])),
        (REPORT, PastDrill("kvm01", "power_off", EXPECTED.finished, "failed", 333.5)),
        ({**REPORT, "times": []}, PastDrill("kvm01", "power_off", EXPECTED.finished, "failed")),
        ({**RESULT, "finished": "2026-11-29T10:07:26Z"}, EXPECTED),
    ],
)
def test_a_result(data, expected):
    assert read_past_drill(json.dumps(data)) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "not an object"),
        ("{}", "created_at is not a text"),
        (json.dumps({**RESULT, "host": ""}), "host is not a text"),
        (json.dumps({**RESULT, "finished": "yesterday"}), "not a time"),
        (json.dumps({**RESULT, "seconds": "soon"}), "soon"),
        (json.dumps({key: value for key, value in RESULT.items() if key != "verdict"}), "verdict is not a text"),
    ],
)
def test_what_is_none(text, words):
    with pytest.raises(ParseError, match=words):
        read_past_drill(text)
