# SPDX-License-Identifier: GPL-3.0-or-later
"""ha_report.json has the form of its schema, and the schema tells of all that is in it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model import bmc, consequence, timing
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.readiness import mapping_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import KINDS, SEVERITIES
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_report import document, texts
from jsonschema import Draft202012Validator

from tests.schemas import closed, schema
from tests.staged_site import ROWS, hundred, judged

SCHEMA = schema("ha_report")
CLOSED = Draft202012Validator(closed(SCHEMA), format_checker=Draft202012Validator.FORMAT_CHECKER)
HOST = SCHEMA["properties"]["hosts"]["additionalProperties"]["properties"]
STAGES = SCHEMA["properties"]["timing"]["additionalProperties"]["properties"]["stages"]["items"]["properties"]
DRILL = {
    "host": "host1",
    "failure": "power_off",
    "finished": "2026-11-29T09:00:00+00:00",
    "verdict": "passed",
    "seconds": 343.5,
}
# Of the staged faults with the same findings the first: their reports have the same form.
KINDS_OF_ROWS = {(*sorted(row["finds"]), "bmc" in row): row for row in reversed(ROWS)}.values()
UNREAD = ("reports/ha-drill-host2.json: it is not an object",)


def written(site, result, **more):
    """The report as a program reads it."""
    told = {"cluster": {"zone": site.zone, "name": site.name}, **mapping_of(result, site)}
    report = document(told, at="2026-11-30T12:00:00+00:00", by="me on here", **more)
    return json.loads(json.dumps(report, allow_nan=False))


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("row", KINDS_OF_ROWS, ids=lambda row: row["fault"])
def test_the_report_of_a_staged_fault_has_the_form_of_the_schema(row):
    report = written(*judged(row))
    CLOSED.validate(report)
    assert set(report) == set(SCHEMA["properties"])


def test_so_has_the_file_of_a_hundred_hosts_with_drills():
    later = {**DRILL, "host": "host2", "verdict": "failed", "seconds": None}
    report = written(*hundred(), drills={"host1": DRILL, "host2": later}, drills_unread=UNREAD)
    CLOSED.validate(json.loads(texts(report)["ha_report.json"]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report.update(more=1),
        lambda report: report.pop("drills_unread"),
        lambda report: report["hosts"]["host1"].update(more=1),
        lambda report: report["hosts"]["host1"].update(drill={**DRILL, "more": 1}),
        lambda report: report["hosts"]["host1"].update(identity="its own"),
        lambda report: report["hosts"]["host1"]["failover"].update(luckiest=None),
        lambda report: report["timing"]["best"]["stages"][0].update(more=1),
        lambda report: report["findings"][0].update(waiver={}),
        lambda report: report["findings"][0].pop("stops"),
    ],
)
def test_another_form_is_refused(spoil):
    report = written(*judged(ROWS[0]))
    assert CLOSED.is_valid(report)
    spoil(report)
    assert not CLOSED.is_valid(report)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (HOST["identity"], (bmc.OWN, bmc.FOREIGN, bmc.SHARED, bmc.UNKNOWN)),
        (HOST["isolation"], (bmc.APART, bmc.MANAGEMENT, bmc.GUESTS, bmc.UNKNOWN)),
        (HOST["stays"]["items"]["properties"]["reason"], consequence.REASONS),
        (HOST["failover"]["propertyNames"], timing.CASES),
        (STAGES["name"], timing.STAGES),
        (SCHEMA["$defs"]["severity"], SEVERITIES),
        (SCHEMA["properties"]["findings"]["items"]["properties"]["kind"], KINDS),
    ],
)
def test_it_has_the_words_of_the_code(told, words):
    assert told["enum"] == list(words)


def described(part):
    """Every property of the schema with its description, None where it has none."""
    for name, each in part.get("properties", {}).items():
        yield name, each.get("description")
        yield from described(each)
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), dict):
            yield from described(part[key])


def test_everything_is_described():
    found = list(described(SCHEMA))
    assert len(found) > 60
    assert not [name for name, description in found if not description]
