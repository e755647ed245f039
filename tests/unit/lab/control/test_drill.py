# SPDX-License-Identifier: GPL-3.0-or-later
"""`make ha-drill`: every drill is run, and those that have not passed are told."""

from __future__ import annotations

import json

import pytest

from lab.control import drill
from lab.control.topology import LabError


class Api:
    """Notes what is called, with the names of settings."""

    def __init__(self, templates=()):
        self.templates, self.called = templates, []

    def __getattr__(self, command):
        def call(**given):
            self.called.append(f"{command} {given.get('name', '')}".strip())
            return {
                "listZones": [{"id": "z1"}],
                "listClusters": [{"id": "c1"}],
                "listTemplates": [{"name": name} for name in self.templates],
                "listOsTypes": [{"id": "o1"}],
            }.get(command)

        return call


@pytest.fixture
def api(monkeypatch):
    found = Api()
    monkeypatch.setattr(drill, "client", lambda credentials: found)
    return found


@pytest.fixture
def staged(monkeypatch):
    """Faults of the lab, staged and healed."""
    found = []
    monkeypatch.setattr(drill.faults, "stage", lambda lab, name, given: found.append((name, given["node"])))
    monkeypatch.setattr(drill.faults, "heal", lambda lab, name: found.clear())
    return found


def test_all_five_are_run_whatever_becomes_of_one(api, staged, capsys):
    played, hanging = [], []

    def play(playbook, arguments):
        asked = json.loads(arguments[1]) if arguments else {}
        played.append((playbook, asked.get("ha_drill_failure"), asked.get("ha_drill_host")))
        hanging.extend((asked["ha_drill_failure"], *each) for each in staged)
        return int(asked.get("ha_drill_failure") == "power_off")

    assert drill.run({}, play, None) == 1
    assert played[0] == ("playbooks/enable_ha.yml", None, None)
    assert [each[1] for each in played[1:]] == [failure for failure, _host in drill.DRILLS]
    assert len({each[1] for each in played[1:]}) == 5
    assert "4 of 5 passed; not power_off of host3" in capsys.readouterr().out
    assert "registerTemplate canary" in api.called
    assert hanging == [("kernel_hang", "boot-hang", "host1")], "this host alone does not come up by its reset"
    assert staged == []


def test_a_template_that_is_there_is_left(api):
    api.templates = ("canary",)
    drill.prepare({})
    assert "registerTemplate canary" not in api.called


def test_without_host_ha_no_host_dies(api):
    with pytest.raises(LabError, match="host HA is not Available"):
        drill.run({}, lambda playbook, arguments: 2, None)
    assert api.called == []
