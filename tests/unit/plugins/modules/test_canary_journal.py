# SPDX-License-Identifier: GPL-3.0-or-later
"""canary_journal with a scripted qemu-img, and with the machine's own where there is one."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.canary import (
    JOURNAL_BYTES,
    JOURNAL_OFFSET,
    SLOT_BYTES,
    Record,
    empty_journal,
    record_slot,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client import canary as client
from ansible_collections.cloudstack.kvm.plugins.modules import canary_journal

from tests.unit.plugins.modules.edge import run_module

A, B = "a1a1a1a1a1a1a1a1", "b2b2b2b2b2b2b2b2"
RECORDS = [Record(1, A, 1, 1796000000), Record(2, B, 1, 1796000001), Record(3, A, 2, 1796000002)]
VOLUME = {"pool": "/mnt/9a3b1c52/", "volume": "4f6d2a39"}


def written(*records):
    return b"".join(
        [empty_journal()[:SLOT_BYTES], *map(record_slot, records), empty_journal()[(1 + len(records)) * SLOT_BYTES :]]
    )


@pytest.fixture
def qemu_img(monkeypatch):
    """Scripts qemu-img: what it copies, or how it ends; returns its arguments."""

    def script(data=b"", answer=None):
        calls = []

        def run(argv, timeout):
            calls.append(list(argv))
            if answer:
                return answer
            with open(argv[-1].removeprefix("of="), "wb") as stream:
                stream.write(data)
            return Answer(tuple(argv), 0)

        monkeypatch.setattr(client.command, "run", run)
        return calls

    return script


@pytest.mark.parametrize("check", [True, False])
def test_boots_and_overlaps(qemu_img, capsys, check):
    calls = qemu_img(written(*RECORDS))
    result = run_module(canary_journal, capsys, **VOLUME, check=check)
    assert result["changed"] is False
    assert [(each["id"], each["records"], each["last"]["position"]) for each in result["boots"]] == [
        (A, 2, 3),
        (B, 1, 2),
    ]
    assert [(each["earlier"], each["later"]) for each in result["overlaps"]] == [(A, B)]
    assert result["overlaps"][0]["first"] == {"position": 2, "boot": B, "number": 1, "time": 1796000001}
    (argv,) = calls
    assert argv[:3] == ["qemu-img", "dd", "-U"] and "if=/mnt/9a3b1c52/4f6d2a39" in argv


def test_what_is_read_beyond_the_journal_is_not_looked_at(qemu_img, capsys):
    """As a qemu-img that counts from `skip` copies of a volume that was made larger."""
    qemu_img(written(*RECORDS) + b"something else")
    assert len(run_module(canary_journal, capsys, **VOLUME)["boots"]) == 2


@pytest.mark.parametrize(
    ("pool", "read"),
    [
        ("/proc", "/proc/4f6d2a39"),  # a mount point of every Linux
        ("/mnt/9a3b1c52", "nfs://192.0.2.200/export/primary/4f6d2a39"),
    ],
)
def test_a_pool_that_is_not_mounted_is_read_from_its_address(qemu_img, capsys, pool, read):
    calls = qemu_img(written(*RECORDS))
    address = "nfs://192.0.2.200/export/primary"
    assert run_module(canary_journal, capsys, pool=pool, address=address, volume="4f6d2a39")["boots"]
    assert f"if={read}" in calls[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pool": "mnt/9a3b1c52", "volume": "x"}, "this is not a place of a pool"),
        ({"pool": "json:{}", "volume": "x"}, "this is not a place of a pool"),
        ({"pool": "/mnt/x", "volume": "../../etc/shadow"}, "this is not a path below a pool"),
        ({"pool": "/mnt/x", "volume": "/etc/shadow"}, "this is not a path below a pool"),
        ({"pool": "/mnt/x", "volume": ""}, "this is not a path below a pool"),
    ],
)
def test_a_path_that_is_not_a_volumes_is_refused(qemu_img, capsys, options, words):
    calls = qemu_img(written(*RECORDS))
    assert words in run_module(canary_journal, capsys, **options)["msg"]
    assert calls == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer(("qemu-img", "dd"), 1, stderr="qemu-img: Could not open '/mnt/x': No such file or directory\n"),
            "No such file or directory",
        ),
        (Answer(("qemu-img", "dd"), None, problem="qemu-img is not installed"), "qemu-img is not installed"),
    ],
)  # fmt: skip
def test_a_volume_that_cannot_be_read_is_an_error(qemu_img, capsys, answer, words):
    qemu_img(answer=answer)
    result = run_module(canary_journal, capsys, **VOLUME)
    assert result["failed"] and words in result["msg"]
    assert "Reproduce: qemu-img info -U /mnt/9a3b1c52/4f6d2a39" in result["msg"]


def test_a_volume_without_a_journal_is_an_error(qemu_img, capsys):
    qemu_img(bytes(JOURNAL_BYTES))
    result = run_module(canary_journal, capsys, **VOLUME)
    assert result["failed"] and "cannot read the canary's journal" in result["msg"]


@pytest.mark.skipif(not shutil.which("qemu-img"), reason="this machine has no qemu-img")
@pytest.mark.parametrize(("form", "more"), [("raw", 0), ("qcow2", 3 * 2**20)])
def test_the_real_program(tmp_path, capsys, form, more):
    """Also where the volume is larger than the template, as it is with a root disk size."""
    raw = tmp_path / "raw"
    with raw.open("wb") as stream:
        stream.seek(JOURNAL_OFFSET)
        stream.write(written(*RECORDS))
        stream.truncate(JOURNAL_OFFSET + JOURNAL_BYTES + more)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, raw, tmp_path / "volume"], check=True)
    result = run_module(canary_journal, capsys, pool=str(tmp_path), volume="volume", format=form)
    assert [each["id"] for each in result["boots"]] == [A, B]
