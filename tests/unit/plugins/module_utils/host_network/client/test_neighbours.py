# SPDX-License-Identifier: GPL-3.0-or-later
"""ARP: the question of RFC 5227, and whose answer counts."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.neighbours import (
    announce,
    announcement_frame,
    probe_frame,
    sender_of,
    who_has,
)

OWN, OTHER = bytes.fromhex("020000000001"), bytes.fromhex("020000000099")
MINE, THEIRS = {"02:00:00:00:00:01"}, "02:00:00:00:00:99"
ANSWER = bytes.fromhex("02000000000102000000009908060001080006040002020000000099c000020b02000000000100000000")


def test_the_question_names_no_sender():
    assert probe_frame(OWN, "192.0.2.11") == bytes.fromhex(
        "ffffffffffff0200000000010806000108000604000102000000000100000000000000000000c000020b"
    )


def test_an_announcement_is_of_its_own_address():
    assert announcement_frame(OWN, "192.0.2.11") == bytes.fromhex(
        "ffffffffffff02000000000108060001080006040001020000000001c000020b000000000000c000020b"
    )


def test_what_is_not_there_announces_nothing():
    announce("no-such-device", "192.0.2.11")


@pytest.mark.parametrize(
    ("frame", "address", "own", "mac"),
    [
        (ANSWER, "192.0.2.11", MINE, THEIRS),
        (ANSWER + b"\0" * 18, "192.0.2.11", MINE, THEIRS),  # padded to the shortest frame
        (ANSWER, "192.0.2.12", MINE, None),
        (ANSWER, "192.0.2.11", {*MINE, THEIRS}, None),  # another NIC of this host
        (ANSWER[:30], "192.0.2.11", MINE, None),
        (probe_frame(OTHER, "192.0.2.11"), "192.0.2.11", MINE, None),  # somebody else asks
    ],
)
def test_whose_answer_counts(frame, address, own, mac):
    assert sender_of(frame, address, own) == mac


def test_a_device_that_is_not_there_cannot_be_asked():
    assert who_has("no-such-device", "192.0.2.11") is None
