# SPDX-License-Identifier: GPL-3.0-or-later
"""One question for each set of credentials, and a message without any of them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.api_access import access_problems, accesses

SETTINGS = {"endpoint": "http://one", "key": "key-one", "secret": "secret-one"}
TWO = {"cloudstack_api_url": "http://two", "cloudstack_api_key": "key-two", "cloudstack_api_secret": "secret-two"}


@pytest.mark.parametrize(
    ("variables", "settings", "expected"),
    [
        ({}, {}, []),
        ({"host1": {}, "host2": {}}, SETTINGS, [{"hosts": ["host1", "host2"], "missing": []}]),
        (
            {"host1": {}, "host2": TWO, "host3": {}},
            SETTINGS,
            [{"hosts": ["host1", "host3"], "missing": []}, {"hosts": ["host2"], "missing": []}],
        ),
        (
            {"host1": {}, "host2": {"cloudstack_api_verify": "ca.pem"}},
            SETTINGS,
            [{"hosts": ["host1"], "missing": []}, {"hosts": ["host2"], "missing": []}],
        ),
        (
            {"host1": {}},
            {},
            [{"hosts": ["host1"], "missing": ["CLOUDSTACK_ENDPOINT", "CLOUDSTACK_KEY", "CLOUDSTACK_SECRET"]}],
        ),
        ({"host1": {"cloudstack_api_key": ""}}, SETTINGS, [{"hosts": ["host1"], "missing": ["CLOUDSTACK_KEY"]}]),
        (
            {"host1": {"cloudstack_api_secret": None}},
            SETTINGS,
            [{"hosts": ["host1"], "missing": ["CLOUDSTACK_SECRET"]}],
        ),
    ],
    ids=["no host", "settings", "inventory wins", "another trust is asked about itself", "nothing", "empty", "null"],
)
def test_accesses(variables, settings, expected):
    expected = [{**access, "looked": "a file"} for access in expected]
    assert accesses(variables, variables, settings, "a file") == expected


REFUSED = "CloudStack refused the API key. Observed: 401. Next: check CLOUDSTACK_KEY."


def test_problems():
    found = [
        {"hosts": ["host1", "host2"], "missing": [], "looked": ""},
        {"hosts": ["host3"], "missing": ["CLOUDSTACK_KEY"], "looked": "~/.cloudstack.ini (not there)"},
        {"hosts": ["host4"], "missing": [], "looked": ""},
    ]
    answers = [{"item": found[0], "msg": REFUSED}, {"item": found[2], "value": None}]
    refused, unset = access_problems(found, answers)
    assert refused["hosts"] == ["host1", "host2"]
    for part in ("host[1-2]", "CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY, CLOUDSTACK_SECRET", f"Observed: {REFUSED}"):
        assert part in refused["text"]
    assert refused["text"].count("Next:") == 1
    for part in ("not set or empty: CLOUDSTACK_KEY;", "in ~/.cloudstack.ini (not there). Next:"):
        assert part in unset["text"]


@pytest.mark.parametrize(("msg", "words"), [("", "no answer"), ("MODULE FAILURE", "MODULE FAILURE")])
def test_a_module_that_died_is_a_problem(msg, words):
    found = [{"hosts": ["host1"], "missing": [], "looked": ""}]
    for answers in ([{"item": found[0], "msg": msg}], [] if not msg else [{"item": found[0], "msg": msg}]):
        text = access_problems(found, answers)[0]["text"]
        assert f"Observed: {words}. Next:" in text
