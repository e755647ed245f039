# SPDX-License-Identifier: GPL-3.0-or-later
"""The API behind a load balancer, and with moods: (what is asked, what comes back) -> how it ends, in which words, and
what was sent.

A write is received once, whatever happens; `ends` is "done", "maybe" (NoAnswer: it may have been carried out),
"nothing" (Unreachable: it was not) or "refused"."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Callable, NamedTuple

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import (
    Access,
    Client,
    NoAnswer,
    Unreachable,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.hosts import add_host
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.converge import converge
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.resource import PHYSICAL_NETWORK, POD
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError

from tests.unit.plugins.moody_api import GATEWAY, Cloud, Mood, moody_api
from tests.unit.plugins.scripted import FakeClock

KEY, SECRET, PASSWORD = "the-api-key", "the-s3cret", "h0st-passw0rd"
IP = "192.0.2.11"
POD1 = {"gateway": "192.0.2.1", "netmask": "255.255.255.0", "start_ip": "192.0.2.2"}


def make_pod(client: Client) -> Any:
    return converge(client, POD, {**POD1, "state": "present"}, name="pod1", parents={"zoneid": "z1"}, check_mode=False)


def drop_pod(client: Client) -> Any:
    return converge(client, POD, {"state": "absent"}, name="pod1", parents={"zoneid": "z1"}, check_mode=False)


def make_network(client: Client) -> Any:
    wanted = {"allocation_state": "Enabled", "state": "present"}
    return converge(client, PHYSICAL_NETWORK, wanted, name="net1", parents={"zoneid": "z1"}, check_mode=False)


def join(client: Client) -> Any:
    return add_host(client, {"url": f"http://{IP}", "password": PASSWORD}, IP, 60)


def read(client: Client) -> Any:
    return client.list("listPods", "pod")


WRITES = {
    make_pod: ("createPod",),
    drop_pod: ("deletePod",),
    make_network: ("createPhysicalNetwork", "updatePhysicalNetwork"),
    join: ("addHost",),
    read: (),
}


def page(status: int, title: str, **more: Any) -> Mood:
    return Mood(status, GATEWAY.format(title), "text/html", **more)


def text(body: str, status: int = 200, **more: Any) -> Mood:
    return Mood(status, body, **more)


def refusal(status: int, code: Any, why: Any, **more: Any) -> Mood:
    return Mood(status, json.dumps({"errorresponse": {"uuidList": [], "errorcode": code, "errortext": why}}), **more)


class Case(NamedTuple):
    ask: Callable[[Client], Any]
    mood: Mood
    ends: str
    words: tuple[str, ...] = ()
    at: str = ""  # the command that meets the mood, if it is not the first write or the listing
    times: int = 1


BAD_GATEWAY, UNAVAILABLE, GATEWAY_TIMEOUT = (
    page(502, "502 Bad Gateway"),
    page(503, "503 Service Unavailable"),
    page(504, "504 Gateway Time-out"),
)
CUT = Mood(cut=20)
MAY = "may have been carried out"


def done(mood: Mood) -> Mood:
    """The same, but the command is carried out behind it."""
    return dataclasses.replace(mood, done=True)


REDIRECT = Mood(
    301, "", "text/html", (("Location", "https://user:pw@cloud.example/client/api?apikey=the-api-key&signature=sig"),)
)

CASES = [
    # a write whose answer got lost, although it is carried out: the work is found, and the run goes on
    *[
        Case(ask, done(mood), "done")
        for ask in (make_pod, join, make_network)
        for mood in (BAD_GATEWAY, UNAVAILABLE, GATEWAY_TIMEOUT, CUT)
    ],
    Case(drop_pod, done(GATEWAY_TIMEOUT), "done"),
    Case(join, Mood(cut=0, done=True), "done"),
    Case(join, Mood(silent=True, done=True), "done"),
    Case(join, Mood(drip=True, done=True), "done"),
    Case(make_pod, text('{"createpodresponse": {"pod"', done=True), "done"),
    Case(make_pod, text("", done=True), "done"),
    Case(make_pod, text("null", done=True), "done"),
    Case(make_pod, text('{"createpodresponse": null}', done=True), "done"),
    Case(make_pod, page(200, "Sorry", done=True), "done"),
    Case(make_pod, page(500, "Internal error", done=True), "done"),
    Case(make_pod, page(408, "Request Timeout", done=True), "done"),
    Case(make_pod, Mood(kind=None, done=True), "done"),
    # the same, and it was not carried out: looked for, then told; never sent again
    *[
        Case(ask, mood, "maybe", (MAY, "run again"))
        for ask in (make_pod, make_network)
        for mood in (BAD_GATEWAY, UNAVAILABLE, GATEWAY_TIMEOUT, CUT, Mood(cut=0))
    ],
    Case(drop_pod, UNAVAILABLE, "maybe", (MAY, "delete pod pod1")),
    Case(make_pod, Mood(drip=True), "maybe", (MAY, "no whole answer within 1 s")),
    Case(join, GATEWAY_TIMEOUT, "refused", ("the host did not join", "HTTP 504", MAY)),
    # not carried out for certain
    Case(make_pod, REDIRECT, "refused", ("sends its callers to another address", "https://cloud.example/client/api")),
    Case(join, REDIRECT, "refused", ("https://cloud.example/client/api", "CLOUDSTACK_ENDPOINT")),
    Case(make_pod, page(307, "", headers=(("Location", "/login?next=x"),)), "refused", ("another address", "/login")),
    Case(make_pod, Mood(302, "", None), "refused", ("does not name",)),
    Case(join, page(401, "Login"), "refused", ("something in front of CloudStack", "HTTP 401", "'Login'")),
    Case(make_pod, page(403, "Forbidden"), "refused", ("something in front of CloudStack", "HTTP 403")),
    Case(make_pod, page(429, "Slow down"), "refused", ("something in front of CloudStack", "HTTP 429")),
    Case(make_pod, page(404, "Not Found"), "refused", ("does not answer as a CloudStack API", "CLOUDSTACK_ENDPOINT")),
    Case(make_pod, page(413, "Too large"), "refused", ("does not answer as a CloudStack API", "HTTP 413")),
    # CloudStack's own words
    Case(
        make_pod,
        refusal(401, 401, "unable to verify user credentials"),
        "refused",
        ("CloudStack refused the API key", "CLOUDSTACK_SECRET"),
    ),
    Case(make_pod, refusal(431, 431, "missing parameter name"), "refused", ("431 missing parameter name",)),
    Case(make_pod, refusal(431, "431", "as text"), "refused", ("431 as text",)),
    Case(make_pod, refusal(530, [530], "as a list"), "refused", ("530 as a list",)),
    Case(make_pod, refusal(530, "n/a", {"why": "an object"}), "refused", ("530", "an object")),
    Case(make_pod, refusal(530, None, None), "refused", ("530 no reason given",)),
    Case(make_pod, refusal(530, 10**4000, "a long number"), "refused", ("530 a long number",)),
    Case(make_pod, refusal(530, 530, "refused: {request}"), "refused", ("530 refused", "********")),
    Case(join, refusal(530, 530, f"due to: [wrong password {PASSWORD}]."), "refused", ("the host did not join",)),
    # a job: moods while it is polled end nothing
    *[
        Case(make_network, mood, "done", (), "queryAsyncJobResult", 3)
        for mood in (
            BAD_GATEWAY,
            UNAVAILABLE,
            CUT,
            Mood(cut=0),
            text("[]"),
            text('{"r": {"jobstatus": "soon"}}'),
            page(200, "Sorry"),
        )
    ],
    Case(make_network, text('{"r": {"jobstatus": "1", "jobresult": []}}'), "done", (), "queryAsyncJobResult"),
    Case(make_network, text('{"r": {"jobstatus": 2}}'), "done", (), "queryAsyncJobResult"),
    Case(make_network, Mood(drip=True), "done", (), "queryAsyncJobResult"),
    Case(
        make_network,
        text('{"r": {"jobstatus": 2, "jobresult": "no"}}'),
        "refused",
        ("CloudStack refused createPhysicalNetwork", "no"),
        "queryAsyncJobResult",
    ),
    # reads: words, at once
    Case(
        read,
        UNAVAILABLE,
        "maybe",
        ("did not answer listPods", "HTTP 503", "an HTML page titled '503 Service Unavailable'"),
    ),
    Case(read, CUT, "maybe", ("did not answer listPods",)),
    Case(read, Mood(drip=True), "maybe", ("no whole answer within 1 s",)),
    Case(read, text(""), "maybe", ("an empty body", "CLOUDSTACK_ENDPOINT")),
    Case(read, text("null"), "maybe", ("JSON that is not an answer of CloudStack",)),
    Case(read, text("[1]"), "maybe", ("JSON that is not an answer of CloudStack",)),
    Case(read, text("5"), "maybe", ("JSON that is not an answer of CloudStack",)),
    Case(read, text('{"a": {}, "b": {}}'), "maybe", ("JSON that is not an answer of CloudStack",)),
    Case(read, text('{"r": []}'), "maybe", ("list", "where an object belongs")),
    Case(read, text('{"r": {"pod": {}}}'), "maybe", ("pod is not a list of objects",)),
    Case(read, text('{"r": {"pod": [1, null]}}'), "maybe", ("pod is not a list of objects",)),
    Case(read, text('{"r": {"pod": [{"name": "pod1"}]}}'), "maybe", ("has no id",)),
    Case(read, text('{"r": {"pod": [{"id": 7}]}}'), "maybe", ("id of one pod is not a str",)),
    Case(read, text('{"r": {"pod": [{"id": "7", "details": []}]}}'), "maybe", ("details of one pod is not a dict",)),
    Case(read, text("[" * 100000), "maybe", ("did not answer listPods",)),
    Case(read, text('{"r": {"x": ' + "9" * 5000 + "}}"), "maybe", ("did not answer listPods",)),
    Case(read, text("\ufeff{}"), "maybe", ("did not answer listPods",)),
    Case(read, Mood(body=b'{"r": {"pod": "\xff\xfe"}}'), "maybe", ("not a list of objects",)),
    Case(
        read,
        Mood(body="{}".encode("utf-16"), kind="application/json;charset=nonsense"),
        "maybe",
        ("did not answer listPods",),
    ),
    Case(read, Mood(body=b"no gzip", headers=(("Content-Encoding", "gzip"),)), "maybe", ("did not answer listPods",)),
    Case(read, text("{}", kind="text/plain"), "maybe", ("content of type text/plain",)),
    Case(
        read,
        text('{"message": "no healthy upstream"}', 503),
        "maybe",
        ("HTTP 503", "JSON that is not an answer of CloudStack"),
    ),
    Case(read, page(403, "Blocked {request}"), "refused", ("something in front of CloudStack", "HTTP 403")),
    Case(read, page(407, "Proxy Authentication Required"), "refused", ("something in front of CloudStack", "HTTP 407")),
    Case(read, REDIRECT, "refused", ("https://cloud.example/client/api",)),
]


def outcome(ask: Callable[[Client], Any], client: Client) -> tuple[str, str]:
    try:
        return "done", str(ask(client))
    except NoAnswer as error:
        return "maybe", str(error)
    except Unreachable as error:
        return "nothing", str(error)
    except KvmError as error:
        return "refused", f"{error} {error.details}"


def staged(case: Case) -> dict[str, list[Mood]]:
    at = case.at or next(iter(WRITES[case.ask]), "listPods")
    return {at: [case.mood] * case.times}


def name(case: Case) -> str:
    body = "" if case.mood.body is None else str(case.mood.body)[:24].replace("\n", " ")
    words = [
        case.ask.__name__,
        str(case.mood.status),
        *(mark for mark in ("done", "silent", "drip") if getattr(case.mood, mark)),
    ]
    return "-".join([*words, *([f"cut{case.mood.cut}"] if case.mood.cut is not None else []), body])


def play(ask: Callable[[Client], Any], moods: dict[str, list[Mood]]) -> tuple[str, str, Cloud]:
    with moody_api(moods) as (url, cloud):
        if ask is drop_pod:
            cloud.carry_out("createPod")
        client = Client(Access(url, KEY, SECRET, timeout=1), clock=FakeClock())
        return (*outcome(ask, client), cloud)


@pytest.mark.parametrize("case", CASES, ids=map(name, CASES))
def test_moods(case: Case) -> None:
    ends, words, cloud = play(case.ask, staged(case))
    assert ends == case.ends, words
    for part in case.words:
        assert part in words
    for secret in (KEY, SECRET, PASSWORD, "signature=", "user:pw"):
        assert secret not in words.replace("signature=********", "")
    for write in WRITES[case.ask]:
        assert cloud.count(write) <= 1, cloud.received
    assert "Traceback" not in words


def test_looking_for_lost_work_meets_moods_too() -> None:
    looks = {"createPod": [done(GATEWAY_TIMEOUT)], "listPods": [Mood(done=True), UNAVAILABLE, CUT, BAD_GATEWAY]}
    ends, words, cloud = play(make_pod, looks)
    assert (ends, cloud.count("createPod")) == ("done", 1), words


def test_a_host_that_waits_to_be_up_does_not_end_at_one_bad_look() -> None:
    ends, words, cloud = play(join, {"addHost": [Mood(done=True)], "listHosts": [UNAVAILABLE, CUT, Mood(cut=0)]})
    assert (ends, cloud.count("addHost")) == ("done", 1), words


def test_a_look_that_never_comes_says_that_addhost_was_sent() -> None:
    ends, words, cloud = play(join, {"listHosts": [UNAVAILABLE] * 200})
    assert (ends, cloud.count("addHost")) == ("maybe", 1)
    assert "addHost was sent before, and the host may join meanwhile" in words


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/client/api",
        "http://no.such.invalid/client/api",
        "127.0.0.1/client/api",
        "http://[/x",
        "ftp://x/",
    ],
)
def test_nobody_there_is_told_as_nothing_done(url: str) -> None:
    ends, words = outcome(make_pod, Client(Access(url, KEY, SECRET, timeout=5), clock=FakeClock()))
    assert ends == "nothing", words
    assert "cannot be reached" in words


def test_tls_to_a_port_without_it_is_told_as_nothing_done() -> None:
    with moody_api({}) as (url, cloud):
        client = Client(Access(url.replace("http:", "https:"), KEY, SECRET, timeout=5, verify=False), clock=FakeClock())
        ends, words = outcome(make_pod, client)
    assert (ends, cloud.received) == ("nothing", []), words


def test_a_page_that_brings_nothing_new_ends_the_listing() -> None:
    full = text(json.dumps({"r": {"count": 9999, "pod": [{"id": str(number)} for number in range(500)]}}))
    ends, words, cloud = play(lambda client: len(client.list("listPods", "pod")), {"listPods": [full] * 9})
    assert (ends, words, cloud.count("listPods")) == ("done", "500", 2)
