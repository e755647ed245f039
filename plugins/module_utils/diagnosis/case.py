# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One failed join as a case, and what proves a cause in it.

A proof is a function of a case. It returns "", or the words that show the cause: the operator reads them as *observed*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.errors import newest_error
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.logs import stamp_seconds

TLS_TEST = "The max shares of the host"  # the agent's last words before it tests its own TLS port
# How often CloudStack calls a script on the host, and the seconds without output that it waits.
SCRIPT_TRIES, SCRIPT_SILENCE = 3, 120
TCP_TIMEOUT = 100  # seconds; Linux gives up on an unanswered connection after about 130
SHOWN = 300  # characters of a line
SETUP_FAILED = "CloudStack Agent setup through command"  # addHost's text when cloudstack-setup-agent ends with an error
SET_UP_TRIAL = "set-up trial"  # what cloudstack-setup-agent's modules say when the host tries them
# The agent's last words before it serves (agent/src/main/java/com/cloud/agent/Agent.java): all trouble before is over.
ACCEPTED = r"(?i)ready command is processed|proccess agent ready command"
STARTED = "Agent started"  # its first words
# It met the management server: the answer to its start comes before it is looked at (AgentManagerImpl.connectAgent).
GREETED = r"Handshake done|[Ss]tartup (?:answer|Response)|Connected to the host"
# The agent talks to libvirt first and to the management server then, so these words mean that libvirt answered.
PAST_LIBVIRT = r"Connecting to (?:host: ?\S+|\S+:\d+)"
# What libvirt says to a client, in words of its own source that are not translated on a host in another language, or
# that name a file or function (libvirt src/rpc/virnetsocket.c, src/rpc/virnetclient.c, src/libvirt-host.c).
LIBVIRT_GONE = (
    r"libvirt-sock|virtqemud-sock|Connection with libvirtd is broken|in virConnect\w+|virNetClient"
    r"|(?:Cannot|Unable to) (?:recv|read|write|send) data|End of file while reading data|client socket is closed"
    r"|connection closed due to keepalive|no polkit agent|org\.libvirt\.unix|authentication (?:unavailable|cancelled)"
    r"|(?i:connect\w* to (?:the )?(?:libvirt|hypervisor))|Failed to connect socket|denied by policy"
    r"|qemu:///system.*(?:refused|failed)|Unable to start agent.*unable to connect to server at|CheckAuthorization"
    r"|received hangup|Timed out during operation"
)


@dataclass(frozen=True)
class Case:
    """What is known about one failed join, ready to be searched."""

    error: str
    alerts: tuple[str, ...]
    logs: Mapping[str, tuple[str, ...]]
    programs: Mapping[str, str]
    seconds: float
    evidence: Mapping[str, Any]

    def find(self, pattern: str, *sources: str, until: str = "") -> str:
        """The newest line of these logs that matches, "" if there is none, or if one behind it matches `until`."""
        for source in sources or tuple(self.logs):
            for line in reversed(self.logs.get(source) or ()):
                if until and re.search(until, line):
                    break
                if re.search(pattern, line):
                    return line.strip()[:SHOWN]
        return ""

    def fact(self, section: str, key: str) -> Any:
        """One value in a section of the evidence, None where it is not known."""
        return (self.evidence.get(section) or {}).get(key)


@dataclass(frozen=True)
class Diagnosis:
    """`cause` is a sentence without the host; `certain` is false where only symptoms are known."""

    cause: str
    expected: str
    observed: str
    next_step: str
    certain: bool = True


Proof = Callable[[Case], str]


@dataclass(frozen=True)
class Rule:
    """One known cause. It applies when `error` is part of addHost's text (empty: any) and `proof` returns the line that
    shows it. `source` says where the rule comes from: a file of CloudStack 4.22.1, an issue, a host on which it was
    staged. `certain` is false where the symptom has more than one cause.
    """

    name: str
    proof: Proof
    cause: str
    expected: str
    next_step: str
    source: str
    error: str = ""
    certain: bool = True

    def observed(self, case: Case) -> str:
        """The words that show this cause in the case, "" if it does not apply."""
        return self.proof(case) if self.error in case.error else ""


def says(pattern: str, *sources: str, until: str = "") -> Proof:
    """The newest line of the logs; none if the trouble was over later (`until`)."""
    return lambda case: case.find(pattern, *sources, until=until)


def addhost_text(case: Case) -> str:
    return case.error


def answer(pattern: str) -> Proof:
    """addHost's text, where one sentence of it is worded in more than one way."""
    return lambda case: case.error if re.search(pattern, case.error) else ""


def at_once(case: Case) -> str:
    """The generic sentence comes after the wait for the agent, or at once where no discoverer wanted the host."""
    return case.error if case.seconds < 10 else ""


def alert(pattern: str) -> Proof:
    return lambda case: next((f"alert: {text}"[:SHOWN] for text in case.alerts if re.search(pattern, text)), "")


def any_of(*proofs: Proof) -> Proof:
    """The first proof that holds."""

    def proof(case: Case) -> str:
        seen = (each(case) for each in proofs)
        return next(filter(None, seen), "")

    return proof


def all_of(*proofs: Proof) -> Proof:
    """The words of the first proof, if all of them hold."""

    def proof(case: Case) -> str:
        seen = [each(case) for each in proofs]
        return seen[0] if all(seen) else ""

    return proof


def refused(pattern: str) -> Proof:
    """What the management server answered to the agent: in an alert, or as the reason in agent.log (level DEBUG)."""
    return any_of(alert(pattern), says(f"(?:Not ready|Not allowed) to connect to .*(?:{pattern})", "agent.log"))


