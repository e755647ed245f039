# SPDX-License-Identifier: GPL-3.0-or-later
"""Validity of a certificate at a moment."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.certificate import (
    certificate_state,
    parse_certificate,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

DATES = "notBefore=Nov 21 00:31:40 2026 GMT\nnotAfter=Nov  9 12:31:40 2027 GMT\n"


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (datetime(2026, 11, 20, 12, 31, tzinfo=timezone.utc), "not yet valid"),
        (datetime(2026, 11, 21, 0, 31, 40, tzinfo=timezone.utc), "valid"),
        (datetime(2027, 11, 9, 12, 31, 41, tzinfo=timezone.utc), "expired"),
    ],
)
def test_state(now, state):
    found = certificate_state(DATES, now)
    assert found["state"] == state
    assert found["not_after"] == "2027-11-09T12:31:40+00:00"


def test_certificate_of_a_joined_host():
    assert parse_certificate(text("openssl_x509/host.txt")) == {
        "subject_cn": "host1.lab.test",
        "issuer_cn": "ca.cloudstack.apache.org",
        "not_before": "2026-11-24T21:46:40+00:00",
        "not_after": "2027-11-25T09:46:40+00:00",
        "names": ["IP Address:10.88.0.11", "IP Address:10.88.2.11", "DNS:10.88.0.11"],
    }


def test_certificate_without_other_names():
    assert parse_certificate(text("openssl_x509/authority.txt"))["names"] == []


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("    commonName                = a, CN = b\n", "a, CN = b"),
        ("    organizationName          = x\n    commonName                = \n", ""),
        ("    organizationName          = x\n", None),
        ("", None),
    ],
)
def test_common_name(subject, expected):
    assert parse_certificate(f"subject=\n{subject}issuer=\n    commonName = ca\n{DATES}")["subject_cn"] == expected


def test_a_certificate_without_a_subject():
    with pytest.raises(ParseError, match="no subject"):
        parse_certificate(DATES)


PIECES = [
    *text("openssl_x509/host.txt").splitlines(keepends=True),
    "notAfter=Nov 31 99:00:00 2027 GMT\n",
    " = ",
    "\n",
    "    commonName",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_garbage_is_a_value_or_a_parse_error(content):
    for parse in (parse_certificate, lambda each: certificate_state(each, datetime(2026, 1, 1, tzinfo=timezone.utc))):
        try:
            parse(content)
        except ParseError as error:
            assert "openssl x509" in str(error)


@pytest.mark.parametrize("content", ["", "notBefore=Nov 21 00:31:40 2026 GMT", DATES.replace("Nov", "Noël")])
def test_what_is_not_understood_is_not_guessed(content):
    with pytest.raises(ParseError):
        certificate_state(content, datetime.now(timezone.utc))
