# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is seen of a failover while it goes on: which looks are kept, and when there is nothing more to wait for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    FENCED,
    JUDGED,
    RESTARTED,
    SUSPECT,
    Drill,
    Seen,
)

RUNNING = "Running"
AVAILABLE = "Available"
# HA states in which CloudStack has decided, and acts.
DECIDED = ("Recovering", "Recovered", "Fencing", "Fenced")
# Seconds without a look after which a gap is told. A look takes one or two.
LONGEST = 20.0


def add(drill: Drill, seen: Seen) -> Drill:
    """The drill with one more look, if that shows something new."""
    if drill.seen and drill.seen[-1].shows() == seen.shows():
        return drill
    return replace(drill, seen=(*drill.seen, seen))


def add_gap(drill: Drill, last: float, now: float) -> Drill:
    """The drill with the time between two looks, if nobody watched meanwhile. Seconds from the failure."""
    if now - last <= LONGEST:
        return drill
    return replace(drill, gaps=(*drill.gaps, (last, now)))


def ended(drill: Drill, now: float) -> bool:
    """Whether there is nothing more to wait for, `now` seconds after the failure."""
    if now >= drill.expectation.ends_by:
        return True
    return drill.expectation.dies and settled(drill.seen) and (drill.canary is None or is_restarted(drill))


def settled(seen: Sequence[Seen]) -> bool:
    """Whether CloudStack is done with the host: it is fenced, or was given up and is back by itself."""
    if not seen:
        return False
    last = seen[-1]
    if last.ha_state == "Fenced":
        return True
    was_away = any(each.ha_state in DECIDED for each in seen)
    return was_away and (last.ha_state, last.state) == (AVAILABLE, "Up")


def is_restarted(drill: Drill) -> bool:
    """Whether the guest runs again: after CloudStack has seen it down, on another host, or started anew between two
    looks."""
    return first(drill, RESTARTED) is not None and drill.seen[-1].guest_state == RUNNING


def first(drill: Drill, event: str) -> Optional[float]:
    """When an event of EVENTS was first seen, in seconds from the failure; None if it was not."""
    return next((each.at for index, each in enumerate(drill.seen) if _is(drill, event, index)), None)


def _is(drill: Drill, event: str, index: int) -> bool:
    each = drill.seen[index]
    if event == SUSPECT:
        return each.ha_state not in (AVAILABLE, "")
    if event == JUDGED:
        return each.ha_state in DECIDED
    if event == FENCED:
        return each.ha_state == "Fenced"
    if drill.canary is None or each.guest_state != RUNNING:
        return False
    was_down = any(before.guest_state != RUNNING for before in drill.seen[:index])
    return was_down or each.guest_host not in ("", drill.canary.host) or _has_changed(drill.seen[:index], each)


def _has_changed(before: Sequence[Seen], now: Seen) -> bool:
    """Whether the guest's state has changed since CloudStack took the host for dead. Earlier changes prove nothing: a
    guest that goes on is written anew when its agent connects again (FollowAgentPowerOnReport)."""
    decided = next((each for each in before if each.ha_state in DECIDED), None)
    return decided is not None and bool(decided.guest_updated) and now.guest_updated != decided.guest_updated
