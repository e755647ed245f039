# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a check says about itself, for its page in docs/checks and for the report, which has it folded in."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import BLOCKER, STOPS_A_JOIN
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import CLUSTER, HOST, Check

JUDGES = {
    HOST: "each host by itself",
    CLUSTER: "all hosts of the cluster together",
}


@dataclass(frozen=True)
class Block:
    """A paragraph (one item) or a list of the text. An item is a row of words and code in turns, words first."""

    is_list: bool
    items: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class CheckPage:
    """`facts` are pairs of a name and what the check has under it."""

    why: tuple[Block, ...]
    facts: tuple[tuple[str, str], ...]
    fix: str
    reproduce: str


def check_page(id: str) -> CheckPage | None:  # noqa: A002 - the word of every report
    """The page of a check; None for what is found without one (an expired waiver)."""
    check = CHECKS.get(id)
    if check is None:
        return None
    return CheckPage(tuple(blocks(check.why)), facts(check), check.fix, check.reproduce)


def facts(check: Check) -> tuple[tuple[str, str], ...]:
    """Severity, whether hosts are judged alone or together, and what is reported where something is not known."""
    return (
        ("severity", severity(check)),
        ("judges", JUDGES[check.scope]),
        ("if that is not known", f"{check.unknown}, kind unknown"),
    )


def severity(check: Check) -> str:
    """The severity with its consequence."""
    if check.severity == BLOCKER:
        return f"{BLOCKER}: keeps a host out, and cannot be waived"
    if check.severity in STOPS_A_JOIN:
        return f"{check.severity}: keeps a host out, unless waived"
    return f"{check.severity}: is reported, and keeps no host out"


def blocks(text: str) -> Iterator[Block]:
    """Paragraphs and lists of a docstring, as Markdown has them."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        is_list = part.startswith("- ")
        items = re.split(r"^- ", part, flags=re.MULTILINE)[1:] if is_list else [part]
        yield Block(is_list, tuple(tuple(" ".join(item.split()).split("`")) for item in items))
