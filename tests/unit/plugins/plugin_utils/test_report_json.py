# SPDX-License-Identifier: GPL-3.0-or-later
"""preflight.json has the form of its schema, and the schema tells of all that is in it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import (
    facts_document,
    read_facts,
)
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import document, dump, load
from jsonschema import Draft202012Validator

from tests.report_samples import MADE, WAIVER, four_hosts, healthy, report
from tests.schemas import closed, schema

SCHEMA = schema("preflight")
FACTS_SCHEMA = schema("preflight.facts")
WORLD, FOUND = four_hosts()
REPORT = report(WORLD, FOUND, [WAIVER], report(WORLD, FOUND[3:]))


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_a_report_has_the_form_of_the_schema():
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(json.loads(dump(REPORT)))


def test_the_schema_tells_of_all_that_is_in_a_report():
    whole = closed(SCHEMA)
    whole["$defs"]["waiver"].pop("additionalProperties")  # has one key more in the list of waivers
    whole["properties"]["cluster"].pop("additionalProperties")  # the cluster may say more than a reader needs
    Draft202012Validator(whole).validate(json.loads(dump(REPORT)))


def test_the_real_checks_give_such_a_report():
    world = healthy()
    assessment = assess(world.profiles(), world.intent(), world.rules(), today="2026-11-25")
    made = document(assessment, world.profiles(), world.intent(), world.rules(), (), MADE)
    Draft202012Validator(SCHEMA).validate(json.loads(dump(made)))
    assert set(made["checks"]) >= set(CHECKS)
    assert made["changes"] is None


def test_what_it_says():
    assert REPORT["passed"] is False
    host4 = REPORT["hosts"]["host4"]
    assert (host4["verdict"], host4["member"], host4["because"]) == ("fail", False, ["TIM001", "MTU001", "NET001"])
    assert (host4["seen"], host4["address"], host4["ssh_port"], host4["username"]) == (True, "10.88.0.14", None, "root")
    assert host4["collected_at"] == "2026-11-25T09:46:40+00:00"
    clock = REPORT["findings"][0]
    assert (clock["id"], clock["stops"]) == ("TIM001", True)
    assert [(each["id"], each["after"]) for each in clock["prevents"]] == [
        ("F45", "never said at the join"),
        ("F66", "470 s"),
    ]
    assert REPORT["waivers"][0]["used"] is True
    assert {"cpu.microcode", "os.kernel"} <= {each["path"] for each in REPORT["differences"]}


def test_other_global_settings_and_details_stay_out():
    world = healthy().edit({"cluster": {"settings[secret.thing]": "planted"}})
    assert "planted" not in dump(report(world, []))


def test_what_json_has_no_word_for_is_null_and_not_the_end_of_the_report():
    written = dump({"facts": {"offset": float("nan"), "more": [float("inf"), 1.5]}, "name": "\udcff"})
    assert json.loads(written.encode("utf-8", "backslashreplace")) == {
        "facts": {"offset": None, "more": [None, 1.5]},
        "name": "\udcff",
    }


def test_the_facts_beside_it_have_the_form_of_their_schema_and_are_read_back():
    world = healthy().edit(
        {"cluster": {"unseen": [{"name": "host9", "why": "lost", "member": True, "address": "10.88.0.19", "rack": ""}]}}
    )
    written = json.loads(dump(facts_document("run", MADE.at, world.profiles(), world.intent())))
    Draft202012Validator(FACTS_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(written)
    kept = read_facts(written)
    parts = (world.rules(), ())
    again = assess(kept.hosts, kept.cluster, *parts, today="2026-11-25")
    assert again == assess(world.profiles(), world.intent(), *parts, today="2026-11-25")


def test_it_is_read_back():
    assert load(dump(REPORT), "preflight.json") == json.loads(dump(REPORT))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"schema_version": "2"}', json.dumps({**REPORT, "schema_version": "1"})]
)
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match="reports/preflight.json"):
        load(text, "reports/preflight.json")
