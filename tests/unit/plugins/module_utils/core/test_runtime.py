# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge: errors become one message, the plan becomes changed and diff, and no secret leaves."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError, InputError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

SECRET = "planted-s3cret"
SPEC = {"name": {"type": "str"}, "password": {"type": "str", "no_log": True}}


@pytest.fixture
def run(capsys):
    def go(body, **options):
        with patch_module_args({"name": "n", **options}), pytest.raises(SystemExit) as left:
            runtime.run(SPEC, body, host="h1")
        out = capsys.readouterr().out
        return left.value.code, json.loads(out), out

    return go


def _raise(error):
    def body(_module):
        raise error

    return body


def test_the_plan_gives_changed_and_diff(run):
    plan = Plan.of([Change("update", "zone z", {"b": 1, "a": 2}, {"b": 3, "a": 2}), None])
    code, result, _out = run(lambda _module: (plan, {"zone": {"name": "z"}}))
    assert code == 0
    assert result["changed"] is True
    assert result["zone"] == {"name": "z"}
    [entry] = result["diff"]
    assert entry["before"] == "a: 2\nb: 1\n"
    assert entry["after_header"] == "zone z (update)"


def test_an_empty_plan_changes_nothing(run):
    _code, result, _out = run(lambda _module: (Plan(), {}))
    assert (result["changed"], result["diff"]) == (False, [])


def test_an_error_names_host_expected_observed_and_next_step(run):
    code, result, _out = run(
        _raise(
            InputError("the mode is wrong", expected="0644", observed="rw", next_step="correct it", reproduce="ls -l")
        )
    )
    assert code == 1
    assert result["failed"]
    assert result["msg"] == "h1: the mode is wrong. Expected: 0644. Observed: rw. Next: correct it. Reproduce: ls -l."
    assert (result["expected"], result["observed"], result["next_step"], result["reproduce"]) == (
        "0644",
        "rw",
        "correct it",
        "ls -l",
    )


def test_an_error_keeps_the_host_it_names(run):
    assert run(_raise(ApiError("no", host="api", code=530)))[1]["msg"].startswith("api: ")


def test_details_of_an_error_are_result_keys(run):
    error = InputError("x")
    error.details["changed_paths"] = ["/a"]
    assert run(_raise(error))[1]["changed_paths"] == ["/a"]


def test_a_parse_error_has_its_line():
    assert "cannot read ip -j, line 3: no JSON" in str(ParseError("ip -j", "no JSON", line=3, text="{"))


@pytest.mark.parametrize("error", [InputError(f"bad {SECRET}", observed=SECRET), ValueError(f"defect with {SECRET}")])
def test_no_secret_leaves_in_an_error(run, error):
    code, _result, out = run(_raise(error), password=SECRET)
    assert code == 1
    assert SECRET not in out


def test_a_defect_says_what_it_is(run):
    _code, result, _out = run(_raise(ZeroDivisionError("division by zero")))
    assert "unexpected ZeroDivisionError" in result["msg"]
    assert "report it" in result["msg"]


def test_hide_covers_what_no_option_declares(run):
    def body(module):
        runtime.hide(module, SECRET, "", None)
        return Plan.of([Change("set", "x", "", f"key={SECRET}")]), {"text": f"found {SECRET}", "other": "visible"}

    _code, result, out = run(body)
    assert SECRET not in out
    assert result["other"] == "visible"


def test_a_secret_change_shows_only_that_it_differs():
    [entry] = Plan.of([Change("set", "x", "before-s3cret", "after-s3cret", secret=True)]).diff()
    assert "s3cret" not in str(entry)
    assert entry["before"] != entry["after"]