def in_pool(pattern: str) -> Proof:
    """What went wrong with a storage pool: the alert of the management server, or the agent's own words."""
    return any_of(alert(pattern), says(pattern, "agent.log", until=ACCEPTED))


def program(name: str) -> Proof:
    return lambda case: f"{name} is {case.programs[name]}" if case.programs.get(name, "ok") != "ok" else ""


def unit(name: str, key: str, *states: str) -> Proof:
    """A systemd unit whose property (LoadState, ActiveState ...) is one of `states`."""

    def proof(case: Case) -> str:
        state = (case.fact("units", name) or {}).get(key)
        return f"{name} is {state}" if state in states else ""

    return proof


def step(command: str, output: str = "") -> Proof:
    """A command of cloudstack-setup-agent that failed. Its name tells it, because its words are in the host's language.

    `output` limits it to failures with these words.
    """

    def proof(case: Case) -> str:
        lines = case.logs.get("setup.log") or ()
        for before, line in zip(lines, lines[1:]):
            words = line.partition("Failed to execute:")
            if words[1] and re.search(f"execute:{command}$", before) and re.search(output, words[2]):
                return f"{before.partition('execute:')[2]}: {words[2].strip() or 'failed'}"[:SHOWN]
        return ""

    return proof


def setup_wrote_nothing(case: Case) -> str:
    """cloudstack-setup-agent died before it wrote a line."""
    return "" if case.logs.get("setup.log") else "setup.log has no line of this join"


def setup_given_up(case: Case) -> str:
    """Its next word found nobody: CloudStack closes a connection that is silent, and Python says so (errno 32)."""
    frame = r"sys\.stdout\.flush\(\)"  # of writeProgressBar, which prints each step
    seen = case.find(rf"\[Errno 32\]|BrokenPipeError|{frame}", "setup.log", SET_UP_TRIAL)
    if not seen:
        return ""
    ran = _commands_run(case)
    behind = f" behind `{ran[-1]}`" if ran else ""
    return f"its connection was closed (Broken pipe){behind}, after {case.seconds:.0f} s"


def _commands_run(case: Case) -> list[str]:
    """The commands of cloudstack-setup-agent in their order."""
    lines = case.logs.get("setup.log") or ()
    return [line.partition("execute:")[2].strip()[:100] for line in lines if "DEBUG:root:execute:" in line]


def setup_stopped(case: Case) -> str:
    """cloudstack-setup-agent ends well for CloudStack even if it gives up: its last step is a sleep of 30 s."""
    lines = case.logs.get("setup.log") or ()
    if not lines or any("execute:sleep 30" in line for line in lines):
        return ""
    ran, error = _commands_run(case), newest_error(lines)
    told = f", the newest error there: {error}" if error else ""
    return f"the last command in setup.log is `{ran[-1]}`{told}"[:SHOWN] if ran else ""


def slow_start(case: Case) -> str:
    """The agent tests qemu+tls to its own address before it connects; a dropped packet there costs a whole TCP
    timeout.
    """
    last = None
    for line in case.logs.get("agent.log") or ():
        now = stamp_seconds(line)
        if now is None:
            continue
        if last and TLS_TEST in last[1] and now - last[0] >= TCP_TIMEOUT:
            return f"{now - last[0]} s without a word in agent.log after: {last[1].strip()[:150]}"
        last = (now, line)
    return ""


def told_to_stop(case: Case) -> str:
    """The agent ends itself when the management server refuses it: after the handshake, again and again, or at last."""
    lines = case.logs.get("agent.log") or ()
    stops = [number for number, line in enumerate(lines) if "Stopping the agent: Reason = sig.kill" in line]
    if not stops or any(re.search(ACCEPTED, line) for line in lines[stops[0] :]):
        return ""
    life, behind = _life_before(lines, stops[-1]), lines[stops[-1] :]
    if any("Unable to start agent" in line for line in life):
        return ""  # it ended itself by an error of its own
    greeted = any(re.search(GREETED, line) for line in life)
    started_again = any(STARTED in line for line in behind)
    if len(stops) == 1 and started_again and not greeted:
        return ""  # cloudstack-setup-agent restarts an agent that was there before
    return f"{len(stops)} x in agent.log: {lines[stops[-1]].strip()[:150]}"


def _life_before(lines: Sequence[str], end: int) -> Sequence[str]:
    """The lines of the agent's process that ended with line `end`."""
    starts = [number for number, line in enumerate(lines[:end]) if STARTED in line]
    return lines[starts[-1] if starts else 0 : end]


def libvirt_gone(case: Case) -> str:
    """What the agent says of libvirt, unless it is about to end: then it only closes its connection (issue 4050)."""
    seen = case.find(LIBVIRT_GONE, "agent.log", until=PAST_LIBVIRT)
    return "" if "AgentShutdownThread" in seen and told_to_stop(case) else seen


def libvirt_gone_once(case: Case) -> str:
    """agent.err has no times, and keeps what was over long ago: it counts if the agent never got past libvirt."""
    past = case.find(PAST_LIBVIRT, "agent.log")
    return "" if past else case.find(LIBVIRT_GONE, "agent.err", "agent.out")


def empty_keystore(case: Case) -> str:
    size = case.fact("files", "cloud.jks")
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
    """One value of the evidence; what could not be found out (None, or not there) proves nothing unless `wrong` says
    so of None."""
    return lambda case: say.format(case.evidence.get(key)) if key in case.evidence and wrong(case.evidence[key]) else ""
