# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One failed join as a case, and what proves a cause in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

STAMP = re.compile(r"^\d{4}-\d\d-\d\d (\d\d):(\d\d):(\d\d),")
TLS_TEST = "The max shares of the host"  # the agent's last words before it tests its own TLS port
# How often CloudStack calls a script on the host, and the seconds without output that it waits.
SCRIPT_TRIES, SCRIPT_SILENCE = 3, 120
TCP_TIMEOUT = 100  # seconds; Linux gives up on an unanswered connection after about 130


@dataclass(frozen=True)
class Case:
    """What is known about one failed join, ready to be searched."""

    error: str
    alerts: tuple[str, ...]
    logs: Mapping[str, tuple[str, ...]]
    programs: Mapping[str, str]
    seconds: float
    evidence: Mapping[str, Any]

    def find(self, pattern: str, *sources: str) -> str:
        """The newest line of these logs that matches, "" if there is none."""
        for source in sources or tuple(self.logs):
            for line in reversed(self.logs.get(source) or ()):
                if re.search(pattern, line):
                    return line.strip()[:300]
        return ""


Proof = Callable[[Case], str]


@dataclass(frozen=True)
class Rule:
    """One known cause. It applies when `error` is part of addHost's text (empty: any) and `proof` returns the line that
    shows it.
    """

    proof: Proof
    cause: str
    expected: str
    next_step: str
    error: str = ""


def says(pattern: str, *sources: str) -> Proof:
    return lambda case: case.find(pattern, *sources)


def addhost_text(case: Case) -> str:
    return case.error


def at_once(case: Case) -> str:
    """The generic sentence comes after the wait for the agent, or at once where no discoverer wanted the host."""
    return case.error if case.seconds < 10 else ""


def alert(pattern: str) -> Proof:
    return lambda case: next((f"alert: {text}" for text in case.alerts if re.search(pattern, text)), "")


def program(name: str) -> Proof:
    return lambda case: f"{name} is {case.programs[name]}" if case.programs.get(name, "ok") != "ok" else ""


def slow_start(case: Case) -> str:
    """The agent tests qemu+tls to its own address before it connects; a dropped packet there costs a whole TCP
    timeout.
    """
    last = None
    for line in case.logs.get("agent.log") or ():
        stamp = STAMP.match(line)
        if not stamp:
            continue
        now = int(stamp[1]) * 3600 + int(stamp[2]) * 60 + int(stamp[3])
        if last and TLS_TEST in last[1] and now - last[0] >= TCP_TIMEOUT:
            return f"{now - last[0]} s without a word in agent.log after: {last[1].strip()[:150]}"
        last = (now, line)
    return ""


def empty_keystore(case: Case) -> str:
    size = (case.evidence.get("files") or {}).get("cloud.jks")
    return "/etc/cloudstack/agent/cloud.jks has 0 bytes" if size == 0 else ""


def certificate(state: str) -> Proof:
    def proof(case: Case) -> str:
        seen = case.evidence.get("certificate") or {}
        return (
            f"cloud.crt is {state}: from {seen.get('not_before')}, now {seen.get('now')}"
            if seen.get("state") == state
            else ""
        )

    return proof


def silent(case: Case) -> str:
    """Three tries, each given up after 120 s without output (SSHCmdHelper.java)."""
    return (
        f"three tries that took {case.seconds:.0f} s together" if case.seconds >= SCRIPT_TRIES * SCRIPT_SILENCE else ""
    )


def fact(key: str, wrong: Callable[[Any], bool], say: str) -> Proof:
    return lambda case: say.format(case.evidence.get(key)) if key in case.evidence and wrong(case.evidence[key]) else ""
