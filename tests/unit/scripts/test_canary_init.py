# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary's own program, on a file in the place of its disk: what it writes is what canary.py reads."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.canary import (
    JOURNAL_OFFSET,
    SLOT_BYTES,
    boots,
    empty_journal,
    overlaps,
    parse_journal,
)

ROOT = Path(__file__).parents[3]
SLOTS = 32


def takes_direct(folder: Path) -> bool:
    """Whether files there can be written past the page cache; not on every tmpfs."""
    try:
        os.close(os.open(folder / "probe", os.O_CREAT | os.O_WRONLY | os.O_DIRECT))
    except OSError:
        return False
    return True


@pytest.fixture
def disk(tmp_path):
    if not shutil.which("busybox") or not takes_direct(tmp_path):
        pytest.skip("needs busybox, and a file system that takes O_DIRECT")
    path = tmp_path / "disk"
    with path.open("wb") as stream:
        stream.seek(JOURNAL_OFFSET)
        stream.write(empty_journal(SLOTS))
    return path


class Canary:
    """One boot, which writes when it is told to."""

    def __init__(self, disk):
        command = ["busybox", "sh", str(ROOT / "scripts" / "canary-init"), str(disk)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, **pipes, text=True)
        self.began = self.process.stdout.readline()
        self._ready()

    def _ready(self):
        assert ": record " in self.process.stdout.readline()

    def write(self, records=1):
        for _record in range(records):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            self._ready()

    def end(self):
        stdout, stderr = self.process.communicate(timeout=60)
        assert (self.process.returncode, stdout, stderr) == (0, "", "")


def boot(disk, records):
    canary = Canary(disk)
    canary.write(records)
    canary.end()
    return canary


def journal(disk):
    data = disk.read_bytes()
    assert len(data) == JOURNAL_OFFSET + SLOTS * SLOT_BYTES
    return parse_journal(data[JOURNAL_OFFSET:])


def test_boots_in_turn(disk):
    assert "goes on behind position 0 of" in boot(disk, 3).began
    assert "goes on behind position 3 of" in boot(disk, 2).began
    found = journal(disk)
    assert [(each.position, each.number) for each in found] == [(1, 1), (2, 2), (3, 3), (4, 1), (5, 2)]
    assert [each.records for each in boots(found)] == [3, 2] and overlaps(found) == []


def test_the_ring(disk):
    boot(disk, SLOTS + 2)
    assert [each.position for each in journal(disk)] == list(range(4, SLOTS + 3))


def test_two_at_a_time(disk):
    """Neither is stopped by the other, and neither writes over what the other has written."""
    first = Canary(disk)
    first.write(2)
    second = Canary(disk)
    for writer, records in [(second, 2), (first, 1), (second, 1), (first, 2)]:
        writer.write(records)
    first.end()
    second.end()
    found = journal(disk)
    one, other = (each.id for each in boots(found))
    assert [each.boot for each in found] == [one, one, other, other, one, other, one, one]
    assert [(each.earlier, each.later, each.first.position, each.last.position) for each in overlaps(found)] == [
        (one, other, 3, 6)
    ]
