# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that did not get synchronised: each kind of evidence asks for its own next step."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.time_sources import explain_time_sources

ADDRESSES = ["192.0.2.1", "server 192.0.2.2 iburst"]
NAMES = ["192.0.2.1", "pool ntp.example.org maxsources 3", "ntp1.example.org"]


def line(name: str, state: str, reach: str) -> str:
    return f"^,{state},{name},2,6,{reach},10,0.000012,0.000012,0.0001\n"


SILENT = line("192.0.2.1", "?", "0") + line("192.0.2.2", "?", "0")


@pytest.mark.parametrize(
    ("answer", "declared", "observed", "next_step"),
    [
        pytest.param(
            {"rc": 1, "stdout": "506 Cannot talk to daemon\n"},
            ADDRESSES,
            "506 Cannot talk",
            "systemctl status chrony",
            id="no chronyd",
        ),
        pytest.param({"msg": "[Errno 2] chronyc"}, ADDRESSES, "chronyc", "systemctl status", id="no chronyc"),
        pytest.param(
            {"rc": 0, "stdout": "nonsense"},
            ADDRESSES,
            "does not answer: nonsense",
            "systemctl status",
            id="an odd answer",
        ),
        pytest.param(
            {"rc": 0, "stdout": ""},
            ADDRESSES,
            "knows no source at all",
            "another file than /etc/chrony/chrony.conf",
            id="no source, addresses",
        ),
        pytest.param(
            {"rc": 0, "stdout": ""},
            NAMES,
            "knows no source at all",
            "getent ahosts ntp.example.org ntp1.example.org",
            id="no source, names",
        ),
        pytest.param(
            {"rc": 0, "stdout": SILENT},
            ADDRESSES,
            "192.0.2.2 is unreachable, the last 8 polls had 0 answers",
            "UDP port 123",
            id="silent",
        ),
        pytest.param(
            {"rc": 0, "stdout": SILENT + line("192.0.2.3", "x", "377")},
            ADDRESSES,
            "false ticker",
            "which of the sources is wrong",
            id="disagree",
        ),
        pytest.param(
            {"rc": 0, "stdout": line("192.0.2.1", "~", "377")},
            ADDRESSES,
            "too variable",
            "the network to the sources",
            id="unsteady",
        ),
        pytest.param(
            {"rc": 0, "stdout": line("192.0.2.1", "?", "3")},
            ADDRESSES,
            "had 2 answers",
            "synchronised themselves",
            id="answers are not used",
        ),
        pytest.param(
            {"rc": 0, "stdout": line("192.0.2.1", "*", "1")},
            ADDRESSES,
            "is selected",
            "time_sync_timeout",
            id="just too slow",
        ),
    ],
)
def test_next_step(answer, declared, observed, next_step):
    found = explain_time_sources(answer, declared, "chrony.service", "/etc/chrony/chrony.conf")
    assert observed in found["observed"]
    assert next_step in found["next"]
    assert ("UDP port 123" in found["next"]) is (answer.get("stdout") == SILENT)
