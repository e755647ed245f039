# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal of a canary guest: which boots have written to its disk, and whether two of them did at the same time.

This is the one description of what is on the disk; scripts/canary-init writes it, scripts/canary-image makes it empty.

The journal is JOURNAL_BYTES of the canary's disk from JOURNAL_OFFSET on: slots of SLOT_BYTES, each one line of ASCII,
filled with blanks, with a line feed as its last byte. A slot is written in one piece past all caches (O_DIRECT, then
synced), so that it is on the disk as a whole or not at all.

Slot 0 is the header, `cloudstack.kvm canary journal 1, 8192 slots of 4096 bytes`. The others are a ring. An empty slot
is `-`. A slot that is written is a record:

    <position> <boot> <number> <time> <check>

position  counts the records of this disk from 1, whoever wrote them; it is in slot 1 + (position - 1) % (slots - 1)
boot      16 hexadecimal digits that a guest takes at random when it boots
number    counts the records of this boot from 1
time      seconds since 1970 by the guest's own clock
check     CRC-32 of the text before it, without the blank between them: 8 hexadecimal digits, as `crc32` prints it

About every second a guest takes the position behind its own last record. If the slot there has that position or a
later one, another guest has written, and it takes the position behind that one; so no guest writes over what
another has just written, and the order of positions is the order of writing, whatever the clocks say. A guest that
boots goes on behind the last record of all. The numbers of a boot have gaps only where a record was lost.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

JOURNAL_OFFSET = 32 * 2**20
JOURNAL_BYTES = 32 * 2**20
SLOT_BYTES = 4096
SOURCE = "the canary's journal"
_HEADER = re.compile(r"cloudstack\.kvm canary journal 1, ([1-9][0-9]{1,6}) slots of 4096 bytes")
_RECORD = re.compile(r"([1-9][0-9]{0,14}) ([0-9a-f]{16}) ([1-9][0-9]{0,14}) ([0-9]{1,12}) ([0-9a-f]{8})")


@dataclass(frozen=True, order=True)
class Record:
    """What one boot of a canary wrote in one second; `time` is by that guest's clock, in seconds since 1970."""

    position: int
    boot: str
    number: int
    time: int


@dataclass(frozen=True)
class Boot:
    """One boot of a canary: its first and last record (`position`, `number`, `time`), and how many are still there."""

    id: str
    first: Record
    last: Record
    records: int


@dataclass(frozen=True)
class Overlap:
    """Two boots that wrote to one disk at the same time: `earlier` began first, and wrote again after `later` began.

    `first` and `last` are the records that began and ended the time in which both wrote.
    """

    earlier: str
    later: str
    first: Record
    last: Record


def parse_journal(data: bytes) -> list[Record]:
    """The records of a journal, in the order in which they were written. `data` is the journal as a whole.

    Raises ParseError for a journal without its header, one that is cut off, and a slot that no canary has written.
    """
    slots = _slots(data)
    empty = _padded("-")
    records = []
    for slot in range(1, slots):
        content = data[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES]
        if content != empty:
            records.append(_record(content, slot, slots))
    records.sort()
    _refuse_falling_numbers(records)
    return records


def boots(records: Iterable[Record]) -> list[Boot]:
    """The boots that have written, by their first record."""
    of_boot: dict[str, list[Record]] = {}
    for record in sorted(records):
        of_boot.setdefault(record.boot, []).append(record)
    return [Boot(boot, own[0], own[-1], len(own)) for boot, own in of_boot.items()]


def overlaps(records: Iterable[Record]) -> list[Overlap]:
    """Each two boots that wrote at the same time, by the record at which the second of them began.

    Judged by the order of writing alone: the clocks of two hosts may differ, and then boots that came one after the
    other seem to overlap, or the other way round.
    """
    found = []
    begun: list[Boot] = []
    for later in boots(records):
        for earlier in begun:
            if earlier.last.position > later.first.position:
                last = min(earlier.last, later.last)
                found.append(Overlap(earlier.id, later.id, later.first, last))
        begun.append(later)
    return found


def header(slots: int) -> bytes:
    """The first slot of a journal of so many slots."""
    return _padded(f"cloudstack.kvm canary journal 1, {slots} slots of {SLOT_BYTES} bytes")


def empty_journal(slots: int = JOURNAL_BYTES // SLOT_BYTES) -> bytes:
    """A journal without records."""
    return header(slots) + _padded("-") * (slots - 1)


def slot_of(position: int, slots: int) -> int:
    """In which slot of a journal the record of this position is."""
    return 1 + (position - 1) % (slots - 1)


def record_slot(record: Record) -> bytes:
    """A record as it is on the disk."""
    text = f"{record.position} {record.boot} {record.number} {record.time}"
    return _padded(f"{text} {_check(text)}")


def _slots(data: bytes) -> int:
    """How many slots the journal says it has. Raises ParseError unless they are there."""
    line = _line(data[:SLOT_BYTES], 0)
    match = _HEADER.fullmatch(line)
    if not match:
        raise ParseError(
            SOURCE,
            "this disk has no journal of a canary here",
            text=line,
            expected=f"the header at byte {JOURNAL_OFFSET} of the disk, 'cloudstack.kvm canary journal 1, ...'",
            next_step="name the root volume of a guest that was deployed from the canary's template",
        )
    slots = int(match.group(1))
    if len(data) != slots * SLOT_BYTES:
        raise ParseError(
            SOURCE,
            "it is not as long as its header says",
            expected=f"{slots * SLOT_BYTES} bytes",
            observed=f"{len(data)} bytes",
        )
    return slots


def _record(content: bytes, slot: int, slots: int) -> Record:
    line = _line(content, slot)
    match = _RECORD.fullmatch(line)
    if not match or _check(line[: match.start(5) - 1]) != match.group(5):
        raise ParseError(SOURCE, f"slot {slot} is not a record of a canary", text=line)
    record = Record(int(match.group(1)), match.group(2), int(match.group(3)), int(match.group(4)))
    if slot_of(record.position, slots) != slot:
        raise ParseError(SOURCE, f"slot {slot} has a record that belongs elsewhere", text=line)
    return record


def _line(content: bytes, slot: int) -> str:
    text = content.decode("ascii", errors="replace").rstrip()
    if not text.isascii() or _padded(text) != content:
        raise ParseError(SOURCE, f"slot {slot} is not a line of {SLOT_BYTES} bytes", text=repr(content[:80]))
    return text


def _refuse_falling_numbers(records: Iterable[Record]) -> None:
    """The numbers of one boot rise with their positions; else the journal was put together from two."""
    last: dict[str, Record] = {}
    for record in records:
        before = last.get(record.boot)
        if before and before.number >= record.number:
            raise ParseError(
                SOURCE,
                f"the numbers of boot {record.boot} do not rise",
                expected=f"more than {before.number} at position {record.position}",
                observed=str(record.number),
            )
        last[record.boot] = record


def _padded(text: str) -> bytes:
    return text.ljust(SLOT_BYTES - 1).encode("ascii") + b"\n"


def _check(text: str) -> str:
    return f"{zlib.crc32(text.encode('ascii')):08x}"
