# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a canary: what was written is read, and two writers at one time are told from two boots in turn."""

from __future__ import annotations

from itertools import dropwhile

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.canary import (
    SLOT_BYTES,
    Boot,
    Record,
    boots,
    empty_journal,
    header,
    overlaps,
    parse_journal,
    record_slot,
    slot_of,
)
from hypothesis import given
from hypothesis import strategies as st

SLOTS = 24
A, B, C = "a1a1a1a1a1a1a1a1", "b2b2b2b2b2b2b2b2", "c3c3c3c3c3c3c3c3"
T = 1796000000
WRITERS = st.lists(st.sampled_from([A, B]), min_size=3, max_size=60)


class Disk:
    """A disk to which canaries write, as their init does (scripts/canary-init)."""

    def __init__(self):
        self.data = bytearray(empty_journal(SLOTS))
        self.own = {}
        self.numbers = {}

    def slot(self, position):
        start = slot_of(position, SLOTS) * SLOT_BYTES
        return slice(start, start + SLOT_BYTES)

    def occupied(self, position):
        text = bytes(self.data[self.slot(position)]).split(b" ")[0]
        return 0 if text == b"-" else int(text)

    def write(self, boot, time=T):
        if boot not in self.own:
            self.own[boot] = max([self.occupied(each) for each in range(1, SLOTS)])
        position = self.own[boot] + 1
        while self.occupied(position) >= position:
            position = self.occupied(position) + 1
        self.own[boot] = position
        self.numbers[boot] = self.numbers.get(boot, 0) + 1
        self.data[self.slot(position)] = record_slot(Record(position, boot, self.numbers[boot], time))


def disk(*writers):
    made = Disk()
    for second, boot in enumerate(writers):
        made.write(boot, T + second)
    return made


def records(*writers):
    return parse_journal(bytes(disk(*writers).data))


def pairs(found):
    return [(each.earlier, each.later) for each in found]


def test_a_record_is_read_as_it_is_described():
    """The text as `printf | crc32` of busybox 1.35 makes it, so that the reader is not tested with its own writer."""
    data = empty_journal(SLOTS)
    line = b"1 a1a1a1a1a1a1a1a1 1 1796000000 bd7506bf".ljust(SLOT_BYTES - 1) + b"\n"
    data = data[:SLOT_BYTES] + line + data[2 * SLOT_BYTES :]
    assert parse_journal(data) == [Record(1, A, 1, 1796000000)]


def test_an_empty_journal_has_no_boots():
    assert parse_journal(empty_journal(SLOTS)) == [] == boots([]) == overlaps([])


def test_boots_with_their_first_and_last_record():
    first, second = boots(records(A, A, A, B, B))
    assert first == Boot(A, Record(1, A, 1, T), Record(3, A, 3, T + 2), 3)
    assert second == Boot(B, Record(4, B, 1, T + 3), Record(5, B, 2, T + 4), 2)


def test_the_ring_keeps_the_newest():
    found = records(*[A] * 20, *[B] * 30)
    assert [each.position for each in found] == list(range(28, 51))
    assert pairs(overlaps(found)) == [] and [each.id for each in boots(found)] == [B]


@pytest.mark.parametrize(
    ("writers", "expected"),
    [
        ([A, B], []),
        ([A, A, B, B, C], []),
        ([A, B, A], [(A, B)]),
        ([A, A, A, B, A, B], [(A, B)]),
        ([A, B, B, B, B, B, A], [(A, B)]),
        ([A, A, B, A, C, C], [(A, B)]),
        ([A, B, C, B], [(B, C)]),
        ([A, B, C, A], [(A, B), (A, C)]),
        ([A, B, C, A, B, C], [(A, B), (A, C), (B, C)]),
        ([*[A] * 40, B, A], [(A, B)]),
    ],
)
def test_overlaps(writers, expected):
    assert pairs(overlaps(records(*writers))) == expected


def test_an_overlap_has_its_beginning_and_end():
    (found,) = overlaps(records(A, A, B, A, B, A, B, B))
    assert (found.first, found.last) == (Record(3, B, 1, T + 2), Record(6, A, 4, T + 5))


def test_the_clocks_do_not_decide():
    """The second host's clock is an hour behind: the boots came one after the other all the same."""
    made = Disk()
    for writer, time in [(A, T), (A, T + 1), (B, T - 3600), (B, T - 3599)]:
        made.write(writer, time)
    assert overlaps(parse_journal(bytes(made.data))) == []


@given(WRITERS)
def test_two_writers_in_any_order(order):
    """Whoever wrote when: told exactly where the one that began first wrote again after the other had begun."""
    found = records(*order)
    kept = order[-len(found) :]  # the ring's newest
    assert [each.boot for each in found] == kept
    after_the_other_began = list(dropwhile(lambda each: each == kept[0], kept))
    assert bool(overlaps(found)) is (kept[0] in after_the_other_began)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_boots_in_turn_never_overlap(lengths):
    writers = [f"{boot:016x}" for boot, length in enumerate(lengths) for _second in range(length)]
    assert overlaps(records(*writers)) == []


def changed(at, text):
    data = bytearray(disk(A, A, B).data)
    start = at * SLOT_BYTES
    data[start : start + SLOT_BYTES] = text.ljust(SLOT_BYTES - 1) + b"\n" if len(text) < SLOT_BYTES else text
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "slot 0 is not a line"),
        (b"\0" * SLOT_BYTES * SLOTS, "slot 0 is not a line"),
        (changed(0, b"something else"), "has no journal of a canary"),
        (changed(0, b"cloudstack.kvm canary journal 2, 24 slots of 4096 bytes"), "has no journal of a canary"),
        (changed(0, b"cloudstack.kvm canary journal 1, 99999999999 slots of 4096 bytes"), "no journal of a canary"),
        (header(SLOTS), "not as long as its header says"),
        (empty_journal(SLOTS)[:-1], "not as long as its header says"),
        (empty_journal(SLOTS) + b"\0", "not as long as its header says"),
        (changed(5, b"\0" * SLOT_BYTES), "slot 5 is not a line"),
        (changed(5, b"\xff\xfe"), "slot 5 is not a line"),
        (changed(5, b"-" + b" " * (SLOT_BYTES - 3) + b"\n\n"), "slot 5 is not a line"),
        (changed(5, b"root:x:0:0:root:/root:/bin/bash"), "slot 5 is not a record"),
        (changed(5, b"5 a1a1a1a1a1a1a1a1 3 1796000000 00000000"), "slot 5 is not a record"),
        (changed(5, b"9" * 4000), "slot 5 is not a record"),
        (changed(5, b"5 a1a1a1a1a1a1a1a1 3 " + b"9" * 4000), "slot 5 is not a record"),
        (changed(5, record_slot(Record(6, A, 9, T))), "slot 5 has a record that belongs elsewhere"),
        (changed(4, record_slot(Record(4, A, 2, T))), f"the numbers of boot {A} do not rise"),
    ],
)
def test_what_no_canary_has_written_is_refused(data, words):
    with pytest.raises(ParseError, match=words):
        parse_journal(data)


@given(st.integers(0, SLOTS * SLOT_BYTES - 1), st.binary(min_size=1, max_size=200))
def test_a_changed_journal_is_refused_or_read(at, junk):
    """Nothing but ParseError, and never a record that was not written."""
    written = disk(A, A, B)
    data = bytes(written.data)
    try:
        found = parse_journal(data[:at] + junk + data[at + len(junk) :])
    except ParseError:
        return
    assert set(found) <= set(parse_journal(data))
