# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers in CloudStack's place, in words. How a client acts on them: client/test_api_moods.py."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_answer import (
    describe_answer,
    is_refusal,
    may_have_run,
    number_of,
    objects_of,
    refusal,
    without_query,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"errorcode": 431, "errortext": " x "}, (431, "x")),
        ({"errorcode": "431", "errortext": ["x"]}, (431, '["x"]')),
        ({"errorcode": [431]}, (530, "no reason given")),
        ({"errorcode": True, "errortext": None}, (530, "no reason given")),
        ({"errorcode": -1, "errortext": ""}, (530, "no reason given")),
        ({"errorcode": 10**400, "errortext": "x" * 9999}, (530, "x" * 4000)),
    ],
)
def test_a_refusal_has_a_code_and_a_text(body, expected):
    assert is_refusal(body)
    assert refusal(body, 530) == expected


@pytest.mark.parametrize("body", [None, [], "errorcode", 5, {}, {"message": "x"}])
def test_what_is_not_a_refusal(body):
    assert not is_refusal(body)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, True) for status in (200, 202, 408, 499, 500, 504, 599)),
        *((status, False) for status in (301, 400, 401, 404, 429)),
    ],
)
def test_what_may_have_been_carried_out(status, expected):
    assert may_have_run(status) is expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("text/html; charset=x", "<TITLE>\n Sorry \n now</TITLE>", "HTTP 502 Bad, an HTML page titled 'Sorry now'"),
        ("text/html", "", "HTTP 502 Bad, an HTML page"),
        ("application/json", " ", "HTTP 502 Bad, an empty body"),
        ("application/json", '{"a', "HTTP 502 Bad, JSON that is cut or malformed"),
        ("text/javascript", "[]", "HTTP 502 Bad, JSON that is not an answer of CloudStack"),
        ("", "x", "HTTP 502 Bad, content of type unknown"),
    ],
)
def test_one_line_about_a_foreign_answer(kind, text, expected):
    assert describe_answer(502, "Bad", kind, text) == expected


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://u:p@h:1/a?key=k#f", "https://h:1/a"),
        ("//u@h/a", "//h/a"),
        ("/login?x", "/login"),
        ("https://h?u@x", "https://h"),
        ("", ""),
    ],
)
def test_an_address_without_what_may_be_secret(location, expected):
    assert without_query(location) == expected


@pytest.mark.parametrize(
    "objects", [{}, "x", [1], [{"name": "x"}], [{"id": 1}], [{"id": "1", "outofbandmanagement": "x"}]]
)
def test_rows_that_nobody_could_work_with(objects):
    with pytest.raises(ParseError):
        objects_of({"pod": objects}, "pod")


def test_rows():
    assert objects_of({}, "pod") == []
    assert objects_of({"pod": [{"id": "1", "details": None}]}, "pod") == [{"id": "1", "details": None}]
    assert objects_of({"configuration": [{"name": "x"}]}, "configuration") == [{"name": "x"}]


@pytest.mark.parametrize(("value", "expected"), [(1, 1), ("2", 2)])
def test_numbers(value, expected):
    assert number_of(value, "x") == expected


@pytest.mark.parametrize("value", [None, True, "x", "²", "9" * 5000, 1.5, []])
def test_what_is_not_a_number(value):
    with pytest.raises(ParseError):
        number_of(value, "x")
