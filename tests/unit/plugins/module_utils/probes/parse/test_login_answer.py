# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host answered to the one command of CloudStack's login. The texts are those of sudo 1.9.13, each seen with its
real run beside it."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.login_answer import (
    COMMAND,
    PROGRAMS,
    LoginAnswer,
    parse_answer,
)
from hypothesis import given
from hypothesis import strategies as st

SETUP, IMPORT, AGENT = PROGRAMS
LISTING = "User tester may run the following commands on kvm1:\n"
PASSWORD = "sudo: a password is required"
TTY = "sudo: sorry, you must have a tty to run sudo"
NO_SUDO = "sh: 1: sudo: not found"


def answer(verdicts, rules="    (root) NOPASSWD: ALL", uid=1000, device=0):
    """The text of a whole answer; `verdicts` are (status, words) for each program."""
    parts = [f"@@ uid 0\n{uid}", f"@@ kvm {device}\n/dev/kvm"]
    parts += [f"@@ {program} {status}\n{words}" for program, (status, words) in zip(PROGRAMS, verdicts)]
    return "\n".join(["Last login: somebody", *parts, f"@@ rules 0\n{LISTING}{rules}", "@@ end 0", "", ""])


def yes(*programs):
    return [(0, f"{program} x") for program in programs]


def test_all_is_allowed():
    assert parse_answer(answer(yes(*PROGRAMS))) == LoginAnswer(True, dict.fromkeys(PROGRAMS, True), "")


def test_no_device():
    assert not parse_answer(answer(yes(*PROGRAMS), device=2)).device


def test_the_documented_line_is_too_narrow():
    found = parse_answer(answer([(1, ""), (1, ""), *yes(AGENT)], f"    (root) NOPASSWD: {AGENT}"))
    assert found.sudo == {SETUP: False, IMPORT: False, AGENT: True}
    assert found.sudo_text == f"sudo does not allow {SETUP}"


def test_a_yes_of_sudo_may_still_ask_for_a_password():
    """`sudo -l` says yes to everybody who has any rule without a password."""
    found = parse_answer(answer(yes(*PROGRAMS), f"    (ALL) ALL\n    (root) NOPASSWD: {AGENT}"))
    assert found.sudo == {SETUP: False, IMPORT: False, AGENT: True}
    assert found.sudo_text == f"sudo does not allow {SETUP} without a password"
    assert all(parse_answer(answer(yes(*PROGRAMS), "    (ALL : ALL) ALL", uid=0)).sudo.values()), "root is never asked"


@pytest.mark.parametrize(
    ("status", "words"), [(1, PASSWORD), (1, TTY), (127, NO_SUDO), (127, "sh: line 1: sudo: command not found")]
)
def test_sudo_says_no(status, words):
    found = parse_answer(answer([(status, words)] * 3))
    assert set(found.sudo.values()) == {False}
    assert found.sudo_text == words


def test_about_a_program_that_is_not_installed_yet_the_rules_decide():
    missing = [(1, f"sudo: {program}: command not found") for program in PROGRAMS]
    assert parse_answer(answer(missing)) == LoginAnswer(True, dict.fromkeys(PROGRAMS, True), "")
    found = parse_answer(answer(missing, f"    (root) NOPASSWD: {AGENT}"))
    assert found.sudo == {SETUP: False, IMPORT: False, AGENT: True}
    assert found.sudo_text == f"sudo does not allow {SETUP} without a password"


def test_rules_that_are_not_understood_are_no_yes_and_no_no():
    found = parse_answer(answer([*yes(SETUP), (1, ""), *yes(AGENT)], "    (root) NOPASSWD: ^/usr/.*$"))
    assert found.sudo == {SETUP: None, IMPORT: False, AGENT: None}
    assert "not understood" in found.sudo_text


def test_an_answer_that_breaks_off():
    whole = answer(yes(*PROGRAMS))
    with pytest.raises(ParseError, match="it lacks end"):
        parse_answer(whole.partition("@@ end")[0])
    with pytest.raises(ParseError, match="it lacks uid"):
        parse_answer("This account is currently not available.\n")


def test_the_command_is_answered_by_any_shell(tmp_path):
    """With programs of this test in place of the host's, and none of them named in the command's own quotes."""
    for name, text in (
        ("sudo", 'echo "sudo: $4: command not found" >&2; exit 1'),
        ("ls", "exit 2"),
        ("id", "echo 1000"),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        COMMAND, shell=True, capture_output=True, text=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True
    )
    found = parse_answer(done.stdout)
    assert (found.device, done.stderr) == (False, "")
    assert COMMAND.count("'") == 2
    assert "\n" not in COMMAND


LINES = st.lists(
    st.sampled_from(
        [
            "@@ uid 0",
            "@@ end 0",
            "@@ kvm ٣",
            "@@",
            "    (root) NOPASSWD: ALL",
            "x",
            *(f"@@ {name} 0" for name in PROGRAMS),
        ]
    )
)


@given(st.one_of(LINES.map("\n".join), st.text()))
def test_garbage_is_a_value_or_a_parse_error(text):
    try:
        parse_answer(text)
    except ParseError as error:
        assert error.line >= 1
