# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as text, in both formats."""

from __future__ import annotations

import pytest

from lab.simulator.errors import bad_parameter, unauthorised
from lab.simulator.render import error, success

BODY = {"count": 2, "zone": [{"name": "a & b", "enabled": True}, {"name": "ü"}]}


@pytest.mark.parametrize(
    ("as_json", "text"),
    [
        (True, '{"listzonesresponse":{"count":2,"zone":[{"name":"a & b","enabled":true},{"name":"ü"}]}}'),
        (
            False,
            '<?xml version="1.0" encoding="UTF-8"?><listzonesresponse cloud-stack-version="4.22.1.0"><count>2</count>'
            "<zone><name>a &amp; b</name><enabled>true</enabled></zone><zone><name>ü</name></zone></listzonesresponse>",
        ),
    ],
)
def test_success(as_json: bool, text: str) -> None:
    assert success("listzonesresponse", BODY, as_json)[0] == text


@pytest.mark.parametrize(
    ("fault", "as_json", "text"),
    [
        (
            bad_parameter("no"),
            True,
            '{"xresponse":{"uuidList":[],"errorcode":431,"cserrorcode":4350,"errortext":"no"}}',
        ),
        (
            bad_parameter("no"),
            False,
            '<?xml version="1.0" encoding="UTF-8"?><xresponse cloud-stack-version="4.22.1.0"><errorcode>431</errorcode>'
            "<cserrorcode>4350</cserrorcode><errortext>no</errortext></xresponse>",
        ),
        (
            unauthorised(),
            True,
            '{"xresponse":{"uuidList":[],"errorcode":401,"errortext":"unable to verify user credentials and/or '
            'request signature"}}',
        ),
    ],
)
def test_error(fault, as_json: bool, text: str) -> None:
    assert error("xresponse", fault, as_json)[0] == text
