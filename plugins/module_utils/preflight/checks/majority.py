# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is to blame when A does not get along with B: whoever has the same trouble with most of the others. And when they
share what must be unique.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile

TO, FROM = "to", "from"  # no other host reaches it; it reaches no other host
Pair = tuple[str, str]
WITNESSES_MIN = 2  # the word of one other host is as good as its own


def blame_by_majority(pairs: Mapping[Pair, bool]) -> tuple[dict[tuple[str, str], list[str]], list[Pair]]:
    """(from, to) -> whether it went wrong. Returns (TO or FROM, name) -> the others, for every host with trouble in
    more than half of its pairs in this direction, and the pairs that went wrong and no majority explains.
    """
    totals = Counter(end for pair in pairs for end in _ends(pair))
    wrong = {pair for pair, went_wrong in pairs.items() if went_wrong}
    blamed: dict[tuple[str, str], list[str]] = {}
    while wrong:
        trouble = Counter(end for pair in wrong for end in _ends(pair))
        worst = max(
            sorted(trouble),
            key=lambda end: (trouble[end] / totals[end] if totals[end] >= WITNESSES_MIN else 0, trouble[end]),
        )
        if totals[worst] < WITNESSES_MIN or trouble[worst] * 2 <= totals[worst]:
            break
        explained = {pair for pair in wrong if worst in _ends(pair)}
        direction, name = worst
        blamed[worst] = sorted(other for pair in explained for other in pair if other != name)
        wrong -= explained
    return blamed, sorted(wrong)


def _ends(pair: Pair) -> Iterator[tuple[str, str]]:
    yield FROM, pair[0]
    yield TO, pair[1]


def blame_newcomers(sharing: Sequence[Profile]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of hosts that share what must be unique: those to blame and the others. A newcomer is to blame, else all are."""
    new = tuple(host.name for host in sharing if not host.member)
    old = tuple(host.name for host in sharing if host.member)
    return (new, old) if new and old else (new + old, ())
