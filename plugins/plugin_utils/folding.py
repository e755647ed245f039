# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The same text about many hosts becomes one text about all of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import ranges

HOST = "\0"  # stands for the name of the host in a text
# Keys of a result that say nothing beside its `msg`.
NOISE = {
    "msg",
    "changed",
    "failed",
    "assertion",
    "evaluated_to",
    "expected",
    "observed",
    "next_step",
    "reproduce",
    "exception",
    "invocation",
}


class Piece(NamedTuple):
    """One call of Ansible's Display.display: the text, and how to print it."""

    text: str
    how: tuple[tuple[str, Hashable], ...] = ()


def fold(pieces: Mapping[str, Iterable[Piece]]) -> list[Piece]:
    """What is to be printed about each host (key) -> what is to be printed, the hosts of whom the same is said named
    together once.

    In the order in which each text comes first. Texts are the same that differ in the host's own name alone.
    """
    same: dict[tuple[Piece, ...], list[str]] = {}
    for host, own in pieces.items():
        same.setdefault(tuple(Piece(without_name(piece.text, host), piece.how) for piece in own), []).append(host)
    return [Piece(piece.text.replace(HOST, ranges(hosts)), piece.how) for own, hosts in same.items() for piece in own]


def without_name(text: str, host: str) -> str:
    """The text with HOST for the host's name, where that stands alone: host1 neither in host12 nor in
    host1.example.org.
    """
    return re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)", HOST, text)


def fold_counts(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    """Counts of a recap by host -> by the names of the hosts that have the same ones."""
    same: dict[tuple[tuple[str, int], ...], list[str]] = {}
    for host, own in counts.items():
        same.setdefault(tuple(sorted(own.items())), []).append(host)
    return {ranges(hosts): dict(own) for own, hosts in same.items()}


def message(result: Mapping[str, Any]) -> str:
    """The text of a result that has nothing to say but its `msg`: a line, or an indented block. Empty for other
    results.
    """
    said = result.get("msg")
    if not {key for key in result if not key.startswith("_ansible")} <= NOISE:
        return ""
    if isinstance(said, list) and said and all(isinstance(line, str) for line in said):
        return "".join(f"\n    {line}" for line in said)
    if isinstance(said, str) and "\n" in said.strip():
        return "".join(f"\n    {line}" for line in said.strip().splitlines())
    return said.strip() if isinstance(said, str) else ""
