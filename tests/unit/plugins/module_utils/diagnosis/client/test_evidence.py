# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is asked after a failed join, on a host that is made of files in a temporary folder."""

from __future__ import annotations

import os

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.client import evidence

TRACEBACK = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'cloudutils'\n"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """The paths of a host, in a folder where nothing is yet."""
    monkeypatch.setattr(evidence, "AGENT", str(tmp_path))
    monkeypatch.setattr(evidence, "SETUP_AGENT", str(tmp_path / "cloudstack-setup-agent"))
    monkeypatch.setattr(evidence, "UBUNTU", str(tmp_path / "legal"))
    monkeypatch.setattr(evidence, "OTHER_FAMILIES", (str(tmp_path / "redhat-release"),))
    monkeypatch.setattr(evidence, "LOGS", {"setup.log": str(tmp_path / "setup.log")})
    return tmp_path


@pytest.mark.parametrize(
    ("file", "needed"),
    [("", {"kvm-ok", "lsb_release"}), ("legal", {"kvm-ok"}), ("redhat-release", set())],
    ids=["Debian", "Ubuntu", "Rocky"],
)
def test_programs_of_the_distribution(host, file, needed):
    if file:
        (host / file).write_text("x")
    assert set(evidence._needed_programs()) - set(evidence.PROGRAMS) == needed


@pytest.mark.parametrize(
    ("script", "answer", "expected"),
    [
        ("from cloudutils.syscfg import x", Answer(("python3",), 1, "", TRACEBACK), TRACEBACK.splitlines()),
        ("from cloudutils.syscfg import x", Answer(("python3",), 0, "Ubuntu\n", ""), None),
        ("import argparse", Answer(("python3",), 1, "", TRACEBACK), None),
        (None, Answer(("python3",), 1, "", TRACEBACK), None),
    ],
    ids=["fails", "works", "no set-up of CloudStack", "no set-up"],
)
def test_trial_of_the_set_up(host, monkeypatch, script, answer, expected):
    monkeypatch.setattr(evidence, "run", lambda argv, timeout: answer)
    if script is not None:
        (host / "cloudstack-setup-agent").write_text(script)
    assert evidence._trial().get("set-up trial") == expected


def test_agent_properties_without_secrets(host):
    (host / "agent.properties").write_text(
        "guid=6f1d\nzone=default\nkeystore.passphrase=s3cret\nhost=localhost\npod=\n"
    )
    assert evidence._agent_properties() == {"guid": "6f1d", "zone": "default", "host": "localhost"}
    (host / "agent.properties").write_bytes(b"\0" * 20)
    assert evidence._agent_properties() == {}


def test_age_of_a_log(host):
    assert evidence._ages() == {}
    (host / "setup.log").write_text("x")
    os.utime(host / "setup.log", (1_000_000, 1_000_000))
    assert evidence._ages()["setup.log"] > 1_000_000_000
