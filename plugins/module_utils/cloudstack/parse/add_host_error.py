# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The part of an addHost error that says something."""

from __future__ import annotations

import re

# "Could not add host at [..] with zone [..], pod [..] and cluster [..] due to: [<this>]."
DUE = "due to: ["
WRAPPED = re.compile(r"^\s*can't setup agent, due to [\w.$]+: (?P<text>.*)$", re.DOTALL)
LIMIT = 2000  # characters


def cause(text: str) -> str:
    """What stands inside `due to: [...]`, without Java's class name and without its repetition."""
    inner = text.partition(DUE)[2]
    kept = re.sub(r"\]\.?\s*$", "", inner).strip() if inner else text.strip()
    wrapped = WRAPPED.match(kept)
    kept = wrapped["text"] if wrapped else kept
    half = len(kept) // 2
    if kept[half - 1 : half + 2] == " - " and kept[: half - 1] == kept[half + 2 :]:
        kept = kept[: half - 1]
    return kept[:LIMIT]
