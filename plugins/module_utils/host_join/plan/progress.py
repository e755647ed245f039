# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is an addHost still in progress on a host? CloudStack has no call that shows it, and carries it out even if its
caller is gone.

A second addHost in the meantime leaves the certificate of one and the key of the other (seen on a real 4.22.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.model.signs import Mark, Signs

MARK_FILE = "/run/cloudstack-kvm/join.json"
NONE, RUNNING, ENDED = "none", "running", "ended"
BEGINS = 120  # seconds within which CloudStack logs in after addHost: 60 to connect and 60 to agree on keys
SILENCE = 120  # seconds without output after which CloudStack gives a program of the set-up up (SSHCmdHelper.java:194)
AGENT_TIME = (
    330  # seconds that addHost waits for the agent when the set-up has ended: ten looks, 30 s apart, and one answer
)


@dataclass(frozen=True)
class Progress:
    """`state`: none, running (the set-up is at work) or ended (it has ended, and the answer or the agent may still
    come).

    `why` is a part of a sentence, `since` and `left` (how long it is believed at most, if nothing new is seen) are
    seconds.
    """

    state: str
    why: str = ""
    since: int = 0
    left: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For a module's result."""
        return {"state": self.state, "why": self.why, "since": self.since, "left": self.left}


NOTHING = Progress(NONE)


def join_in_progress(signs: Signs, longest: float) -> Progress:
    """Whether to wait. `longest` is the time in seconds that one addHost may take at most: what is older than that is
    not believed.

    An agent that is connected ends the waiting: CloudStack has a record of the host then, and its state tells the rest.
    """
    for name, age in signs.processes:
        return _progress(RUNNING, f"{name} is running on the host for {age:.0f} s", age, longest - age)
    for address, age in signs.logins:
        if age <= longest:
            return _progress(
                RUNNING, f"the management server {address} is logged in on the host for {age:.0f} s", age, longest - age
            )
    if signs.agent_connected:
        return NOTHING
    mark = signs.mark if signs.mark and signs.mark.age <= longest else None
    seen = signs.set_up is not None and (mark is None or signs.set_up <= mark.age)
    return _after_the_set_up(signs, mark) if seen else _before_the_set_up(mark)


def _before_the_set_up(mark: Optional[Mark]) -> Progress:
    """A mark, and nothing of the set-up since: addHost has only just been sent, or never was."""
    if mark is None or mark.age > BEGINS:
        return NOTHING
    return _progress(RUNNING, f"{_sender(mark)}, and CloudStack has not logged in yet", mark.age, BEGINS - mark.age)


def _after_the_set_up(signs: Signs, mark: Optional[Mark]) -> Progress:
    last = signs.set_up or 0.0
    closed = signs.logout is not None and signs.logout <= last
    if not closed and last <= SILENCE:
        return _progress(
            RUNNING, f"the set-up wrote its last line {last:.0f} s ago, and no end of it is seen", last, SILENCE - last
        )
    age = signs.logout if closed and signs.logout is not None else last
    if age > AGENT_TIME:
        return NOTHING
    ended = f"the set-up on the host ended {age:.0f} s ago"
    if mark:
        return _progress(ENDED, f"{ended}; {_sender(mark)}, and has no answer yet", age, AGENT_TIME - age)
    if signs.agent_active:
        return _progress(ENDED, f"{ended}, and its agent has not connected yet", age, AGENT_TIME - age)
    return NOTHING


def _sender(mark: Mark) -> str:
    return f"{mark.controller} sent addHost {mark.age:.0f} s ago"


def _progress(state: str, why: str, since: float, left: float) -> Progress:
    return Progress(state, why, round(since), max(0, round(left)))


def explain(host: str, progress: Progress) -> str:
    """The message for who waits for it, and for who has waited in vain."""
    return (
        f"{host}: expected no join in progress, observed: {progress.why}. A second addHost now would mix the "
        "certificate of one with the key of the other. Next: wait, and run again; if nothing more is to come (the "
        f"management server was restarted), remove {MARK_FILE} on the host. Reproduce: pgrep -l "
        "'keystore-|cloudstack-setu'; journalctl --since -20min -t sshd -t cloudstack-keystore-setup."
    )
