# SPDX-License-Identifier: GPL-3.0-or-later
"""The report about a drill: JSON by its schema, JUnit, page and picture, of the recorded failover."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as xml

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.verdict import verdict
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_drill import (
    document,
    name_of,
    summary,
    texts,
)
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.ha_drill_picture import LEFT, WIDTH, drawing, picture
from jsonschema import Draft202012Validator

from tests.drills import SETTINGS, drill, recorded, row
from tests.schemas import closed, schema

SCHEMA = schema("ha_drill")
TWICE = {"boots": [{"id": "a"}, {"id": "b"}], "overlaps": []}
BOTH = {"boots": [{"id": "a"}, {"id": "b"}], "overlaps": [{"earlier": "a", "later": "b"}]}
REAL = drill(looks=recorded(), settings=SETTINGS)
STAYED = drill("agent_kill", [row(0, "Up", "Available"), row(70, "Up", "Suspect"), row(90, "Up", "Degraded")])
NOTHING = drill(failed_at=0.0, stage="begun", canary=None, problems=("Start the canary: <none> & \x00",))


def report(of=REAL, journal=TWICE):
    return document(of, verdict(of, journal), journal, at="2026-11-21T12:10:19+00:00", by="me@here")


@pytest.mark.parametrize(("of", "journal"), [(REAL, TWICE), (REAL, BOTH), (STAYED, None), (NOTHING, None)])
def test_the_json_is_as_its_schema_says(of, journal):
    made = report(of, journal)
    text = texts(made, name_of(of))[f"{name_of(of)}.json"]
    Draft202012Validator(closed(SCHEMA)).validate(json.loads(text))
    assert set(made) == set(SCHEMA["properties"]), "each key is documented"


def test_the_files_are_named_after_host_and_failure():
    assert list(texts(report(), name_of(REAL))) == [
        f"ha_drill.host1.kernel_hang.{ending}" for ending in ("svg", "md", "junit.xml", "json")
    ]


def test_the_lines_for_the_terminal():
    lines = summary(report(), "reports/x.md")
    assert lines[0] == "drill kernel_hang of host1: passed, fenced"
    assert "   10.5 s host Up/Enabled, HA Suspect, power On, guest Running on h2" in lines
    assert any(line.startswith("time      fenced: seen 334 s, in time; computed") for line in lines)
    assert lines[-1] == "report    reports/x.md"
    loud = summary(report(journal=BOTH), "x")
    assert loud[0] == "drill kernel_hang of host1: FAILED, fenced"
    assert loud[1].startswith("problem   TWO GUESTS WROTE TO ONE DISK")


def test_the_page_has_the_picture_and_every_look():
    page = texts(report(), "x")["x.md"]
    assert "![timeline](x.svg)" in page
    assert page.count("| host Up/") + page.count("| host Down/") == len(REAL.seen)
    assert "| fenced |" in page


@pytest.mark.parametrize(
    ("of", "journal", "failures"), [(REAL, TWICE, 0), (REAL, BOTH, 1), (STAYED, None, 0), (NOTHING, None, 1)]
)
def test_junit(of, journal, failures):
    root = xml.fromstring(texts(report(of, journal), "x")["x.junit.xml"].encode())
    [suite] = root.findall("testsuite")
    assert suite.get("failures") == str(failures) == str(len(suite.findall("testcase/failure")))
    assert int(suite.get("tests")) == 1 + len(of.expectation.windows)


@pytest.mark.parametrize("of", [REAL, STAYED, NOTHING, replace(REAL, host="<b>&amp;\"'")])
def test_the_picture_is_xml_without_a_script(of):
    root = xml.fromstring(picture(report(of)).encode())
    tags = {each.tag.rpartition("}")[2] for each in root.iter()}
    assert tags <= {"svg", "title", "rect", "text", "line", "g", "circle"}
    assert root.find("{*}title").text.startswith(f"{of.failure} of {of.host}: ")


def test_the_picture_has_each_value_where_it_was_seen():
    drawn = drawing(report())
    assert [name for name, _y in drawn["labels"]] == ["host", "in service", "host HA", "power", "guest"]
    scale = WIDTH / (max(each["worst"] for each in report()["times"]) * 1.05)
    [fenced] = [bar for bar in drawn["bars"] if bar.title.startswith("Fenced")]
    assert fenced.x == pytest.approx(LEFT + 333.5 * scale, abs=0.2)
    guests = [bar.title.partition(",")[0] for bar in drawn["bars"] if bar.y == drawn["labels"][-1][1]]
    assert guests == ["Running on h2", "Stopped", "Starting on h1", "Running on h1"]
    assert all(bar.x >= LEFT and bar.x + bar.width <= LEFT + WIDTH + 1 for bar in drawn["bars"])


def test_text_stands_only_where_it_fits():
    for bar in drawing(report())["bars"]:
        assert not bar.text or len(bar.text) * 6 < bar.width


def test_the_axis_has_few_marks():
    for end in (1.0, 446.0, 100000.0):
        looks = [row(0, "Up", "Available"), row(end, "Up", "Suspect")]
        assert 1 < len(drawing(report(drill("agent_kill", looks)))["marks"]) < 40
