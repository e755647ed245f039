# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon with a systemd that follows a script, and real files."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.modules import daemon

from tests.unit.plugins.modules.edge import run_module


class Systemd:
    """One unit; every command is remembered, `restart` makes it a young one, and what `broken` names ends with 1."""

    def __init__(self) -> None:
        self.load, self.active = "loaded", "active"
        self._start(-100.0)
        self.did: list[str] = []
        self.broken = ""

    def _start(self, seconds: float) -> None:
        """So many seconds from now, by both clocks."""
        self.wall, self.monotonic = time.time() + seconds, time.monotonic() + seconds

    def run(self, argv, **_):
        words = list(argv)
        if words[:4] == ["env", "TZ=UTC", "systemctl", "show"]:
            return Answer(tuple(words), 0, self.shown(words[4]))
        if words[0] == "journalctl":
            return Answer(tuple(words), 0, "Could not open the log file\n")
        self.did.append(" ".join(words))
        if words[1] in ("start", "restart"):
            self.active = "active"
            self._start(0.05)  # later than the file also by the kernel's tick
        return Answer(tuple(words), 1 if self.broken and self.broken in words else 0)

    def shown(self, name: str) -> str:
        if self.load == "not-found":
            return f"Id={name}\nNames={name}\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
        start = time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(self.wall))
        return (
            f"ExecMainStartTimestamp={start}\nExecMainStartTimestampMonotonic={int(self.monotonic * 1e6)}\nId={name}\nNames={name}\n"  # noqa: E501
            f"LoadState=loaded\nActiveState={self.active}\nUnitFileState=enabled\nNeedDaemonReload=no\n"
        )


@pytest.fixture
def systemd(monkeypatch):
    found = Systemd()
    monkeypatch.setattr(command, "run", found.run)
    return found


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "chrony.conf"
    file.write_text("server 192.0.2.1 iburst\n")
    return file


@pytest.fixture
def run(path, capsys):
    return lambda **options: run_module(daemon, capsys, name="chrony.service", files=[str(path)], **options)


def test_check_real_and_again(run, systemd, path):
    predicted = run(check=True)
    assert not systemd.did
    done = run(verify=["chronyc", "tracking"])
    assert predicted["diff"] == done["diff"]
    assert predicted["steps"] == done["steps"] == ["daemon-reload systemd", "restart chrony.service"]
    assert f"{path} was changed" in done["reasons"][0]
    assert systemd.did == ["systemctl daemon-reload", "systemctl restart chrony.service", "chronyc tracking"]
    again = run(verify=["chronyc", "tracking"])
    assert not again["changed"]
    assert again["reasons"] == []
    assert len(systemd.did) == 3


def test_a_file_that_was_renamed_into_its_place_with_an_old_date(run, systemd, path):
    kept = path.with_name("kept")
    kept.write_text("server 192.0.2.2 iburst\n")
    os.utime(kept, (1_000_000_000, 1_000_000_000))
    kept.replace(path)
    assert run()["steps"] == ["daemon-reload systemd", "restart chrony.service"]
    assert systemd.did == ["systemctl daemon-reload", "systemctl restart chrony.service"]


def test_a_unit_that_is_not_there(run, systemd):
    systemd.load = "not-found"
    assert run(check=True)["steps"] == ["daemon-reload systemd", "start chrony.service"], (
        "its package is installed in the real run"
    )
    failed = run()
    assert failed["failed"]
    for part in ("chrony.service cannot be started", "not-found", "install its package", "Reproduce"):
        assert part in failed["msg"]
    assert not systemd.did


@pytest.mark.parametrize("broken", ["restart", "chronyc"])
def test_a_start_that_fails_quotes_the_journal(run, systemd, broken):
    systemd.broken = broken
    failed = run(verify=["chronyc", "tracking"])
    assert failed["failed"]
    for part in ("ended with 1", "Could not open the log file", "journalctl --unit chrony.service"):
        assert part in failed["msg"]
