# SPDX-License-Identifier: GPL-3.0-or-later
"""clock_offset over a scripted connection: how the host is asked, and what a bad answer becomes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.cloudstack.kvm.plugins.action.clock_offset import ActionModule

START = 1_795_600_000_000_000_000


class Host(ActionModule):
    """Each round trip takes 20 ms by the controller's clock, the host's is 3 s ahead. `answer` is what the host says
    instead, or an exception."""

    def __init__(self, answer=None, **arguments):
        task = SimpleNamespace(args=arguments, async_val=False, check_mode=True, diff=False, no_log=False, timeout=0)
        super().__init__(
            task,
            SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)),
            SimpleNamespace(check_mode=True),
            None,
            None,
            None,
        )
        self.answer, self.asked, self.time = answer, [], START
        self.now = lambda: self.time

    def _low_level_execute_command(self, cmd, sudoable=True, **_options):
        self.asked.append((cmd, sudoable))
        self.time += 20_000_000
        if isinstance(self.answer, Exception):
            raise self.answer
        moment = self.time - 10_000_000 + 3 * 10**9
        return self.answer or said(f"{moment // 10**9}.{moment % 10**9:09}\n")

    def now_and_then(self):
        return self.run(task_vars={})


def said(stdout, rc=0, stderr=""):
    return {"rc": rc, "stdout": stdout, "stderr": stderr}


def test_one_round_trip():
    host = Host(samples=1)
    assert host.now_and_then() == {"changed": False, "clock": {"offset_s": 3.0, "uncertainty_s": 0.01}, "unknown": {}}
    assert host.asked == [("date +%s.%N", False)]


@pytest.mark.parametrize(
    ("options", "expected"), [({}, 1), ({"enough": 0.01}, 1), ({"enough": 0.005}, 5), ({"enough": 0, "samples": 3}, 3)]
)
def test_as_many_round_trips_as_are_needed(options, expected):
    host = Host(**options)
    host.now_and_then()
    assert len(host.asked) == expected


@pytest.mark.parametrize(
    ("answer", "why"),
    [(said("1795600003.N\n"), "1795600003.N"), (said("", 127, "sh: date: not found"), "sh: date: not found")],
)
def test_a_host_that_does_not_tell_is_unknown(answer, why):
    result = Host(answer).now_and_then()
    assert (result["clock"], result["changed"]) == (None, False)
    assert why in result["unknown"]["clock"]
    assert "failed" not in result


def test_a_host_that_is_not_reached_is_left_to_ansible():
    with pytest.raises(AnsibleConnectionFailure):
        Host(AnsibleConnectionFailure("no route")).now_and_then()


def test_an_unknown_option_is_refused():
    with pytest.raises(AnsibleActionFail, match="sample"):
        Host(sample=1).now_and_then()
