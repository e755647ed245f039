# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a check says: a problem is what the check's function yields, a finding is the problem with all that the check
declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

BLOCKER, ERROR, WARNING, INFO = "blocker", "error", "warning", "info"
SEVERITIES = (BLOCKER, ERROR, WARNING, INFO)  # worst first
STOPS_A_JOIN = (BLOCKER, ERROR)

FAILED, UNKNOWN, UNDECIDED = "failed", "unknown", "undecided"
KINDS = (FAILED, UNKNOWN, UNDECIDED)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong (failed), cannot be seen (unknown), or cannot be decided (undecided: hosts differ, and
    none is the rule).

    `hosts` are those to blame, `others` those they were compared with. Empty texts are taken from the check's
    declaration.
    """

    hosts: tuple[str, ...]
    expected: str
    observed: str
    evidence: str = ""
    others: tuple[str, ...] = ()
    severity: Optional[str] = None
    fix: str = ""
    reproduce: str = ""
    kind: str = FAILED


@dataclass(frozen=True)
class Waiver:
    """An operator's decision to join in spite of a finding. `expires` is a date, YYYY-MM-DD, the last day on which it
    holds.
    """

    check: str
    hosts: tuple[str, ...]
    reason: str
    owner: str
    expires: str


@dataclass(frozen=True)
class Finding:
    """What the operator reads. `prevents` are ids of preflight/model/known_failures.py; `waiver` is set when the
    finding does not count.
    """

    id: str
    title: str
    severity: str
    kind: str
    hosts: tuple[str, ...]
    others: tuple[str, ...]
    expected: str
    observed: str
    evidence: str
    reproduce: str
    fix: str
    prevents: tuple[str, ...]
    waiver: Optional[Waiver] = None

    @property
    def stops(self) -> bool:
        """Whether it keeps its hosts from joining."""
        return self.severity in STOPS_A_JOIN and self.waiver is None


def worst_first(finding: Finding) -> tuple:
    """Sorts a report's findings; those that are waived come last."""
    return (finding.waiver is not None, SEVERITIES.index(finding.severity), finding.id, finding.hosts, finding.observed)
