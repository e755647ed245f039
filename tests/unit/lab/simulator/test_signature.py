# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures, as the matrix in recorded/auth.json has them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from lab.simulator.signature import is_valid, sign, string_to_sign

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
KNOWN = {
    "command": "listUsers",
    "response": "json",
    "apiKey": "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg",
}


@pytest.mark.parametrize(
    ("value", "signed"),
    [
        ("plain", "plain"),
        ("a b", "a%20b"),
        ("a+b", "a%2bb"),
        ("a~b", "a%7eb"),
        ("a*b", "a*b"),
        ("a-b_c.d", "a-b_c.d"),
        ("a/b", "a%2fb"),
        ("[x]", "%5bx%5d"),
        ("UPPER", "upper"),
        ("ü", "%c3%bc"),
        ("\U0001f600", "%f0%9f%98%80"),
    ],
)
def test_value_is_encoded_as_java_does(value: str, signed: str) -> None:
    assert string_to_sign({"name": value}) == f"name={signed}"


def test_names_are_sorted_and_the_signature_is_left_out() -> None:
    assert string_to_sign({"b": "2", "a": "1", "Signature": "x"}) == "a=1&b=2"


def test_names_with_brackets_stay() -> None:
    assert string_to_sign({"details[0].nfsmountopts": "vers=4.1"}) == "details[0].nfsmountopts=vers%3d4.1"


def test_example_of_the_documentation() -> None:
    """The worked example of CloudStack's developer guide."""
    secret = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ"
    assert sign(KNOWN, secret) == "TTpdDq/7j/J58XCRHomKoQXEQds="


@pytest.mark.parametrize(
    ("extra", "good"),
    [
        ({}, True),
        ({"signatureVersion": "2", "expires": "nonsense"}, True),
        ({"signatureVersion": "3"}, False),
        ({"signatureVersion": "3", "expires": ""}, False),
        ({"signatureVersion": "3", "expires": "tomorrow"}, False),
        ({"signatureVersion": "3", "expires": "2026-11-21T11:59:59+0000"}, False),
        ({"signatureVersion": "3", "expires": "2026-11-21T12:10:00+0000"}, True),
        ({"signatureVersion": "3", "expires": "2026-11-21T12:10:00Z"}, True),
        ({"signatureVersion": "3", "expires": "2026-11-24T12:00:00+0000"}, True),
        ({"SIGNATUREVERSION": "3", "EXPIRES": "2026-11-21T12:10:00+0000"}, True),
    ],
)
def test_expiry(extra: dict[str, str], good: bool) -> None:
    words = {"command": "listZones", "apiKey": "key", **extra}
    assert is_valid({**words, "signature": sign(words, "secret")}, "secret", NOW) is good


@pytest.mark.parametrize("signature", [None, "", "nonsense"])
def test_a_wrong_or_missing_signature(signature: str | None) -> None:
    words = {"command": "listZones", **({"signature": signature} if signature is not None else {})}
    assert not is_valid(words, "secret", NOW + timedelta(0))
