# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that waits to be confirmed: what lies on the host meanwhile, and what becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import (
    ApplyError,
    InputError,
    OperationFailed,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client import confirmation as subject
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client import rollback
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Kept, State

ROOT = Path(__file__).parents[6]


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Host:
    def __init__(self, tmp_path, monkeypatch):
        self.clock, self.calls, self.refuses, self.folder = Clock(), [], "", tmp_path / "kept"
        self.unit, self.wanted = tmp_path / "system" / "unit", tmp_path / "system" / "wants" / "unit"
        self.unit.parent.mkdir()
        monkeypatch.setattr(subject, "SYSTEMD", str(tmp_path))
        monkeypatch.setattr(subject, "UNIT_FILE", str(self.unit))
        monkeypatch.setattr(subject, "WANTED_BY", str(self.wanted))
        self.file = tmp_path / "interfaces"
        self.file.write_text("old\n")
        info = self.file.stat()
        kept = FileState(str(self.file), "file", b"old\n", 0o644, info.st_uid, info.st_gid)
        self.kept = Kept("ifupdown", State({}), (), (kept,), (), ())

    def run(self, argv, timeout=0):
        self.calls.append(argv)
        return Answer(argv, int(argv[0] == self.refuses), stderr="no bus" if argv[0] == self.refuses else "")

    @property
    def links(self):
        return Links(self.answer)

    def answer(self, argv, timeout=0):
        """Of `ip`: one NIC, with the MTU that udev has given it by now."""
        self.calls.append(argv)
        nic = {"ifname": "eth0", "flags": ["UP"], "mtu": 9000, "address": "02:00:00:00:00:01", "addr_info": []}
        return Answer(argv, 0, stdout=json.dumps([nic] if argv[-1] == "address" else []))

    def confirmation(self):
        return subject.Confirmation(60, rollback.__name__, self.run, self.clock, str(self.folder))

    def armed(self):
        waiting = self.confirmation()
        with waiting.held():
            assert waiting.arm(self.kept)
        self.file.write_text("new\n")
        return waiting

    def left(self):
        return sorted(each.name for each in self.folder.iterdir()), self.unit.exists(), os.path.lexists(self.wanted)


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


NOTHING = (["lock", "outcome"], False, False)


def test_what_lies_there_while_it_waits(host):
    waiting = host.armed()
    assert host.left() == (["deadline", "kept.json", "lock", "rollback.py"], True, True)
    assert waiting.pending() == host.kept
    assert waiting.seconds_left() == 60
    assert host.folder.stat().st_mode & 0o777 == 0o700
    assert (host.folder / "kept.json").stat().st_mode & 0o777 == 0o600, "files of the network may hold secrets"
    assert f"ExecStart={sys.executable} {host.folder}/rollback.py --boot" in host.unit.read_text()
    run = next(argv for argv in host.calls if argv[0] == "systemd-run")
    assert "--on-active=60s" in run
    assert "--timer-property=AccuracySec=100ms" in run, "else it may come a minute late"
    assert run[-2:] == (sys.executable, f"{host.folder}/rollback.py")


def test_the_service_of_an_earlier_change_that_took_long_is_ended_first(host):
    """It sleeps until the deadline of a change that was confirmed meanwhile; systemd-run refuses a second one."""
    host.armed()
    names = [argv[0] for argv in host.calls]
    stopped = host.calls[: names.index("systemd-run")]
    unit = "cloudstack-kvm-network-confirm"
    assert ("systemctl", "stop", f"{unit}.timer", f"{unit}.service") in stopped


def test_confirmed_in_time_nothing_is_left(host):
    host.armed().confirm()
    assert host.left() == NOTHING
    assert host.calls[-1] == ("systemctl", "stop", "cloudstack-kvm-network-confirm.timer")
    assert host.file.read_text() == "new\n"
    host.confirmation().require_none()


def test_a_second_change_waits_for_the_first(host):
    host.armed()
    with pytest.raises(InputError, match="was not confirmed; nothing was changed.*put back in 60 s.*wait 65 s"):
        host.confirmation().require_none()
    host.clock.now += 61
    with pytest.raises(InputError, match="should have been put back by now.*systemctl start"):
        host.confirmation().require_none()


def test_a_timer_that_cannot_be_started_leaves_nothing_armed(host):
    host.refuses = "systemd-run"
    with pytest.raises(ApplyError, match="systemd-run.*no bus"), host.confirmation().held():
        host.confirmation().arm(host.kept)
    assert host.left() == NOTHING


def test_without_systemd_there_is_nothing_that_could_wait(host, monkeypatch):
    monkeypatch.setattr(subject, "SYSTEMD", "/no/systemd")
    with host.confirmation().held():
        assert host.confirmation().arm(host.kept) is False
    assert host.calls == []


