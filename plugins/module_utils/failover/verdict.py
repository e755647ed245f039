# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Timeline, journal of the canary, and how the host came back -> whether the drill has passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    BACK,
    FENCED,
    JUDGED,
    RESTARTED,
    SUSPECT,
    Drill,
    Timed,
    Verdict,
    Window,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.timeline import (
    AVAILABLE,
    DECIDED,
    RUNNING,
    first,
    is_restarted,
    settled,
)

# Later than the computed worst time by more than this share is a problem; the looks are some seconds apart.
TOLERANCE, LOOKS = 1.2, 5.0
IN_TIME, EARLY, LATE, NOT_SEEN, NOT_DATED = "in time", "early", "late", "not seen", "not dated"


def verdict(drill: Drill, journal: Optional[Mapping[str, Any]] = None, boot_id: str = "") -> Verdict:
    """`journal` is what the canary wrote, with `boots` and `overlaps`; None where it was not read. `boot_id` is that of
    the host after the drill; empty where it was not asked.
    """
    again = _again(journal) or bool(boot_id and drill.boot_id and boot_id != drill.boot_id)
    timed = tuple(_timed(drill, window) for window in drill.expectation.windows)
    problems = [
        *_writers(drill, journal),
        *drill.problems,
        *(_died(drill, again) if drill.expectation.dies else _stayed(drill, again)),
        *_late(drill, timed),
        *_not_back(drill),
    ]
    return Verdict(not problems, ending(drill), tuple(problems), tuple(_unproven(drill, journal)), timed)


def ending(drill: Drill) -> str:
    """How it ended, in a few words."""
    last = drill.seen[-1] if drill.seen else None
    if not drill.failed_at:
        return "nothing was done to the host"
    if last is None:
        return "nobody watched"
    if last.ha_state == "Fenced":
        return "fenced"
    if any(each.ha_state in DECIDED for each in drill.seen):
        return "reset, and back by itself" if settled(drill.seen) else "not finished"
    return "stayed"


def _timed(drill: Drill, window: Window) -> Timed:
    at = first(drill, window.event)
    if at is None:
        return Timed(window, None, NOT_SEEN)
    latest = window.worst * TOLERANCE + LOOKS
    # What is first seen after a gap may have come at any time of it.
    earliest = next((begin for begin, end in drill.gaps if end == at), at)
    if at > latest:
        return Timed(window, at, LATE if earliest > latest else NOT_DATED)
    return Timed(window, at, EARLY if at < window.best / TOLERANCE - LOOKS else IN_TIME)


def _writers(drill: Drill, journal: Optional[Mapping[str, Any]]) -> Iterator[str]:
    for each in (journal or {}).get("overlaps", ()):
        both = f"the boots {each.get('earlier')} and {each.get('later')} of the canary"
        yield f"TWO GUESTS WROTE TO ONE DISK: {both}. Stop all guests of the host that are there twice, now"


def _died(drill: Drill, again: bool) -> Iterator[str]:
    """Of a failure after which CloudStack should have taken the host for dead. `again`: host or guest say themselves
    that they were started anew; CloudStack may not have noticed (recorded: such a host was Up all the time).
    """
    if not drill.failed_at:
        return
    if not drill.seen or (first(drill, SUSPECT) is None and not again):
        yield "CloudStack showed no sign of the failure: the HA state was Available all the time"
        return
    by = f"within {drill.expectation.ends_by:.0f} s"
    if not settled(drill.seen) and not again:
        yield f"the host was neither fenced nor back {by}: the last HA state is {drill.seen[-1].ha_state}"
    if drill.canary and not is_restarted(drill) and not (again and drill.seen[-1].guest_state == RUNNING):
        last = drill.seen[-1]
        yield f"the guest {drill.canary.name} did not run again {by}: it is {last.guest_state or 'gone'}"


def _again(journal: Optional[Mapping[str, Any]]) -> bool:
    """Whether the canary itself says that it was started a second time."""
    return len((journal or {}).get("boots", ())) > 1


def _stayed(drill: Drill, again: bool) -> Iterator[str]:
    """Of a failure in which guests go on."""
    if not drill.failed_at:
        return
    if first(drill, JUDGED) is not None:
        yield "CloudStack took a host for dead whose guests were running: it was to stay, and was reset or fenced"
    elif first(drill, SUSPECT) is None:
        yield "CloudStack showed no sign of the failure: the HA state was Available all the time"
    if again:
        yield "the host or its guest was started anew, although both were to go on"
    moved = [each for each in drill.seen if drill.canary and not _is_in_place(drill, each)]
    if moved:
        yield f"the guest did not stay: {moved[0].guest_state} on {moved[0].guest_host or 'no host'}"


def _is_in_place(drill: Drill, seen: Any) -> bool:
    return drill.canary is None or (seen.guest_state, seen.guest_host) == (RUNNING, drill.canary.host)


def _late(drill: Drill, timed: Sequence[Timed]) -> Iterator[str]:
    for each in timed:
        if each.outcome == LATE:
            yield f"{each.window.event}: after {each.seen:.0f} s, computed were at most {each.window.worst:.0f} s"


def _not_back(drill: Drill) -> Iterator[str]:
    if drill.failed_at and not drill.reached(BACK) and not drill.problems:  # which say why
        yield f"the host is not back: expected Up, Enabled and {AVAILABLE}; run the same command again"


def _unproven(drill: Drill, journal: Optional[Mapping[str, Any]]) -> Iterator[str]:
    if not drill.failed_at:
        return
    if drill.canary is None:
        yield "there was no canary: whether a guest's disk is whole, and had one writer only, is not shown"
    elif journal is None:
        yield "the journal of the canary was not read: whether its disk had one writer only is not shown"
    for begin, end in drill.gaps:
        yield f"nobody watched from {begin:.0f} to {end:.0f} s after the failure: what changed then is dated too late"
    if drill.expectation.dies and first(drill, FENCED) is None and settled(drill.seen):
        yield "the host came back by its reset, so that powering it off (Fenced) was not shown"
    if drill.expectation.dies and drill.canary is None and first(drill, RESTARTED) is None:
        yield "no guest was watched: that guests come back is not shown"
