# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in cloudstack-setup-agent edits and logs as the real one was seen to (captures of a real host)."""

from __future__ import annotations

import logging
import subprocess
from types import SimpleNamespace

import pytest

from tests.unit.lab.packages import load

SETUP = load.setup_agent()


def effective(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        pytest.param("", [("a", "1")], "a=1\n", id="appended"),
        pytest.param("a=0\n", [("a", "1")], "\na=1\n", id="replaced, with an empty line in front"),
        pytest.param("#a=0\n", [("a", "1")], "#a=0\na=1\n", id="comments are no match"),
        pytest.param("  a = 0\n", [("a", "1")], "\na=1\n", id="leading blanks are a match"),
        pytest.param("a=1\n", [("a", "1")], "\na=1\n", id="not idempotent"),
        pytest.param("ab=2\n", [("a", "1")], "\na=1\n", id="a longer name is destroyed"),
        pytest.param("ab=2\n", [("a", "1"), ("ab", "2")], "\na=1\nab=2\n", id="the first key that fits takes the line"),
    ],
)
def test_edit_by_prefix(text, values, expected):
    assert SETUP.edited(text, values) == expected


def test_host_destroys_all_properties_that_begin_so():
    text = "host=localhost\nhost.reserved.mem.mb=2048\nhost.cpu.manual.speed.mhz=2000\nguid=\n"
    assert effective(SETUP.edited(text, [("host", "10.88.0.254")])) == ["host=10.88.0.254"] * 3 + ["guid="]


def test_qemu_conf_after_two_joins_is_the_captured_one():
    text = "# default\n"
    for _ in range(2):  # a join runs the program twice: -s alone from keystore-cert-import, then all steps
        text = SETUP.edited(text, SETUP.VNC_KEYS)
        text = SETUP.edited(text, [*SETUP.QEMU_KEYS, *SETUP.VNC_KEYS])
    assert effective(text) == effective((load.FIXTURES / "kvm_host" / "qemu.conf.effective").read_text())
    assert text.count("vnc_tls=1\n") == 7
    assert sum(not line for line in text.splitlines()) > 12, "each rewritten line gets an empty one in front"


def test_libvirtd_conf_is_the_captured_one():
    text = SETUP.edited("# default\n", SETUP.LIBVIRTD_KEYS)
    assert effective(text) == effective((load.FIXTURES / "kvm_host" / "libvirtd.conf.effective").read_text())


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Files of a host in a folder, and a shell that answers from a table; both end at the test."""
    for name in ("LIBVIRTD", "QEMU", "DEFAULT", "PROPERTIES", "TIMING", "LOG_FILE"):
        monkeypatch.setattr(SETUP, name, str(tmp_path / name.lower()))
    (tmp_path / "properties").write_text("guid=\nhost=localhost\nlocal.storage.uuid=\nresource=x\nzone=default\n")
    answers = {
        "ip route": "10.88.0.1 eth0",
        "awk": "2048.000",
        "ip a": "3",
        "apparmor_status": "libvirt",
        "uuidgen": "d5868f57-4744-4a9a-8b4c-ea9926b1af13",
    }
    refused = {
        "update-rc.d -f cloudstack-agent defaults": "update-rc.d: error: unable to read /etc/init.d/cloudstack-agent"
    }

    def shell(command, **_):
        words = next((text for key, text in refused.items() if key in command), None)
        out = next((text for key, text in answers.items() if key in command), "")
        return subprocess.CompletedProcess(command, 1 if words else 0, out, words or "")

    monkeypatch.setattr(SETUP.subprocess, "run", shell)
    return SimpleNamespace(folder=tmp_path, answers=answers, refused=refused)


OPTIONS = SimpleNamespace(
    host="10.88.0.254",
    zone="7",
    pod="3",
    cluster="14",
    guid="g",
    hypervisor="kvm",
    prvNic="lo",
    pubNic="lo",
    guestNic="lo",
)


def executed(caplog):
    return [record.message for record in caplog.records if record.message.startswith("execute:")]


def test_a_whole_run_executes_what_the_captured_setup_log_shows(machine, caplog, monkeypatch, capsys):
    monkeypatch.setattr(SETUP.os.path, "exists", lambda path: not path.endswith("nfsmount.conf") and _exists(path))
    caplog.set_level(logging.DEBUG)
    SETUP.Setup(OPTIONS).run()
    lines = (load.FIXTURES / "kvm_host" / "setup.log").read_text().splitlines()
    captured = [line.removeprefix("DEBUG:root:") for line in lines if line.startswith("DEBUG:root:execute:")]
    first = captured[: captured.index("execute:/usr/bin/lsb_release -i", 1)]
    assert executed(caplog) == first
    assert "CloudStack Agent setup is done!" in capsys.readouterr().out
    properties = (machine.folder / "properties").read_text()
    assert effective(properties) == [
        "guid=g", "host=10.88.0.254", "local.storage.uuid=d5868f57-4744-4a9a-8b4c-ea9926b1af13", "resource=x",
        "zone=7", "pod=3", "cluster=14",
        "hypervisor.type=kvm", "port=8250", "private.network.device=lo", "public.network.device=lo",
        "guest.network.device=lo",
    ]  # fmt: skip


_exists = SETUP.os.path.exists


@pytest.mark.parametrize(
    ("program", "words"),
    [("hostname -f", "hostname: Temporary failure in name resolution"), ("kvm-ok", "/bin/sh: 1: kvm-ok: not found")],
)
def test_a_failed_check_is_the_last_line_and_touches_nothing(machine, caplog, program, words):
    caplog.set_level(logging.DEBUG)
    machine.refused[program] = words
    with pytest.raises(SETUP.ConfigurationError):
        SETUP.Setup(OPTIONS).run()
    assert caplog.records[-1].message == f"Failed to execute:{words}"
    assert not (machine.folder / "qemu").exists()
    captured = load.FIXTURES / "join" / ("hostname-unresolvable.txt" if "hostname" in program else "kvm-ok-missing.txt")
    assert f"DEBUG:root:Failed to execute:{words}" in captured.read_text()


def test_a_missing_bridge_is_tried_to_build_and_restored_as_captured(machine, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    machine.answers["ip route"] = "10.88.0.1 cloudbr0"
    machine.refused["ifconfig"] = "/bin/sh: 1: ifconfig: not found"
    for state in ("status", "start"):
        machine.refused[f"network-manager {state}"] = "Unit network-manager.service could not be found."
    SETUP.Setup(SimpleNamespace(**{**vars(OPTIONS), "guestNic": "nosuchbridge"})).run()
    text = (load.FIXTURES / "join" / "guest-bridge-missing.txt").read_text()
    shown = text.partition("--setup.log\n")[2].partition("--agent.out")[0].splitlines()
    captured = [line.removeprefix("DEBUG:root:") for line in shown if line.startswith("DEBUG:root:execute:")]
    assert executed(caplog)[-len(captured) :] == captured
    assert "Failed to get address from ifconfig" in [record.message for record in caplog.records]
    assert "[Failed]" in capsys.readouterr().out
    assert "zone=default" in (machine.folder / "properties").read_text()


@pytest.mark.parametrize(("text", "seconds"), [(None, 30), ("SETUP_PAUSE_SECONDS=2\n", 2), ("nonsense\n", 30)])
def test_the_pause_is_thirty_seconds_unless_the_lab_says_otherwise(machine, text, seconds):
    if text is not None:
        (machine.folder / "timing").write_text(text)
    assert SETUP.pause() == seconds
