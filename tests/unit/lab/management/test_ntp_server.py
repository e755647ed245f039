# SPDX-License-Identifier: GPL-3.0-or-later
"""The time source whose error can be set: packets by RFC 5905."""

from __future__ import annotations

import struct
from pathlib import Path

from lab.management import ntp_server

REQUEST = bytes([4 << 3 | 3, 0, 6, 0]) + bytes(36) + b"ORIGTIME"


def test_an_answer_carries_the_clients_stamp_and_the_servers_time() -> None:
    reply = ntp_server.answer(REQUEST, 100.0, 100.5, 8)
    assert reply is not None and len(reply) == 48
    assert reply[0] == 4 << 3 | 4  # version 4, server
    assert reply[1] == 8
    assert reply[24:32] == b"ORIGTIME"
    assert struct.unpack("!II", reply[40:48]) == (ntp_server.EPOCH + 100, 1 << 31)


def test_what_is_no_request_is_not_answered() -> None:
    assert ntp_server.answer(REQUEST[:20], 0, 0, 8) is None
    assert ntp_server.answer(bytes([4 << 3 | 4]) + REQUEST[1:], 0, 0, 8) is None


def test_the_error_is_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "offset"
    assert ntp_server.offset(path) == 0.0
    path.write_text("-7.5\n")
    assert ntp_server.offset(path) == -7.5
    path.write_text("much\n")
    assert ntp_server.offset(path) == 0.0
