# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before addHost: refused without, with failed, with stale and with foreign verdict, accepted with a fresh one."""

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.gate import require_verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import InputError

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)
PASS = {"verdict": "pass", "because": [], "facts_fingerprint": "abc"}


def report(made=NOW - timedelta(minutes=5), version="1", **hosts):
    return {"schema_version": version, "created_at": made.isoformat(), "hosts": hosts or {"host4": PASS}}


def ask(found, host="host4", fingerprint="abc"):
    require_verdict(found, host, fingerprint, now=NOW, place="reports/preflight.json")


@pytest.mark.parametrize("found", [report(), report(made=NOW), report(made=NOW - timedelta(hours=1)), report(made=NOW + timedelta(seconds=2))])
def test_a_fresh_passing_verdict_lets_the_host_join(found):
    ask(found)


@pytest.mark.parametrize(
    ("found", "observed"),
    [
        (None, "no report at reports/preflight.json"),
        ([], "is no report that this version reads"),
        (report(version="9"), "is no report that this version reads"),
        ({**report(), "complete": False}, "left checks out (path_check.yml)"),
        (report(host3=PASS), "says nothing about host4"),
        (report(host4={**PASS, "verdict": "fail", "because": ["CPU002", "TIM001"]}), "the verdict is fail because of CPU002, TIM001"),
        (report(made=NOW - timedelta(hours=1, seconds=1)), "the verdict is 3601 s old, and holds for 3600 s"),
        ({**report(), "policy": {"verdict_max_age_s": 60}}, "the verdict is 300 s old, and holds for 60 s"),
        (report(made=NOW + timedelta(days=1)), "no time in the past"),
        ({**report(), "created_at": "yesterday"}, "no time in the past"),
        (report(host4={**PASS, "facts_fingerprint": "other"}), "no longer as it was"),
        (report(host4={**PASS, "facts_fingerprint": None}), "no longer as it was"),
    ],
)
def test_anything_else_is_refused_with_the_reason(found, observed):
    with pytest.raises(InputError) as caught:
        ask(found)
    assert observed in str(caught.value)
    assert str(caught.value).startswith("host4: ")
    assert "preflight.yml" in caught.value.next_step


def test_a_host_without_a_fingerprint_is_refused():
    with pytest.raises(InputError):
        ask(report(host4={**PASS, "facts_fingerprint": ""}), fingerprint="")
