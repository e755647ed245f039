#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small NTP server (RFC 5905, mode 4) that serves this machine's clock plus the seconds written in a file."""

from __future__ import annotations

import argparse
import socket
import struct
import time
from pathlib import Path

EPOCH = 2208988800  # seconds from 1900, where NTP starts to count, to 1970


def timestamp(seconds: float) -> bytes:
    """Seconds since 1970 as an NTP timestamp."""
    shifted = seconds + EPOCH
    return struct.pack("!II", int(shifted) & 0xFFFFFFFF, int(shifted % 1 * 2**32))


def answer(request: bytes, received: float, now: float, stratum: int) -> bytes | None:
    """The reply to a client's packet, or None where it is none."""
    if len(request) < 48 or request[0] & 7 != 3:
        return None
    version = request[0] >> 3 & 7
    poll = request[2] if request[2] < 128 else 6
    head = struct.pack("!BBbb", version << 3 | 4, stratum, poll, -20) + struct.pack("!II", 0, 0x10) + b"LOCL"
    return head + timestamp(received - 1) + request[40:48] + timestamp(received) + timestamp(now)


def offset(path: Path) -> float:
    """The error to serve, in seconds."""
    try:
        return float(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0.0


def main() -> None:
    """Serve for ever."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--offset-file", type=Path, required=True)
    parser.add_argument("--stratum", type=int, default=8)
    options = parser.parse_args()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((options.address, 123))
    while True:
        request, client = server.recvfrom(512)
        error = offset(options.offset_file)
        reply = answer(request, time.time() + error, time.time() + error, options.stratum)
        if reply:
            server.sendto(reply, client)


if __name__ == "__main__":
    main()
