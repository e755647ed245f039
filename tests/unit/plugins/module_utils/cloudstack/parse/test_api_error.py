# SPDX-License-Identifier: GPL-3.0-or-later
"""Error texts without secrets, and a next step for every code."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.api_error import (
    advice,
    secrets_of,
    without_secrets,
)

QUOTED = "Command [/usr/bin/ipmitool -I lanplus -R 1 -v -H 192.0.2.1 -p 623 -U ADMIN -P {} chassis power status]"


@pytest.mark.parametrize("password", ["s3cret", "-leading", "'with blank'", "a$b\\c", "ü~*"])
def test_password_on_an_ipmitool_command_line(password):
    assert without_secrets(QUOTED.format(password), []) == QUOTED.format("********")


def test_the_bmcs_account_and_port_stay_readable():
    assert "-p 623 -U ADMIN" in without_secrets(QUOTED.format("x"), [])


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("x abc y", ["abc"], "x ******** y"),
        ("x abcd y", ["abc", "abcd"], "x ******** y"),
        ("x abc y", ["", "x"], "x abc y"),
    ],
)
def test_values_that_were_sent(text, secrets, expected):
    assert without_secrets(text, secrets) == expected


def test_which_parameters_are_secret():
    assert secrets_of({"password": "p", "SecretKey": "s", "username": "u", "empty_password": "", "x": None}) == [
        "p",
        "s",
    ]


@pytest.mark.parametrize("code", [400, 401, 429, 430, 431, 432, 503, 530, 531, 533, 534, 535, 536, 537, 0])
def test_every_code_has_a_next_step(code):
    assert len(advice(code)) > 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("POST apikey=abc&signature=x%2F&name=pod1", "POST apikey=********&signature=********&name=pod1"),
        ('{"apiKey": "abc", "Signature":"x"}', '{"apiKey": "********", "Signature":"********"}'),
        ("Authentication error with host password: x", "Authentication error with host password: x"),
    ],
)
def test_a_quoted_request_is_without_its_secrets(text, expected):
    assert without_secrets(text, []) == expected
