# SPDX-License-Identifier: GPL-3.0-or-later
"""One question for each set of credentials, and a message without any of them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.api_access import access_problems, accesses

ENVIRONMENT = {"CLOUDSTACK_ENDPOINT": "http://one", "CLOUDSTACK_KEY": "key-one", "CLOUDSTACK_SECRET": "secret-one"}
TWO = {"cloudstack_api_url": "http://two", "cloudstack_api_key": "key-two", "cloudstack_api_secret": "secret-two"}


@pytest.mark.parametrize(
    ("variables", "environment", "expected"),
    [
        ({}, {}, []),
        ({"host1": {}, "host2": {}}, ENVIRONMENT, [{"hosts": ["host1", "host2"], "missing": []}]),
        (
            {"host1": {}, "host2": TWO, "host3": {}},
            ENVIRONMENT,
            [{"hosts": ["host1", "host3"], "missing": []}, {"hosts": ["host2"], "missing": []}],
        ),
        (
            {"host1": {}},
            {},
            [{"hosts": ["host1"], "missing": ["CLOUDSTACK_ENDPOINT", "CLOUDSTACK_KEY", "CLOUDSTACK_SECRET"]}],
        ),
        ({"host1": {"cloudstack_api_key": ""}}, ENVIRONMENT, [{"hosts": ["host1"], "missing": ["CLOUDSTACK_KEY"]}]),
        (
            {"host1": {"cloudstack_api_secret": None}},
            ENVIRONMENT,
            [{"hosts": ["host1"], "missing": ["CLOUDSTACK_SECRET"]}],
        ),
    ],
    ids=["no host", "environment", "inventory wins", "nothing", "empty", "null"],
)
def test_accesses(variables, environment, expected):
    assert accesses(variables, variables, environment) == expected


def test_problems():
    found = [
        {"hosts": ["host1", "host2"], "missing": []},
        {"hosts": ["host3"], "missing": ["CLOUDSTACK_KEY"]},
        {"hosts": ["host4"], "missing": []},
    ]
    answers = [{"item": found[0], "msg": "CloudStack refused the API key."}, {"item": found[2], "value": None}]
    refused, unset = access_problems(found, answers)
    assert refused["hosts"] == ["host1", "host2"]
    for part in (
        "host[1-2]",
        "CLOUDSTACK_ENDPOINT, CLOUDSTACK_KEY, CLOUDSTACK_SECRET",
        "Observed: CloudStack refused the API key. Next:",
    ):
        assert part in refused["text"]
    assert "Observed: not set or empty: CLOUDSTACK_KEY. Next:" in unset["text"]


def test_a_module_that_died_is_a_problem():
    found = [{"hosts": ["host1"], "missing": []}]
    assert "no answer" in access_problems(found, [])[0]["text"]
    assert "MODULE FAILURE" in access_problems(found, [{"item": found[0], "msg": "MODULE FAILURE"}])[0]["text"]
