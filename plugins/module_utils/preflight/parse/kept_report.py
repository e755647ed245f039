# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the pre-flight left behind for a join: its report (preflight.json), and the facts and probes that the report was
made from.

Both files may come from anywhere, so nothing is taken for what it should be: every ParseError names the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import (
    cluster_of,
    mapping_of,
)

REPORT_VERSION = "2"
FACTS_VERSION = "1"
KINDS: Mapping[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class HostVerdict:
    """The verdict about one host, and where the host was when it was made: its address, SSH port and the account that
    CloudStack logs in with.
    """

    passed: bool
    because: tuple[str, ...]
    address: Optional[str]
    ssh_port: Optional[int]
    username: Optional[str]


@dataclass(frozen=True)
class Report:
    """What a join asks of preflight.json. `waivers` are (check, host, last day)."""

    run_id: str
    created_at: datetime
    complete: bool
    zone_pod_cluster: tuple[str, str, str]
    policy: Mapping[str, Any]
    waivers: frozenset[tuple[str, str, str]]
    hosts: Mapping[str, HostVerdict]


@dataclass(frozen=True)
class KeptFacts:
    """The hosts of a cluster and the cluster, as the run `run_id` judged them at `created_at`."""

    run_id: str
    created_at: datetime
    hosts: tuple[Profile, ...]
    cluster: Cluster


def read_report(data: Any) -> Report:
    """The report in what preflight.json holds. Raises ParseError for anything else than a report of this version."""
    report = _Reader("preflight.json", data)
    report.require_version(REPORT_VERSION)
    cluster = report.inside("cluster")
    return Report(
        run_id=report.get("run_id", str),
        created_at=_moment(report.get("created_at", str)),
        complete=report.get("complete", bool),
        zone_pod_cluster=(cluster.get("zone", str), cluster.get("pod", str), cluster.get("name", str)),
        policy=report.get("policy", dict),
        waivers=frozenset(_waivers(report.each("waivers"))),
        hosts={name: _verdict(host) for name, host in report.entries("hosts")},
    )


def read_facts(data: Any) -> KeptFacts:
    """The facts in what preflight.facts.json holds. Raises ParseError for anything else than a file of this version."""
    file = _Reader("preflight.facts.json", data)
    file.require_version(FACTS_VERSION)
    hosts = tuple(_profile(name, host) for name, host in file.entries("hosts"))
    try:
        cluster = cluster_of(file.get("cluster", dict))
    except (AttributeError, KvmError, LookupError, TypeError, ValueError) as error:
        raise ParseError(file.name, "cluster is not a cluster", text=str(error)) from error
    return KeptFacts(file.get("run_id", str), _moment(file.get("created_at", str)), hosts, cluster)


def facts_document(run_id: str, created_at: str, hosts: Iterable[Profile], cluster: Cluster) -> dict[str, Any]:
    """What preflight.facts.json holds: read_facts gives the same hosts and the same cluster. Its form is
    docs/schema/preflight.facts.schema.json.
    """
    profiles = {host.name: _document_of(host) for host in hosts}
    return {
        "schema_version": FACTS_VERSION,
        "run_id": run_id,
        "created_at": created_at,
        "cluster": mapping_of(cluster),
        "hosts": profiles,
    }


def _document_of(host: Profile) -> dict[str, Any]:
    return {each: getattr(host, each) for each in ("facts", "declared", "probes", "member", "live")}


class _Reader:
    """An object of a JSON file, of which `at` tells the way to it."""

    def __init__(self, name: str, data: Any, at: str = "") -> None:
        self.name, self.at = name, at
        if not isinstance(data, Mapping):
            raise ParseError(name, f"{at or 'it'} is {_kind(data)}, not an object")
        self.data = data

    def get(self, key: str, kind: type) -> Any:
        """The value of a key. Raises ParseError where it is not there, or of another type: true is not a number."""
        if key not in self.data:
            raise ParseError(self.name, f"{self._path(key)} is missing")
        value = self.data[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ParseError(self.name, f"{self._path(key)} is {_kind(value)}, not {KINDS[kind]}")
        return value

    def get_or_none(self, key: str, kind: type) -> Any:
        return None if self.data.get(key) is None else self.get(key, kind)

    def inside(self, key: str) -> _Reader:
        return _Reader(self.name, self.get(key, dict), self._path(key))

    def entries(self, key: str) -> list[tuple[str, _Reader]]:
        return [
            (name, _Reader(self.name, each, f"{self._path(key)}.{name}")) for name, each in self.get(key, dict).items()
        ]

    def each(self, key: str) -> list[_Reader]:
        return [
            _Reader(self.name, each, f"{self._path(key)}[{number}]") for number, each in enumerate(self.get(key, list))
        ]

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.get(key, list)
        wrong = next((each for each in values if not isinstance(each, str)), None)
        if wrong is not None:
            raise ParseError(self.name, f"{self._path(key)} holds {_kind(wrong)}, not only texts")
        return tuple(values)

    def require_version(self, version: str) -> None:
        found = self.data.get("schema_version")
        if found != version:
            raise ParseError(
                self.name,
                f"schema_version is {str(found)[:20]!r}, and this version of the collection reads {version!r}",
            )

    def _path(self, key: str) -> str:
        return f"{self.at}.{key}" if self.at else key


def _kind(value: Any) -> str:
    return "null" if value is None else KINDS.get(type(value), f"a {type(value).__name__}")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ParseError("preflight.json", f"created_at is {text[:40]!r}, not a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _waivers(entries: Iterable[_Reader]) -> Iterable[tuple[str, str, str]]:
    for entry in entries:
        yield from ((entry.get("check", str), host, entry.get("expires", str)) for host in entry.texts("hosts"))


def _verdict(host: _Reader) -> HostVerdict:
    verdict = host.get("verdict", str)
    if verdict not in ("pass", "fail"):
        raise ParseError(host.name, f"{host.at}.verdict is {verdict[:20]!r}, not 'pass' or 'fail'")
    return HostVerdict(
        verdict == "pass",
        host.texts("because"),
        host.get_or_none("address", str),
        host.get_or_none("ssh_port", int),
        host.get_or_none("username", str),
    )


def _profile(name: str, host: _Reader) -> Profile:
    parts = {key: host.get(key, dict) for key in ("facts", "declared", "probes")}
    return Profile(name, **parts, member=host.get("member", bool), live=host.get("live", bool))
