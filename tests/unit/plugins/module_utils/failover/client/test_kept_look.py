# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pre-flight has left in the report folder, whatever state it is in: a look, or why there is none."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client import kept_look
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import HaHost
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import facts_document

from tests import cluster_profiles
from tests.staged_site import OWN_NETWORK

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
# CloudStack knows one host under its full name, by the address that the inventory declares; and one that is new.
HOSTS = (HaHost("host1.lab.test", address="10.88.0.11"), HaHost("host2"), HaHost("new", address="10.88.0.99"))


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    monkeypatch.setattr(kept_look, "_now", lambda: NOW)


def kept(age=timedelta()):
    seen = cluster_profiles.healthy().edit(OWN_NETWORK)
    return facts_document("run", (NOW - age).isoformat(), seen.profiles(), seen.intent())


def look(folder, content):
    (folder / "preflight.facts.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return kept_look.read_look(str(folder), HOSTS)


def test_a_fresh_look(tmp_path):
    found = look(tmp_path, kept(timedelta(days=6)))
    assert found.missing == "" and found.at == "2026-11-24T12:00:00+00:00"
    assert set(found.hosts) == {"host1.lab.test", "host2"}, "CloudStack's names; the candidates are not its hosts"
    seen = found.hosts["host1.lab.test"]
    assert (seen.identity, seen.isolation, seen.privilege) == ("own", "apart", "ADMINISTRATOR")
    assert {finding.id for finding in found.findings} == set()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (kept(timedelta(days=8)), "the last pre-flight is of 2026-11-22, older than 7 days"),
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        ({**kept(), "schema_version": "0"}, "schema_version"),
        ({**kept(), "created_at": "yesterday"}, "not a time"),
    ],
)
def test_a_look_that_cannot_be_used(tmp_path, content, words):
    found = look(tmp_path, content)
    assert words in found.missing
    assert (found.hosts, found.findings) == ({}, ())


def test_no_look(tmp_path):
    assert "no pre-flight has left its facts" in kept_look.read_look(str(tmp_path), HOSTS).missing
    assert "no pre-flight has left its facts" in kept_look.read_look(str(tmp_path / "none"), HOSTS).missing
    assert not list(tmp_path.iterdir()), "a reader leaves nothing behind"
