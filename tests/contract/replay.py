# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the simulator what the real server was asked, in order, with ids mapped, on a clock that stands at the hour of the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from unittest import mock
from urllib.parse import urlencode

from lab.simulator import background, hosts, ipmi
from lab.simulator.clock import Clock
from lab.simulator.cloud import Cloud
from lab.simulator.kvm.ca import CertificateAuthority
from lab.simulator.kvm.discoverer import KvmDiscoverer
from lab.simulator.server import create_app, create_integration_app
from lab.simulator.signature import sign
from tests.contract import bmc, machines
from tests.contract.compare import UUID, differences, learn, read, without_ids
from tests.contract.recordings import TOPICS, Exchange, load

KEY, SECRET = "contract-key", "contract-secret"
BEGIN = datetime(2026, 11, 21, 11, 3, 47, tzinfo=timezone.utc)  # what auth.json's expires are counted from
ROUND = 4  # seconds between two looks of the server at its hosts
PATIENCE = 120  # seconds; some waits were lucky on the real server
UNRECORDED_HOSTS = {
    "host-lifecycle": [("1121c452-3e25-4765-86e2-8b929c88b09b", "sim2"), ("b92021f2-3c2a-47f1-838a-195d10e9917d", "sim2")],
    "ha": [("8bde4952-afb6-4a30-9689-f25d5ff2673f", "sim1"), ("cf1da87a-a742-40ed-ab0d-08e07ab0d90d", "sim1")],
    "maintenance": [("eac82b10-6bda-4960-8758-f10a623d3a9c", "sim2")],
}
# Calls that the recordings lack, by the entry before which they were made.
UNRECORDED_CALLS = {
    ("more", 0): [  # ha.json, which is not replayed: it needs the time of an afternoon
        ("enableHAForZone", {"zoneid": "c2713a0e-c855-4617-bbab-72542be7b3d3"}),
        ("enableHAForCluster", {"clusterid": "aa6ea211-7d78-47de-85d4-fb8039b0fbfa"}),
    ],
    ("settings", 11): [("updateConfiguration", {"name": "host", "value": "10.88.0.254"})],
    ("more", 12): [("updateHost", {"id": "43cee211-ad0a-42e6-be43-79f923327a5f", "annotation": "note"})],
    ("host-simulator", 77): [("declareHostAsDegraded", {"id": "bac5571a-2646-474f-b316-75621d8cb12a"})],
    ("host-lifecycle", 1): [("updateHost", {"id": "1121c452-3e25-4765-86e2-8b929c88b09b", "allocationstate": "Disable"})],
}
NOBODY = "00000000-1111-2222-3333-444444444444"  # what the recordings ask for when nothing should be found
PAUSE = 0.05  # seconds between two requests of the recording, which was a program
JOB_TIME = 30  # seconds; no job of the simulator needs them
BLANKED = "(blanked)"


