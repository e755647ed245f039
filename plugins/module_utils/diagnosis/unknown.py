# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cause that no rule knows: the newest errors of the host with their causes, and which evidence would decide."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    GREETED,
    SET_UP_TRIAL,
    SETUP_FAILED,
    Case,
    Diagnosis,
    setup_stopped,
    told_to_stop,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.errors import last_words, newest_error

AGENT = "cloudstack-agent.service"
LIMIT = 1500  # characters
QUOTED = 300
GENERIC = "Cannot find the server resources"
# The most telling first: what addHost waited for is the agent, and what comes before it is the set-up.
ORDER = ("agent.log", "agent.err", "agent.out", SET_UP_TRIAL, "setup.log", "journal")
SETUP_ORDER = (SET_UP_TRIAL, "setup.log", "agent.log", "agent.err", "agent.out", "journal")
SERVER_LOG = "/var/log/cloudstack/management/management-server.log on the management server"


def host_does_not_answer(case: Case) -> Diagnosis:
    """Nothing is known but addHost's text."""
    return Diagnosis(
        "the cause is not known, and the host does not answer",
        "an Up host",
        case.error or "no error",
        "look at the host's console and network, then run again",
        certain=False,
    )


def unknown_cause(case: Case) -> Diagnosis:
    """Honest about not knowing: the newest error of each log, the most telling one in the cause."""
    errors = _by_log(case, {name: newest_error(lines) for name, lines in case.logs.items()})
    told = [*(f"an alert of CloudStack: {text}" for text in case.alerts), *errors]
    words = _by_log(case, {name: last_words(lines) for name, lines in case.logs.items()})
    state = (case.fact("units", AGENT) or {}).get("ActiveState", "unknown")
    shown = told or [f"last words of {each}" for each in words]
    quoted = f"; the most telling error is in {told[0]}"[:QUOTED] if told else _without_an_error(case)
    return Diagnosis(
        f"the cause is not known{quoted}",
        "an agent that connects to the management server",
        "; ".join([f"{AGENT} is {state}", *shown])[:LIMIT],
        f"{_what_decides(case, state)}; then run again",
        certain=False,
    )


def _without_an_error(case: Case) -> str:
    """What is left to quote: addHost's own answer, unless it is the one that it gives for everything."""
    said = "" if not case.error or GENERIC in case.error else f"; addHost answered: {case.error}"[:QUOTED]
    return f", and no log of the host has an error{said}"


def _by_log(case: Case, said: dict[str, str]) -> list[str]:
    """What the logs said, the most telling log first."""
    order = SETUP_ORDER if SETUP_FAILED in case.error or setup_stopped(case) else ORDER
    return [f"{name}: {said[name]}" for name in order if said.get(name)]


def _what_decides(case: Case, state: str) -> str:
    """The evidence that this one lacks."""
    if SETUP_FAILED in case.error or "Failed to setup" in case.error:
        return f"what the script printed decides: it stands under 'SSH command output' in {SERVER_LOG}"
    if case.logs.get("setup.log") and setup_stopped(case):
        return (
            "what the set-up printed decides: run the last 'execute:' line of /var/log/cloudstack/agent/setup.log by "
            "hand "
            f"on the host, and see 'SSH command output' in {SERVER_LOG}"
        )
    if case.alerts or case.find(GREETED, "agent.log") or told_to_stop(case):
        return (
            f"the management server's side decides: 'Failed to handle host connection' in {SERVER_LOG}, and listAlerts"
        )
    if state not in ("active", "unknown"):
        return (
            f"why the agent does not run decides: journalctl -u {AGENT}, and agent.err and agent.log in "
            "/var/log/cloudstack/agent, on the host"
        )
    return (
        "what agent and management server say to each other decides: set com.cloud to DEBUG in "
        "/etc/cloudstack/agent/log4j-cloud.xml on the host, restart cloudstack-agent, and read "
        f"/var/log/cloudstack/agent/agent.log beside {SERVER_LOG}"
    )
