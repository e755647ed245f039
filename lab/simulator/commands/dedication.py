# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones and clusters that belong to one domain (recorded/arguments.json)."""

from __future__ import annotations

from collections.abc import Callable

from ..cloud import Cloud
from ..errors import not_simulated
from ..records import Record
from ..registry import Arguments, Work, command
from .common import listing


def _group(cloud: Cloud, domain: Record) -> str:
    """The affinity group of a domain, which is made with its first dedication."""
    rows = cloud.table("affinitygroup").where(domain=domain.number)
    return (rows[0] if rows else cloud.table("affinitygroup").add(domain=domain.number)).uuid


def _view(cloud: Cloud, row: Record) -> dict:
    """What is dedicated, and to whom."""
    kind, domain = row["kind"], cloud.table("domain").find(row["domain"])
    target = cloud.table(kind).find(row["target"])
    return {
        "id": row.uuid, f"{kind}id": target.uuid, f"{kind}name": target["name"], "domainid": domain.uuid,
        "affinitygroupid": _group(cloud, domain),
    }  # fmt: skip


def _register(kind: str, answer: Callable[[dict], dict]) -> None:
    """The three calls of one kind. `answer`: how the job's result wraps what was made."""
    noun, key = kind.capitalize(), f"{kind}id"

    @command(f"dedicate{noun}")
    def dedicate(cloud: Cloud, given: Arguments) -> Work:
        target, domain = cloud.get(kind, given[key]), cloud.get("domain", given["domainid"])

        def work() -> dict:
            if cloud.table("dedication").where(kind=kind, target=target.number):
                raise not_simulated(f"dedicate{noun} of a {kind} that is dedicated already")
            return answer(
                _view(cloud, cloud.table("dedication").add(kind=kind, target=target.number, domain=domain.number))
            )

        return Work(work)

    @command(f"listDedicated{noun}s", f"domainid {key}")
    def list_dedicated(cloud: Cloud, given: Arguments) -> dict:
        wanted = {"target": given.get(key), "domain": given.get("domainid")}
        rows = cloud.table("dedication").where(
            kind=kind, **{name: value for name, value in wanted.items() if value is not None}
        )
        return listing(f"dedicated{kind}", rows, lambda row: _view(cloud, row), given)

    @command(f"releaseDedicated{noun}")
    def release(cloud: Cloud, given: Arguments) -> Work:
        target = cloud.get(kind, given[key])

        def work() -> dict:
            rows = cloud.table("dedication").where(kind=kind, target=target.number)
            if not rows:
                raise not_simulated(f"releaseDedicated{noun} of a {kind} that is not dedicated")
            rows[0].removed = True
            return {"success": True}

        return Work(work)


_register("zone", lambda made: {"null": {"responses": [made]}})
_register("cluster", lambda made: {"dedicatedcluster": made})
