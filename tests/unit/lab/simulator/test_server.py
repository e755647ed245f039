# SPDX-License-Identifier: GPL-3.0-or-later
"""Transport: envelopes, keys of refusals, methods, login, the unauthenticated port (recorded/auth.json)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lab.simulator.server import create_app, create_integration_app
from lab.simulator.signature import sign

WORDS = "unable to verify user credentials and/or request signature"


def _signed(**words: str) -> dict[str, str]:
    words = {"response": "json", "apiKey": "key", **words}
    return {**words, "signature": sign(words, "secret")}


@pytest.mark.parametrize(
    ("command", "key"),
    [("noSuchCommand", "errorresponse"), ("LISTZONES", "errorresponse"), ("listZones", "listzonesresponse")],
)
def test_every_unsigned_call_is_a_401_in_the_same_words(api, command: str, key: str) -> None:
    answer = api.http.get("/client/api", query_string={"command": command, "response": "json"})
    assert answer.status_code == 401
    assert answer.get_json() == {key: {"uuidList": [], "errorcode": 401, "errortext": WORDS}}
    assert "X-Description" not in answer.headers


def test_an_unknown_command_is_a_401_even_when_signed(api) -> None:
    assert api.send("noSuchCommand").get_json()["errorresponse"]["errortext"] == WORDS


def test_without_command_the_key_is_null(api) -> None:
    assert list(api.http.get("/client/api", query_string=_signed()).get_json()) == ["null"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_other_methods_are_405_without_body(api, method: str) -> None:
    answer = api.http.open("/client/api", method=method)
    assert (answer.status_code, answer.get_data()) == (405, b"")


def test_query_and_body_are_one(api) -> None:
    words = _signed(command="listZones", name="a b~*")
    answer = api.http.post("/client/api/", query_string={"name": words.pop("name")}, data=words)
    assert answer.get_json() == {"listzonesresponse": {}}


def test_refusals_describe_themselves_in_a_header(api) -> None:
    assert (
        api.send("deleteHost").headers["X-Description"]
        == "Unable to execute API command deletehost due to missing parameter id"
    )


def test_xml_is_the_default(api) -> None:
    words = {"command": "listZones", "apiKey": "key"}
    answer = api.http.get("/client/api", query_string={**words, "signature": sign(words, "secret")})
    assert answer.content_type == "text/xml;charset=utf-8"
    assert answer.get_data(as_text=True).endswith(
        '<listzonesresponse cloud-stack-version="4.22.1.0"></listzonesresponse>'
    )


def test_a_session_opens_the_api(api) -> None:
    login = {"command": "login", "username": "admin", "password": "secret", "response": "json"}
    key = api.http.post("/client/api", data=login).get_json()["loginresponse"]["sessionkey"]
    session = {"command": "listZones", "response": "json", "sessionkey": key}
    assert api.http.get("/client/api", query_string=session).status_code == 200
    assert api.http.get("/client/api", query_string={**session, "sessionkey": "another"}).status_code == 401


@pytest.mark.parametrize(
    ("method", "password", "status"), [("GET", "secret", 405), ("POST", "wrong", 531), ("POST", None, 531)]
)
def test_login_is_refused(api, method: str, password: str | None, status: int) -> None:
    words = {
        "command": "login",
        "username": "admin",
        "response": "json",
        **({"password": password} if password else {}),
    }
    send = {"query_string": words} if method == "GET" else {"data": words}
    assert api.http.open("/client/api", method=method, **send).status_code == status


def test_the_open_port_needs_no_signature_and_reads_no_body(api) -> None:
    port = create_integration_app(api.cloud).test_client()
    assert port.get("/client/api", query_string={"command": "listZones", "response": "json"}).get_json() == {
        "listzonesresponse": {}
    }
    assert port.post("/client/api", data={"command": "listZones", "response": "json"}).status_code == 432
    unknown = port.get("/client/api", query_string={"command": "noSuchCommand", "response": "json"})
    assert unknown.get_json()["errorresponse"]["errortext"] == "Unknown API command: noSuchCommand"


def test_an_address_that_is_not_allowed_is_a_401_at_once(api) -> None:
    api("updateConfiguration", name="api.allowed.source.cidr.list", value="198.51.100.0/24")
    assert api.send("listZones").status_code == 401
    port = create_integration_app(api.cloud).test_client()
    back = {
        "command": "updateConfiguration",
        "name": "api.allowed.source.cidr.list",
        "value": "0.0.0.0/0,::/0",
        "response": "json",
    }
    assert port.get("/client/api", query_string=back).status_code == 200
    assert api.send("listZones").status_code == 200


@pytest.mark.parametrize(
    ("method", "command", "ahead", "status"),
    [
        ("GET", "createZone", 10, 400),
        ("POST", "createZone", 10, 431),
        ("GET", "listZones", 10, 200),
        ("GET", "listZones", None, 401),
        ("POST", "listZones", 14, 200),
        ("POST", "listZones", 16, 401),
    ],
)
def test_enforced_posts_and_timestamps(api, method: str, command: str, ahead: int | None, status: int) -> None:
    """The setting counts from the next start on."""
    api.cloud.settings.set("enforce.post.requests.and.timestamps", "true")
    assert api.send("listZones").status_code == 200
    restarted = create_app(api.cloud).test_client()
    expires = (api.clock.utc() + timedelta(minutes=ahead or 0)).strftime("%Y-%m-%dT%H:%M:%S+0000")
    words = _signed(command=command, **({"signatureVersion": "3", "expires": expires} if ahead else {}))
    answer = restarted.open(
        "/client/api", method=method, **({"query_string": words} if method == "GET" else {"data": words})
    )
    assert answer.status_code == status