def test_the_timer_puts_back_what_nobody_confirmed_and_the_late_one_is_told(host, capsys):
    waiting = host.armed()
    host.clock.now += 50
    waiting.renew()  # the change took 50 s
    assert rollback.main([], waiting, host.clock) == 0
    assert host.clock.now == 210, "the time to confirm begins when the change is made"
    assert host.file.read_text() == "old\n"
    assert "not confirmed; it was put back when the time to confirm it was over" in capsys.readouterr().out
    assert host.left() == NOTHING
    with pytest.raises(ApplyError, match="not confirmed in time.*it was put back when the time"):
        host.confirmation().confirm()


def test_what_a_killed_run_was_about_to_write_goes(host):
    waiting = host.armed()
    staged = host.file.with_name(".interfaces.cloudstack-kvm.0123456789abcdef")
    staged.write_text("new\n")
    assert rollback.main(["--boot"], waiting, host.clock, host.links) == 0
    assert not staged.exists()


def test_the_next_boot_puts_the_files_back_at_once(host):
    """Not what ifupdown remembered in /run: it would bring nothing up."""
    remembered = FileState("/run/cloudstack-kvm-no-such-folder/ifstate", "file", b"eth0=eth0\n", 0o644, 0, 0)
    host.kept = replace(host.kept, files=(*host.kept.files, remembered))
    waiting = host.armed()
    assert rollback.main(["--boot"], waiting, host.clock, host.links) == 0
    assert host.clock.now == 100
    assert host.file.read_text() == "old\n"
    assert host.left() == NOTHING


def test_the_next_boot_gives_a_nic_the_mtu_that_it_had(host):
    """netplan's .link file of the change was there before the files were put back, and udev has heeded it."""
    nic = next(iter(host.links.measure().links.values()))
    host.kept = replace(host.kept, state=State({"eth0": replace(nic, mtu=1500)}), names=("eth0", "cloudbr0"))
    waiting, host.calls = host.armed(), []
    assert rollback.main(["--boot"], waiting, host.clock, host.links) == 0
    assert host.calls[0] == ("udevadm", "settle", "--timeout=10")
    assert [argv for argv in host.calls if argv[:2] == ("ip", "link")] == [("ip", "link", "set", "eth0", "mtu", "1500")]


def test_the_database_of_open_vswitch_is_put_back_by_the_next_boot_alone(host):
    """It brings its bridges again at each boot; while its daemon runs, that is told by commands, and has the file."""
    database = host.file.with_name("conf.db")
    database.write_text("new\n")
    host.kept = replace(host.kept, boot_files=(replace(host.kept.files[0], path=str(database)),))
    waiting = host.armed()
    assert "ovsdb-server.service" in host.unit.read_text()
    assert rollback.main(["--boot"], waiting, host.clock, host.links) == 0
    assert (host.file.read_text(), database.read_text()) == ("old\n", "old\n")


def test_what_cannot_be_put_back_stays_kept_and_fails_the_unit(host, capsys):
    waiting = host.armed()
    host.file.unlink()
    host.file.mkdir()
    assert rollback.main(["--boot"], waiting, host.clock, host.links) == 1
    assert "could NOT be put back entirely" in capsys.readouterr().out
    assert waiting.pending() == host.kept


def test_confirmed_meanwhile_the_timer_has_nothing_to_do(host):
    host.armed().confirm()
    assert rollback.main([], host.confirmation(), host.clock) == 0
    assert host.file.read_text() == "new\n"


def test_the_program_on_the_host_runs_by_itself(host, tmp_path):
    """From the checkout, and from a zip as Ansible sends it, which is copied because it goes with the module."""
    host.armed()
    checkout = (host.folder / "rollback.py").read_text()
    archive = tmp_path / "payload.zip"
    with zipfile.ZipFile(archive, "w") as code:
        folders = set()
        for path in sorted((ROOT / "plugins" / "module_utils").rglob("*.py")):
            inside = Path("ansible_collections/cloudstack/kvm/plugins") / path.relative_to(ROOT / "plugins")
            code.write(path, inside)
            folders |= set(inside.parents) - {Path(".")}
        for folder in folders:  # as Ansible does
            code.writestr(str(folder / "__init__.py"), "")
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        f"from {subject.__name__} import Confirmation\n"
        f"print(Confirmation(1, folder={str(host.folder)!r})._keep_code())"
    )
    kept = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert kept == f"{host.folder}/code.zip"
    archive.unlink()
    paths = [line for line in checkout.splitlines() if line.startswith("sys.path")]
    for program in (checkout, checkout.replace(paths[0], f"sys.path.insert(0, {kept!r})")):
        shown = program.replace("sys.exit(main(sys.argv[1:]))", "print(main.__module__)")
        done = subprocess.run([sys.executable, "-I", "-c", shown], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == rollback.__name__


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_touched(host, tmp_path):
    (tmp_path / "kept").write_text("a file where the folder should be")
    with pytest.raises(OperationFailed) as caught, host.confirmation().held():
        pass
    said = str(caught.value)
    assert f"{host.folder} cannot be written, where the host keeps what it needs to put a change back" in said
    assert "File exists" in said and "nothing was changed" in said
