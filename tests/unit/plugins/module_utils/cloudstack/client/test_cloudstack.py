# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing, paging, jobs and errors, against a session that answers from a script."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote_plus

import pytest
import requests
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import (
    Access,
    Client,
    NoAnswer,
    encode,
    signature,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.scripted import FakeClock

ACCESS = Access("http://192.0.2.1:8080/client/api", "key", "s3cret", timeout=10)


class Session:
    """Answers in order; keeps the requests."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    def send(self, request, **kwargs):
        self.sent.append(dict(parse_qsl(request.body, keep_blank_values=True)))
        assert request.method == "POST"
        assert "?" not in request.url
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        response = requests.Response()
        response.status_code = status
        response.headers["Content-Type"] = "text/html" if isinstance(body, str) else "application/json"
        response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
        return response


def _client(*answers):
    client = Client(ACCESS, clock=FakeClock())
    client._api.session = Session(*answers)
    return client


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a~b", "a%7Eb"), ("a*b", "a*b"), ("a b", "a%20b"), ("a+b&c=d", "a%2Bb%26c%3Dd"), ("-_.", "-_."), ("ä", "%C3%A4")],
)
def test_encoding_as_the_server_does_it(value, expected):
    assert encode(value) == expected


@given(st.text(st.characters(codec="utf-8")))
def test_encoding_is_javas_urlencoder_with_percent_20(value):
    # quote_plus is URLEncoder except for ~ (Java escapes it), * (Java keeps it) and + for a blank.
    assert encode(value) == quote_plus(value).replace("~", "%7E").replace("%2A", "*").replace("+", "%20")


def test_signature_is_over_sorted_lower_case_parameters():
    text = "apikey=key&command=listzones&name=a%7eb"
    expected = base64.b64encode(hmac.new(b"s3cret", text.encode(), hashlib.sha1).digest()).decode()
    assert signature({"name": "A~b", "command": "listZones", "apikey": "KEY"}, "s3cret") == expected


def test_a_password_with_a_tilde_is_signed_as_sent():
    client = _client((200, {"xresponse": {}}))
    client.call("addHost", password="a~b", username="")
    [sent] = client._api.session.sent
    received = sent.pop("signature")
    assert sent["password"] == "a~b"
    assert sent["username"] == ""
    assert received == signature(sent, "s3cret")


def test_list_pages_until_a_short_page_whatever_count_says():
    full = [{"id": str(number)} for number in range(500)]
    client = _client((200, {"r": {"count": 500, "zone": full}}), (200, {"r": {"count": 1, "zone": [{"id": "500"}]}}))
    assert len(client.list("listZones", "zone")) == 501
    assert [sent["page"] for sent in client._api.session.sent] == ["1", "2"]


def test_empty_list():
    assert _client((200, {"r": {}})).list("listZones", "zone") == []


def test_job_is_waited_for():
    client = _client(
        (200, {"r": {"jobid": "j"}}),
        (200, {"r": {"jobstatus": 0}}),
        (200, {"r": {"jobstatus": 1, "jobresult": {"pod": {"id": "p"}}}}),
    )
    assert client.job("createPhysicalNetwork") == {"pod": {"id": "p"}}


def test_job_that_fails():
    job = {"jobstatus": 2, "jobresultcode": 530, "jobresult": {"errorcode": 530, "errortext": "no way"}}
    with pytest.raises(ApiError, match="no way") as caught:
        _client((200, {"r": {"jobid": "j"}}), (200, {"r": job})).job("x")
    assert caught.value.code == 530


def test_job_that_a_restart_of_the_server_lost_may_have_done_its_work():
    with pytest.raises(NoAnswer, match="lost when the management server stopped"):
        _client((200, {"r": {"jobid": "j"}}), (200, {"r": {"jobstatus": 2, "jobresultcode": 530}})).job("x")


def test_job_that_never_ends():
    pending = [(200, {"r": {"jobstatus": 0}})] * 9
    with pytest.raises(ApiError, match="did not finish within 10 s"):
        _client((200, {"r": {"jobid": "j"}}), *pending).job("x")


@pytest.mark.parametrize(
    ("answer", "code", "parts"),
    [
        (
            (401, {"r": {"errorcode": 401, "errortext": "unable to verify user credentials"}}),
            401,
            ["API key", "CLOUDSTACK_KEY"],
        ),
        (
            (431, {"r": {"errorcode": 431, "errortext": "missing parameter name"}}),
            431,
            ["createZone", "missing parameter name"],
        ),
        (
            (432, {"r": {"errorcode": 432, "errortext": "does not exist or is not available"}}),
            432,
            ["may call createZone", "root administrator"],
        ),
        (
            (530, {"r": {"errorcode": 530, "errortext": "Could not add host at [x] due to: [the cause]."}}),
            530,
            ["530 the cause", "Next"],
        ),
        ((404, "<html>"), 0, ["does not answer as a CloudStack API", "CLOUDSTACK_ENDPOINT"]),
        ((200, "<html>"), 0, ["did not answer createZone", "an HTML page", "may have been carried out"]),
        (requests.exceptions.ConnectionError("Connection refused"), 0, ["cannot be reached", "refused"]),
        (requests.exceptions.ConnectTimeout("timed out"), 0, ["cannot be reached", "timed out"]),
        (
            requests.exceptions.ConnectionError("('Connection aborted.', RemoteDisconnected())"),
            0,
            ["did not answer", "may have been carried out"],
        ),
        (requests.exceptions.ReadTimeout(), 0, ["did not answer createZone", "within 10 s", "Next"]),
    ],
)
def test_errors_in_the_operators_words(answer, code, parts):
    with pytest.raises(ApiError) as caught:
        _client(answer).call("createZone")
    assert caught.value.code == code
    for part in parts:
        assert part in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_one_text_for_every_401_so_all_causes_are_listed():
    with pytest.raises(ApiError) as caught:
        _client(
            (401, {"r": {"errorcode": 401, "errortext": "unable to verify user credentials and/or request signature"}})
        ).call("listZones")
    for part in ("CLOUDSTACK_KEY", "CLOUDSTACK_SECRET", "clock", "enabled", "api.allowed.source.cidr.list"):
        assert part in str(caught.value)


def test_a_restart_of_the_server_is_waited_for_while_a_job_runs():
    gone = requests.exceptions.ConnectionError("Connection refused")
    done = (200, {"r": {"jobstatus": 1, "jobresult": {"pod": {"id": "p"}}}})
    client = Client(replace(ACCESS, timeout=900), clock=FakeClock())
    client._api.session = Session((200, {"r": {"jobid": "j"}}), gone, gone, gone, done)
    assert client.job("x") == {"pod": {"id": "p"}}


def test_a_server_that_stays_away_ends_the_wait_for_a_job():
    gone = [requests.exceptions.ConnectionError("Connection refused")] * 200
    client = Client(replace(ACCESS, timeout=900), clock=FakeClock())
    client._api.session = Session((200, {"r": {"jobid": "j"}}), *gone)
    with pytest.raises(NoAnswer, match="job j was started"):
        client.job("x")
    assert 180 <= client.clock.time <= 190


def test_no_secret_in_what_the_server_quotes():
    text = (
        "Failed to find IPMI user [admin]. Command [/usr/bin/ipmitool -I lanplus -P hunter22 user list] for pass~word"
    )
    job = {"jobstatus": 2, "jobresult": {"errorcode": 530, "errortext": text}}
    with pytest.raises(ApiError) as caught:
        _client((200, {"r": {"jobid": "j"}}), (200, {"r": job})).job(
            "changeOutOfBandManagementPassword", password="pass~word"
        )
    for secret in ("hunter22", "pass~word"):
        assert secret not in str(caught.value)
        assert secret not in caught.value.text
    assert "user list" in caught.value.text


def test_request_is_signed_with_version_3_and_ten_minutes():
    client = _client((200, {"r": {}}))
    before = datetime.now(timezone.utc)
    client.call("listZones")
    [sent] = client._api.session.sent
    expires = datetime.strptime(sent["expires"], "%Y-%m-%dT%H:%M:%S%z")
    assert sent["signatureVersion"] == "3"
    assert timedelta(minutes=9) < expires - before <= timedelta(minutes=10)


def test_secret_is_in_no_repr():
    assert "s3cret" not in repr(ACCESS)
