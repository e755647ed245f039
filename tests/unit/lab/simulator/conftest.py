# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud on a clock that stands still, and a signed way to talk to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from lab.simulator import ipmi
from lab.simulator.clock import Clock
from lab.simulator.cloud import Cloud
from lab.simulator.faults import Faults
from lab.simulator.server import create_app
from lab.simulator.signature import sign
from tests.unit.lab.simulator.clouds import Site

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc).timestamp()
JOB_TIME = 10  # seconds that a job may take; none of these needs them


class StandingClock(Clock):
    """Moves only when told to."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += seconds


class Caller:
    """Signed calls of one cloud."""

    def __init__(self) -> None:
        self.clock, self.faults = StandingClock(), Faults()
        self.cloud = Cloud(self.clock, "key", "secret")
        self.http = create_app(self.cloud, self.faults).test_client()

    def send(self, command: str, **words: str):
        """The answer of the HTTP call."""
        signed = {"command": command, "response": "json", "apiKey": "key", **words}
        return self.http.post("/client/api", data={**signed, "signature": sign(signed, "secret")})

    def __call__(self, command: str, **words: str) -> dict:
        """The body of an answer, whatever its key."""
        return next(iter(self.send(command, **words).get_json().values()))

    def job(self, command: str, **words: str) -> dict:
        """The job of an asynchronous call, when it is done."""
        started = self(command, **words)
        for job in self.cloud.table("job"):
            job["thread"].join(JOB_TIME)
        return self("queryAsyncJobResult", jobid=started["jobid"])


@pytest.fixture
def api() -> Caller:
    """A caller of an empty cloud."""
    return Caller()


@pytest.fixture
def simulated_host(api: Caller) -> Callable[[], dict]:
    """Adds hosts without machines to one cluster."""
    zone = api("createZone", name="z", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")["zone"]["id"]
    pod = api(
        "createPod",
        name="p",
        zoneid=zone,
        startip="192.0.2.10",
        endip="192.0.2.20",
        netmask="255.255.255.0",
        gateway="192.0.2.1",
    )["pod"]["id"]
    cluster = api(
        "addCluster", clustername="c", hypervisor="Simulator", clustertype="CloudManaged", zoneid=zone, podid=pod
    )["cluster"][0]["id"]

    def add() -> dict:
        where = {"zoneid": zone, "podid": pod, "clusterid": cluster}
        return api("addHost", hypervisor="Simulator", url="http://sim/c0", username="u", password="p", **where)["host"][
            0
        ]

    return add


@pytest.fixture
def site(api: Caller, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Two KVM hosts, h1 and h2, with one pool; their BMCs are played too."""
    made = Site(api)
    monkeypatch.setattr(ipmi, "run", made.machines.ipmitool)
    for name in ("h1", "h2"):
        made.add_host(name)
    made.add_pool()
    return made
