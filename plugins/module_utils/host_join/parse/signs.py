# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host shows of an addHost that is being carried out: sessions of sshd, lines of the journal, command lines of
processes.

Arguments of the keystore scripts hold a passphrase and perhaps a private key: nothing here keeps any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

PROGRAMS = ("keystore-setup", "keystore-cert-import", "cloudstack-setup-agent")
SET_UP, LOGIN, LOGOUT = "set-up", "login", "logout"
_RUNNERS = re.compile(r"(?:ba|da)?sh|sudo|python[0-9.]*")
_STAMP = re.compile(r"^([0-9]{1,15}\.[0-9]{1,9}) \S+ ([^\s:\[]+)(?:\[\d+\])?: (.*)")
_COMMAND = re.compile(r"COMMAND=\S*/(?:" + "|".join(PROGRAMS) + r")(?:\s|$)")
_LOGIN = re.compile(r"^Accepted \S+ for \S+ from (\S+) port")
_LOGOUT = re.compile(
    r"^(?:Disconnected from|Received disconnect from|Connection closed by|Connection reset by)(?: user \S+)? (\S+) port"
)
_PEER = re.compile(r"^\[?(?:::ffff:)?([0-9a-fA-F.:%]+?)\]?:\d+$")


@dataclass(frozen=True)
class Event:
    """A line of the journal that counts: `at` in seconds since 1970, `address` of the peer of a login."""

    at: float
    kind: str
    address: str = ""


def parse_sessions(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """`ss -tnpH state established` -> (address of the peer, process ids) of each connection that sshd serves."""
    found = []
    for line in text.splitlines():
        words = line.split()
        peer = _PEER.match(words[3]) if len(words) > 4 else None
        if peer and '"sshd' in words[-1]:
            found.append((peer[1], tuple(int(pid) for pid in re.findall(r"pid=([0-9]{1,10})\b", words[-1]))))
    return found


def parse_events(lines: Iterable[str]) -> list[Event]:
    """Lines of `journalctl -o short-unix` -> those of them that say something about a join."""
    return [event for event in map(_event, lines) if event]


def _event(line: str) -> Optional[Event]:
    found = _STAMP.match(line)
    if not found:
        return None
    at, source, words = float(found[1]), found[2], found[3]
    if source == "cloudstack-keystore-setup" or (source == "sudo" and _COMMAND.search(words)):
        return Event(at, SET_UP)
    for kind, pattern in ((LOGIN, _LOGIN), (LOGOUT, _LOGOUT)):
        peer = pattern.match(words) if source.startswith("sshd") else None
        if peer:
            return Event(at, kind, peer[1])
    return None


def set_up_program(argv: Sequence[str]) -> str:
    """Which program of the set-up a process runs, by itself or through a shell, Python or sudo; "" if none."""
    names = [word.rsplit("/", 1)[-1] for word in argv[:3]]
    if not names or names[0] in PROGRAMS:
        return "".join(names[:1])
    if not _RUNNERS.fullmatch(names[0]):
        return ""
    return next((name for name in names[1:] if name in PROGRAMS), "")
