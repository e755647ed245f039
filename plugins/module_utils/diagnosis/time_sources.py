# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a clock did not get synchronised: the next step that this evidence asks for. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.chronyc import parse_sources

POLLS = 8  # chronyc remembers so many


def explain_time_sources(answer: Mapping[str, Any], declared: Sequence[str], unit: str, file: str) -> dict[str, str]:
    """The answer of `chronyc -c -n sources` (rc, stdout, stderr) -> observed, next. `declared` as in
    time_sync_sources.
    """
    try:
        sources = parse_sources(answer.get("stdout") or "") if answer.get("rc") == 0 else None
    except ParseError:
        sources = None
    if sources is None:
        words = [answer.get(name) or "" for name in ("stdout", "stderr", "msg")]
        return {
            "observed": "chronyd does not answer: "
            + ("; ".join(" ".join(text.split()) for text in words if text.strip()) or "no output"),
            "next": f"see why: systemctl status {unit}; journalctl --unit {unit}",
        }
    if not sources:
        return {"observed": "chronyd knows no source at all", "next": _next_without_sources(declared, unit, file)}
    return {"observed": "; ".join(map(_shown, sources)), "next": _next_with_sources(sources)}


def _next_without_sources(declared: Iterable[str], unit: str, file: str) -> str:
    names = [name for name in map(_name, declared) if not _is_address(name)]
    if names:
        return (
            "make these names resolve on this host (chronyd leaves out a source that has no address): getent "
            f"ahosts {' '.join(names)}"
        )
    return (
        f"see whether it reads another file than {file}, and what it says of that one: systemctl cat {unit}; "
        f"journalctl --unit {unit}"
    )


def _next_with_sources(sources: Sequence[Mapping[str, Any]]) -> str:
    states = {source["state"] for source in sources}
    if all(source["reach"] == 0 for source in sources):
        return (
            "check that the sources answer on UDP port 123 from this host (routes, firewalls, an NTP server that runs)"
        )
    if "false ticker" in states:
        return "find out which of the sources is wrong: they answer, but disagree with each other"
    if "too variable" in states:
        return "look at the network to the sources: they answer, but too unsteadily to be used"
    if states == {"unreachable"}:
        return (
            "see whether the sources are synchronised themselves: they answer, but chronyd does not use them "
            "(chronyc -n ntpdata)"
        )
    return "raise time_sync_timeout: the sources answer, and only more time is needed"


def _shown(source: Mapping[str, Any]) -> str:
    return f"{source['name']} is {source['state']}, the last {POLLS} polls had {source['reach']} answers"


def _name(declared: str) -> str:
    """The name in "pool ntp.example.org maxsources 3"."""
    words = declared.split()
    return words[1] if words[0] in ("server", "pool") and len(words) > 1 else words[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
