# SPDX-License-Identifier: GPL-3.0-or-later
"""Validity of a certificate at a moment."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse.certificate import certificate_state

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


@pytest.mark.parametrize("text", ["", "notBefore=Nov 21 00:31:40 2026 GMT", DATES.replace("Nov", "Noël")])
def test_what_is_not_understood_is_not_guessed(text):
    with pytest.raises(ParseError):
        certificate_state(text, datetime.now(timezone.utc))
