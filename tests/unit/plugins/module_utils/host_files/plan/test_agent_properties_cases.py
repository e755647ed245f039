# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.properties as operators have it: every byte of the other lines stays."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import (
    ENCODING,
    parse_properties,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.agent_properties import (
    edit,
    plan_properties,
)

from tests.operator_cases import cases_with

CASES = cases_with("text")


@pytest.mark.parametrize("name", CASES)
def test_file_of_an_operator(name):
    case = CASES[name]
    text = case["text"].encode("utf-8").decode(ENCODING)  # as the module reads the bytes of the file
    right = case["right"].encode("utf-8").decode(ENCODING)
    assert edit(text, plan_properties("p", text, case["wanted"], allow_unknown=True)) == right
    assert not plan_properties("p", right, case["wanted"], allow_unknown=True)
    read = parse_properties(right)
    for key, value in case["wanted"].items():
        assert read.get(key) == (None if value is None else str(value))
