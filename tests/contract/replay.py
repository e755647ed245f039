# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the simulator what the real server was asked, in order, with ids mapped, on a clock that stands at the hour of
the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

from lab.simulator import background, ipmi
from lab.simulator.clock import Clock
from lab.simulator.cloud import Cloud
from lab.simulator.kvm.ca import CertificateAuthority
from lab.simulator.kvm.discoverer import KvmDiscoverer
from lab.simulator.server import create_app, create_integration_app
from lab.simulator.signature import sign
from tests.contract import bmc, machines, unrecorded
from tests.contract.compare import UUID, differences, learn, read, without_ids
from tests.contract.recordings import REAL_HOSTS, SERVERS, TOPICS, Exchange, load

KEY, SECRET = "contract-key", "contract-secret"
BEGIN = datetime(2026, 11, 21, 11, 3, 47, tzinfo=timezone.utc)  # what auth.json's expires are counted from
ROUND = 4  # seconds between two looks of the server at its hosts
PATIENCE = 120  # seconds; some waits were lucky on the real server
NOBODY = "00000000-1111-2222-3333-444444444444"  # what the recordings ask for when nothing should be found
PAUSE = 0.05  # seconds between two requests of the recording, which was a program
JOB_TIME = 30  # seconds; no job of the simulator needs them
BLANKED = ("(blanked)", "(secret)")
RESTARTS = (
    "seconds until the process had ended",
    "updateConfiguration back",
    "call 1 with a limit of 3 a second, root administrator",
)


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
        self.ids: dict[str, str] = {}
        self.looked = self.since = (
            self.clock.now()
        )  # when the server looked at its hosts and BMCs by itself; when a row of waits began
        self.behind = 0.0
        self.held = False
        self.patch = mock.patch.object(ipmi, "run", bmc.RecordedBmcs())
        self.patch.start()
        self.authority = CertificateAuthority(self.clock)
        self.machines = machines.Machines(self.cloud, self.authority)
        self.played = self.machines.played()
        self.discover(None)
        self.start()

    def start(self) -> None:
        """The server's process begins, also again: jobs that ran are lost."""
        if self.held:
            self.cloud.jobs.lose_next += 1
        self.release()
        self.settle()
        self.http = create_app(self.cloud).test_client()
        self.open_http = create_integration_app(self.cloud).test_client()

    def discover(self, key: Path | None) -> None:
        """Hosts are added with this key of the server. The waits are those of the real one, on a clock that stands."""
        self.cloud.discoverer = KvmDiscoverer(self.cloud, self.authority, key, interval=30, polls=10)

    def close(self) -> None:
        """Give the simulator its own ipmitool back."""
        self.release()
        self.patch.stop()
        self.played.close()

    def run(self, exchanges: list[Exchange]) -> list[Verdict]:
        """All exchanges of a topic, in order."""
        verdicts = []
        topic = exchanges[0].topic
        if topic.startswith(REAL_HOSTS):
            self.discover(Path("the server's key"))
            self.cloud.agents = self.machines
        unrecorded.prepare(self, topic)
        for exchange, following in zip(exchanges, [*exchanges[1:], None]):  # noqa: B905 - of one length
            if exchange.name in RESTARTS or exchange.name.endswith(", after a restart"):
                self.start()
            if exchange.observed is not None:
                self.watch(exchange.observed)
                continue
            unrecorded.before(self, exchange)
            verdicts.append(self.ask(exchange, hold=bool(following and following.pending)))
        return verdicts

    def call(self, exchange: Exchange, command: str, params: dict[str, str], kind: str = "", known: str = "") -> None:
        """A call that was not recorded. `known`: what entries call the row of that kind that it makes."""
        self.release()
        self.settle()
        words = {name: self.ids.get(value, value) for name, value in params.items()}
        answer = self.send(Exchange(exchange.topic, -1, "", "POST", command), words)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        if known:
            self.ids[known] = max(self.cloud.table(kind), key=lambda row: row.number).uuid
        self.settle()
        background.run_once(self.cloud)

    def watch(self, observed: list) -> None:
        """Something was watched over time here: let as much time pass, and a little more where the last state is not
        reached yet."""
        self.release()
        self.settle()
        seconds, *words = (
            observed[-1] if isinstance(observed, list) and observed and isinstance(observed[-1], list) else [1.0]
        )
        end = self.clock.now() + float(seconds) + ROUND
        while self.clock.now() < end or (self.clock.now() < end + PATIENCE and not self.reached(set(words))):
            self.clock.sleep(ROUND)
            background.run_once(self.cloud)

    def reached(self, words: set[str]) -> bool:
        """Whether some host is as it was seen last."""
        rows = [
            {row["state"], row["resourcestate"], (row.get("oobm") or {}).get("powerstate")}
            for row in self.cloud.table("host")
        ]
        return any(words <= row for row in rows)

    def release(self) -> None:
        """Let a job run that was kept waiting."""
        if self.held:
            self.cloud.lock.release()
            self.held = False

    def ask(self, exchange: Exchange, hold: bool = False) -> Verdict:
        """Send one request. With `hold` its job is kept from running, because it was still running when it was looked
        at."""
        self.machines.stage(exchange)
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
        if not exchange.name.endswith(" s after"):
            self.since = self.clock.now()
        self.wait(unrecorded.wait_before(exchange, self.since, self.clock.now(), self.behind))
        if exchange.moment:  # calls that were made side by side are made one after the other here, which takes longer
            self.behind = self.clock.now() - exchange.moment
        self.clock.sleep(PAUSE + exchange.seconds)
        answer = self.send(exchange, params)
        text = answer.get_data(as_text=True)
        learn(read(exchange.body), read(text), self.ids)
        return Verdict(
            exchange, tuple(judge(exchange, answer.status_code, answer.content_type, dict(answer.headers), text))
        )

    def wait(self, seconds: float) -> None:
        """Let time pass, with the server's own looks in it."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.sleep(ROUND)
            background.run_once(self.cloud)

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
        words = {
            name: (password_of(exchange) if value in BLANKED and name.lower() == "password" else value)
            for name, value in words.items()
        }
        if exchange.response is not None:
            words["response"] = exchange.response
        if exchange.auth == "signed":
            words = signed(exchange, words, self.clock.utc())
        if exchange.command == "login":
            words = {
                **words,
                **({"password": SECRET if exchange.name == "login" else "wrong"} if "username" in words else {}),
            }
        path = {
            "a path that is not the api": "/client/nothing",
            "the root path": "/",
            "trailing slash on the endpoint": "/client/api/",
        }
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
        "wrong password": "wrong-one", "empty password": "", "password empty": "", "of 17 letters": "a" * 17, "of 30 "
            "letters": "b" * 30,
    }  # fmt: skip
    chosen = next((value for mark, value in special.items() if mark in exchange.name), None)
    if chosen is not None:
        return chosen
    if exchange.command == "changeOutOfBandManagementPassword":
        return "newpassword1"
    account = bmc.BMCS.get((exchange.params.get("address", ""), exchange.params.get("port", "")), ("", "secret"))
    return "password12" if exchange.topic == "oobm" else account[1]


@cache
def answered_ids() -> frozenset[str]:
    """Every UUID that stands in some recorded answer; the others were made up by the client, for what does not
    exist."""
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
        words = {
            **words,
            "signatureVersion": "3",
            "expires": words.get("expires") or (now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        }
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
    if (
        exchange.typed
        and (content_type or "").replace(" ", "").lower() != (exchange.content_type or "").replace(" ", "").lower()
    ):
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


def verdicts_of_all() -> Iterator[Verdict]:
    """Every exchange of every recording, each server's on one of its own."""
    for topics in SERVERS.values():
        replay = Replay()
        try:
            for topic in topics:
                yield from replay.run(load(topic))
        finally:
            replay.close()