class StandingClock(Clock):
    """Moves only when told to."""

    def __init__(self, moment: datetime = BEGIN) -> None:
        self.moment = moment.timestamp()

    def now(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += seconds


@dataclass(frozen=True)
class Verdict:
    """How one exchange ended. `unknown`: it names something that no recorded answer gave, so it cannot be asked."""

    exchange: Exchange
    reasons: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def good(self) -> bool:
        return not self.reasons and not self.unknown


class Replay:
    """One simulator, and what the recorded ids are called in it."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.cloud = Cloud(self.clock, KEY, SECRET, host_setting="192.0.2.2")
        self.cloud.settings.set("integration.api.port", "8096")
        self.http = create_app(self.cloud).test_client()
        self.open_http = create_integration_app(self.cloud).test_client()
        self.ids: dict[str, str] = {}
        self.looked = self.clock.now()  # when the server looked at its hosts and BMCs by itself
        self.held = False
        self.patch = mock.patch.object(ipmi, "run", bmc.RecordedBmc())
        self.patch.start()
        self.machines = machines.Machines()
        self.played = self.machines.played()
        authority = CertificateAuthority(self.clock)
        # the waits are those of the real server, on a clock that stands
        self.cloud.discoverer = KvmDiscoverer(self.cloud, authority, None, interval=30, polls=10)

    def close(self) -> None:
        """Give the simulator its own ipmitool back."""
        self.release()
        self.patch.stop()
        self.played.close()

    def run(self, exchanges: list[Exchange]) -> list[Verdict]:
        """All exchanges of a topic, in order."""
        verdicts = []
        self.prepare(exchanges[0].topic)
        for exchange, following in zip(exchanges, [*exchanges[1:], None]):  # noqa: B905 - of one length
            if exchange.observed is not None:
                self.watch(exchange.observed)
                continue
            for command, params in UNRECORDED_CALLS.get((exchange.topic, exchange.index), ()):
                self.release()
                self.settle()
                self.send(Exchange(exchange.topic, -1, "", "POST", command), {name: self.translate(value) for name, value in params.items()})
                self.settle()
            verdicts.append(self.ask(exchange, hold=bool(following and following.pending)))
        return verdicts

    def watch(self, observed: list) -> None:
        """Something was watched over time here: let as much time pass, and a little more where the last state is not reached yet."""
        self.release()
        self.settle()
        seconds, *words = observed[-1] if observed and isinstance(observed[-1], list) else [1.0]
        end = self.clock.now() + float(seconds) + ROUND
        while self.clock.now() < end or (self.clock.now() < end + PATIENCE and not self.reached(set(words))):
            self.clock.sleep(ROUND)
            background.run_once(self.cloud)

    def reached(self, words: set[str]) -> bool:
        """Whether some host is as it was seen last."""
        rows = [{row["state"], row["resourcestate"], (row.get("oobm") or {}).get("powerstate")} for row in self.cloud.table("host")]
        return any(words <= row for row in rows)

    def release(self) -> None:
        """Let a job run that was kept waiting."""
        if self.held:
            self.cloud.lock.release()
            self.held = False

    def prepare(self, topic: str) -> None:
        """Hosts that were added, and settings that were made, without a recording."""
        if topic == "host-kvm":
            self.cloud.settings.set("host", "10.88.0.254")
        for host, cluster in UNRECORDED_HOSTS.get(topic, ()):
            row = self.cloud.table("cluster").where(name=cluster)[0]
            zone, pod = self.cloud.table("zone").find(row["zone"]), self.cloud.table("pod").find(row["pod"])
            self.ids[host] = hosts.add_simulated(self.cloud, zone, pod, row, []).uuid

    def ask(self, exchange: Exchange, hold: bool = False) -> Verdict:
        """Send one request. With `hold` its job is kept from running, because it was still running when it was looked at."""
        self.machines.password = exchange.name != "addHost KVM: wrong password"  # the recordings blank it
        if "customjobid" in exchange.params:  # the client's own
            self.ids[exchange.params["customjobid"]] = exchange.params["customjobid"]
        params = {name: self.translate(value) for name, value in exchange.params.items()}
        if any(UUID.search(value) and not self.known(value) for value in exchange.params.values()):
            return Verdict(exchange, unknown=True)
        if not hold and not exchange.pending:
            self.release()
        if not self.held:
            self.settle()
        if hold and not self.held:
            self.cloud.lock.acquire()
            self.held = True
        self.clock.sleep(PAUSE + exchange.seconds)
        answer = self.send(exchange, params)
        text = answer.get_data(as_text=True)
        learn(read(exchange.body), read(text), self.ids)
        return Verdict(exchange, tuple(judge(exchange, answer.status_code, answer.content_type, dict(answer.headers), text)))

    def translate(self, value: str) -> str:
        return UUID.sub(lambda match: self.ids.get(match[0], match[0]), value)

    def known(self, value: str) -> bool:
        """Whether every UUID has a counterpart, or never was anything on the real server either."""
        return all(found in self.ids or found not in answered_ids() for found in UUID.findall(value))

    def settle(self) -> None:
        """Let jobs end; the real server had time for that between two requests."""
        for job in self.cloud.table("job"):
            job["thread"].join(JOB_TIME)
        if self.clock.now() - self.looked >= ROUND:
            self.looked = self.clock.now()
            background.run_once(self.cloud)

    def send(self, exchange: Exchange, params: dict[str, str]):
        """One HTTP request as the recording describes it; names of auth.json say what was wrong with its signature."""
        words = {**({"command": exchange.command} if exchange.command is not None else {}), **params}
        words = {name: (password_of(exchange) if value == BLANKED and name.lower() == "password" else value) for name, value in words.items()}
        if exchange.response is not None:
            words["response"] = exchange.response
        if exchange.auth == "signed":
            words = signed(exchange, words, self.clock.utc())
        if exchange.command == "login":
            words = {**words, **({"password": SECRET if exchange.name == "login" else "wrong"} if "username" in words else {})}
        path = {"a path that is not the api": "/client/nothing", "the root path": "/", "trailing slash on the endpoint": "/client/api/"}
        url = path.get(exchange.name, "/client/api")
        if exchange.auth == "integration":
            url = f"{url}?{urlencode(words)}" if exchange.method == "GET" else url
            return self.open_http.open(url, method=exchange.method, data=words if exchange.method == "POST" else None)
        if exchange.name == "POST with a JSON body":
            return self.http.post(url, json=words)
        if exchange.name == "POST with parameters split between query string and body":
            name = words.pop("name")
            return self.http.post(f"{url}?{urlencode({'name': name})}", data=words)
        if exchange.method == "POST":
            return self.http.post(url, data=words)
        return self.http.open(f"{url}?{urlencode(words)}", method=exchange.method)


def password_of(exchange: Exchange) -> str:
    """A password in place of the blanked one; the entry's name says what was special about it."""
    special = {
        "wrong password": "wrong-one", "empty password": "", "password empty": "", "of 17 letters": "a" * 17, "of 30 letters": "b" * 30,
    }  # fmt: skip
    chosen = next((value for mark, value in special.items() if mark in exchange.name), None)
    if chosen is not None:
        return chosen
    return "newpassword1" if exchange.command == "changeOutOfBandManagementPassword" else bmc.PASSWORD


@cache
def answered_ids() -> frozenset[str]:
    """Every UUID that stands in some recorded answer; the others were made up by the client, for what does not exist."""
    bodies = (read(exchange.body) for topic in TOPICS for exchange in load(topic) if exchange.status == 200)
    return frozenset(found for body in bodies for found in _identifiers(body)) - {NOBODY}


def _identifiers(value) -> Iterator[str]:
    """Values that are a UUID and nothing else; texts name also what was not found."""
    if isinstance(value, dict):
        for entry in value.values():
            yield from _identifiers(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _identifiers(entry)
    elif isinstance(value, str) and UUID.fullmatch(value):
        yield value


def signed(exchange: Exchange, words: dict[str, str], now: datetime) -> dict[str, str]:
    """The words with key, expiry and signature; wrong in the way that the entry's name tells."""
    name = exchange.name
    lower = {key.lower() for key in words}
    if "without signatureVersion" not in name and "signatureversion" not in lower:
        words = {**words, "signatureVersion": "3", "expires": (now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S+0000")}
    given = next((key for key in words if key.lower() == "apikey"), None)
    if "apikey missing" not in name:
        words[given or "apiKey"] = {"unknown apikey": "nobodys", "empty apikey": ""}.get(name, KEY)
    if "signature missing" not in name:
        words["signature"] = sign(words, "another" if "wrong secret" in name or name == "xml auth error" else SECRET)
    return words


def judge(exchange: Exchange, status: int, content_type: str | None, headers: dict[str, str], text: str):
    """What differs from the recording."""
    if status != exchange.status:
        yield f"status {status}, really {exchange.status}: {text[:150]}"
        return
    written_again = exchange.command == "queryAsyncJobResult" and exchange.content_type is None  # see the recordings' README
    if not written_again and (content_type or "").replace(" ", "").lower() != (exchange.content_type or "").replace(" ", "").lower():
        yield f"content type {content_type}, really {exchange.content_type}"
    for name, value in exchange.headers.items():
        if without_ids(headers.get(name, "")) != without_ids(value) and name != "Location":
            yield f"header {name}: {headers.get(name)!r}, really {value!r}"
    recorded, ours = read(exchange.body), read(text)
    if isinstance(recorded, str) or isinstance(ours, str):
        if _tags(without_ids(str(recorded))) != _tags(without_ids(str(ours))) and "404" not in str(recorded):
            yield f"body {str(ours)[:120]!r}, really {str(recorded)[:120]!r}"
        return
    yield from differences(recorded, ours)


def _tags(text: str) -> list[str]:
    """Of XML the elements in order; other text as it is."""
    import re

    return sorted(set(re.findall(r"<(\w+)[ >]", text))) if text.startswith("<") else [text]
