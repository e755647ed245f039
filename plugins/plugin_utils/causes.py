# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings by cause: a thousand hosts with the same fault are one thing to repair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import SEVERITIES
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural


@dataclass
class Cause:
    """The same thing expected and observed. Hosts are in order, each once; `evidence` has its hosts; `fix` and
    `reproduce` are those of the first host.
    """

    expected: str
    observed: str
    severity: str
    kind: str
    fix: str
    reproduce: str
    hosts: dict[str, None] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)
    evidence: dict[str, dict[str, None]] = field(default_factory=dict)


@dataclass
class Topic:
    """All that one check says, and all that is waived of it apart (`waivers`, else empty)."""

    id: str
    title: str
    severity: str
    prevents: list[Mapping[str, str]]
    waivers: list[Mapping[str, Any]] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)

    @property
    def hosts(self) -> list[str]:
        return sorted({host for cause in self.causes for host in cause.hosts}, key=natural)

    @property
    def fixes(self) -> list[str]:
        return list(dict.fromkeys(cause.fix for cause in self.causes if cause.fix))

    @property
    def commands(self) -> list[str]:
        return list(dict.fromkeys(cause.reproduce for cause in self.causes if cause.reproduce))

    @property
    def stops(self) -> bool:
        return not self.waivers and any(cause.severity in SEVERITIES[:2] for cause in self.causes)


def topics(findings: Iterable[Mapping[str, Any]]) -> list[Topic]:
    """Worst first, then those with most hosts."""
    found: dict[tuple[str, bool], Topic] = {}
    causes: dict[tuple, Cause] = {}
    for finding in findings:
        waived = finding["waiver"] is not None
        topic = found.setdefault(
            (finding["id"], waived), Topic(finding["id"], finding["title"], finding["severity"], finding["prevents"])
        )
        topic.severity = min(topic.severity, finding["severity"], key=SEVERITIES.index)
        if waived and finding["waiver"] not in topic.waivers:
            topic.waivers.append(finding["waiver"])
        key = (finding["id"], waived, *(finding[part] for part in ("severity", "kind", "expected", "observed")))
        if key not in causes:
            causes[key] = Cause(
                **{part: finding[part] for part in ("expected", "observed", "severity", "kind", "fix", "reproduce")}
            )
            topic.causes.append(causes[key])
        _add(causes[key], finding)
    return sorted(
        found.values(),
        key=lambda topic: (bool(topic.waivers), SEVERITIES.index(topic.severity), -len(topic.hosts), topic.id),
    )


def _add(cause: Cause, finding: Mapping[str, Any]) -> None:
    hosts = dict.fromkeys(finding["hosts"])
    cause.hosts.update(hosts)
    cause.others.update(dict.fromkeys(finding["others"]))
    if finding["evidence"]:
        cause.evidence.setdefault(finding["evidence"], {}).update(hosts)
