# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in agent does with guests, as lab/simulator/README.md has it: with a folder as pool, and scripted
commands."""

from __future__ import annotations

import os

import pytest

from tests.unit.lab.packages import load

GUESTS = load.agent("guests")
STORAGE = load.agent("storage")
# systemctl list-units --plain --no-legend --state=running 'cloudstack-guest-*'
UNITS = "cloudstack-guest-i-2-6-VM.service loaded active running /usr/bin/qemu-system-x86_64 -name i-2-6-VM\n"
POOL = "9a3b1c52-5a0e-3f4e-8d43-0d7b5c1f2e11"
NOW = 1796000000.0


class Host:
    """The commands that were run, and what runs."""

    def __init__(self, pool):
        self.pool, self.ran, self.asked = pool, [], []
        self.units = ""

    def run(self, *command):
        self.ran.append(command)
        if command[:2] == ("systemctl", "list-units"):
            return self.units
        if command[0] == "systemd-run":
            self.units = UNITS
        if command[:2] == ("systemctl", "stop"):
            self.units = ""
        if command[:2] == ("qemu-img", "info"):
            return '{"virtual-size": 67108864, "filename": "x", "format": "qcow2"}'
        if command[:2] == ("qemu-img", "convert"):
            with open(command[-1], "w") as stream:
                stream.write(command[-2])
        return ""

    def monitor(self, name, command):
        self.asked.append((name, command))
        if command == "system_powerdown":
            self.units = ""

    def did(self, program):
        return [command for command in self.ran if command[0] == program]

    def answer(self, command, **fields):
        return GUESTS.answer({POOL: self.pool}, {"command": command, "seq": 1, "pool": POOL, **fields})


@pytest.fixture
def host(tmp_path, monkeypatch):
    pool = object.__new__(STORAGE.Mounted)
    pool.path = str(tmp_path / "pool")
    os.makedirs(pool.path)
    made = Host(pool)
    monkeypatch.setattr(GUESTS, "_run", made.run)
    monkeypatch.setattr(GUESTS, "monitor", made.monitor)
    monkeypatch.setattr(GUESTS, "download", lambda url: f"/templates/{url[-12:]}")
    monkeypatch.setattr(GUESTS, "FOLDER", str(tmp_path / "run"))
    monkeypatch.setattr(GUESTS, "SHUTDOWN", 0)
    monkeypatch.setattr(GUESTS.time, "time", lambda: NOW)
    monkeypatch.setattr(GUESTS.log, "write", lambda *_words: None)
    return made


GUEST = {"name": "i-2-6-VM", "uuid": "4f6d2a39-3a49-4c5c-a9a5-0d9d5a3f4b21", "vcpus": 2, "memory_mib": 512}


def test_a_guest_is_started_once(host):
    assert host.answer("StartCommand", **GUEST, volume="root-6") == {"result": True}
    assert host.answer("StartCommand", **GUEST, volume="root-6") == {"result": True}
    (command,) = host.did("systemd-run")
    assert (
        "cloudstack-guest-i-2-6-VM" in command
        and f"file={host.pool.path}/root-6,format=qcow2,if=virtio,cache=none" in command
    )
    assert command[command.index("-m") + 1] == "128" and command[command.index("-smp") + 1] == "1"
    assert GUESTS.names() == ["i-2-6-VM"]


@pytest.mark.parametrize(
    ("text", "expected"), [("ACCELERATION=kvm\n", "kvm"), ("ACCELERATION=tcg\n", "tcg"), ("", "tcg"), (None, "tcg")]
)
def test_kvm_only_where_a_guest_was_seen_to_boot_with_it(tmp_path, text, expected):
    path = tmp_path / "guests"
    if text is not None:
        path.write_text(text)
    assert GUESTS.acceleration(str(path)) == expected


@pytest.mark.parametrize(("force", "asked", "stopped"), [(True, [], 1), (False, [("i-2-6-VM", "system_powerdown")], 0)])
def test_a_guest_is_stopped_or_asked_to_shut_down(host, force, asked, stopped):
    host.units = UNITS
    assert host.answer("StopCommand", name="i-2-6-VM", force=force) == {"result": True}
    assert host.asked == asked and GUESTS.names() == []
    assert len([each for each in host.did("systemctl") if each[1] == "stop"]) == stopped
    assert host.answer("StopCommand", name="i-2-6-VM", force=force) == {"result": True}


def test_one_that_does_not_shut_down_is_switched_off(host, monkeypatch):
    host.units = UNITS
    monkeypatch.setattr(GUESTS, "monitor", lambda *_words: None)
    assert host.answer("StopCommand", name="i-2-6-VM", force=False) == {"result": True}
    assert ("systemctl", "stop", "cloudstack-guest-i-2-6-VM") in host.ran


def test_reboot(host):
    assert host.answer("RebootCommand", name="i-2-6-VM") == {"result": False, "details": "i-2-6-VM does not run"}
    host.units = UNITS
    assert host.answer("RebootCommand", name="i-2-6-VM") == {"result": True}
    assert host.asked == [("i-2-6-VM", "system_reset")]


def test_a_volume_is_made_from_its_template_and_removed(host):
    volume = {"volume": "root-6", "template": "http://10.88.0.254:8081/canary.qcow2", "size": 2**30}
    assert host.answer("CopyCommand", **volume) == {"result": True}
    assert os.listdir(host.pool.path) == ["root-6"]
    assert [command[1] for command in host.did("qemu-img")] == ["convert", "info", "resize"]
    assert host.answer("CopyCommand", **volume) == {"result": True}  # not touched: a guest may have written to it
    assert len(host.did("qemu-img")) == 3
    assert host.answer("DeleteCommand", volume="root-6") == {"result": True}
    assert host.answer("DeleteCommand", volume="root-6") == {"result": True}
    assert os.listdir(host.pool.path) == []


def test_a_volume_of_the_templates_size_is_not_resized(host):
    assert host.answer("CopyCommand", volume="v", template="http://x/canary.qcow2", size=2**20)["result"]
    assert [command[1] for command in host.did("qemu-img")] == ["convert", "info"]


@pytest.mark.parametrize(
    ("command", "fields", "words"),
    [
        ("StartCommand", {**GUEST, "name": "i-2-6-VM --unit x", "volume": "v"}, "not a name"),
        ("StartCommand", {**GUEST, "volume": "../../etc/shadow"}, "not a name"),
        ("StartCommand", {**GUEST, "volume": "v,file.locking=off"}, "not a name"),
        ("StartCommand", {**GUEST, "volume": "v", "pool": "another"}, "the storage pool another is not connected"),
        ("StartCommand", {"name": "i-2-6-VM", "volume": "v"}, "uuid"),
        ("StopCommand", {"name": "*"}, "not a name"),
        ("StopCommand", {"name": None}, "string"),
        ("DeleteCommand", {"volume": "/etc/shadow"}, "not a name"),
    ],
)
def test_what_cannot_be_done_is_answered(host, command, fields, words):
    answer = host.answer(command, **fields)
    assert answer["result"] is False and words in answer["details"]
    assert host.did("systemd-run") == []


@pytest.mark.parametrize("url", ["file:///etc/shadow", "ftp://192.0.2.1/x", ""])
def test_a_template_comes_by_http(url):
    with pytest.raises(GUESTS.GuestError, match="not one of http"):
        GUESTS.download(url)


@pytest.mark.parametrize(
    ("beat", "written", "alive"),
    [
        (NOW - 60, None, True),
        (NOW - 61, None, False),
        (None, None, False),
        (NOW - 300, NOW - 19, True),
        (NOW - 300, NOW - 21, False),
        (None, NOW - 1, True),
        ("", NOW - 300, False),
        ("nonsense", None, False),
    ],
)
def test_signs_of_life(host, beat, written, alive):
    """Of the heartbeat, or of a volume since the host was suspected, 20 s ago."""
    if beat is not None:
        host.pool.write("KVMHA", "hb-10.88.0.11", f"{beat if isinstance(beat, str) else int(beat)}\n")
    if written:
        path = os.path.join(host.pool.path, "root-6")
        os.close(os.open(path, os.O_CREAT))
        os.utime(path, (written, written))
    suspect = {"host": "10.88.0.11", "volumes": ["root-6", "root-7"], "suspect_since": NOW - 20}
    assert host.answer("CheckVMActivityOnStoragePoolCommand", **suspect)["result"] is alive
