# SPDX-License-Identifier: GPL-3.0-or-later
"""`sudo -l -U` of sudo 1.9.13 (fixtures) and small variants: what a join may run without a password."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.sudo_rules import PROGRAMS, parse_rules
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import raw, text

SETUP, IMPORT, AGENT = PROGRAMS
ALL, NONE = set(PROGRAMS), set()
U = "/usr/share/cloudstack-common/scripts/util"


def allowed(listing, is_root=False):
    return {path for path, yes in parse_rules(listing, is_root=is_root)["commands"].items() if yes}


def listing(*rules, defaults="env_reset"):
    lines = [
        "Matching Defaults entries for ops on h4:",
        f"    {defaults}",
        "",
        "User ops may run the following commands on h4:",
    ]
    return "\n".join([*lines, *(f"    {rule}" for rule in rules)]) + "\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("all", ALL), ("documented", {AGENT}), ("nobody_rule", NONE), ("password", NONE), ("three", ALL), ("root", NONE)],
)
def test_captured(name, expected):
    assert allowed(text(f"sudo_list/{name}.txt")) == expected


def test_root_is_never_asked_for_a_password():
    assert allowed(text("sudo_list/root.txt"), is_root=True) == ALL
    assert allowed(text("sudo_list/nobody_rule.txt"), is_root=True) == NONE


DIGEST, EXPRESSION = (
    "\n        sha224:0GomF8mNN3wlDt1HD9XldjJ3SNgpFdbjO1+NsQ== /bin/cat,",
    "^/usr/bin/cloudstack-.*$ ^.*$,\n        ",
)


def test_folded_lines_negation_and_tags():
    # The first rule forbids keystore-setup; the last one lets it run with the arguments of a join. Some commands have a
    # requiretty of their own.
    found = parse_rules(text("sudo_list/rich.txt").replace(DIGEST, "").replace(EXPRESSION, ""), is_root=False)
    assert found == {
        "requiretty": None,
        "noexec": True,
        "secure_path": ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"],
        "commands": dict.fromkeys(PROGRAMS, True),
    }


@pytest.mark.parametrize(("other", "line"), [(DIGEST, 18), (EXPRESSION, 16)])
def test_a_rule_that_cannot_be_judged(other, line):
    with pytest.raises(ParseError, match=f"line {line}"):
        parse_rules(text("sudo_list/rich.txt").replace(other, ""), is_root=False)


def test_through_a_terminal_with_a_warning():
    found = parse_rules(raw("sudo_list/requiretty_terminal.txt").decode(), is_root=False)
    assert (found["requiretty"], found["commands"]) == (True, {SETUP: True, IMPORT: False, AGENT: True})


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["(ALL : ALL) NOPASSWD: ALL", "(root) PASSWD: ALL"], NONE),
        (["(root) PASSWD: ALL", "(ALL) NOPASSWD: ALL"], ALL),
        (["(ALL) NOPASSWD: ALL, !/usr/bin/cloudstack-setup-agent"], {SETUP, IMPORT}),
        (["(ALL) NOPASSWD: ALL, ! /usr/bin/"], {SETUP, IMPORT}),
        (["(ALL, !root) NOPASSWD: ALL"], NONE),
        (["(ops) NOPASSWD: ALL"], NONE),
        (["(: sudo) NOPASSWD: ALL"], NONE),
        (["(#0) NOPASSWD: ALL"], ALL),
        (["NOPASSWD: ALL"], ALL),
        (["(root) NOPASSWD: SETENV: ALL"], ALL),
        (["(root) NOPASSWD: NOEXEC: ALL"], NONE),
        ([f"(root) NOPASSWD: {U}/"], {SETUP, IMPORT}),
        (["(root) NOPASSWD: /usr/share/"], NONE),
        ([f"(root) NOPASSWD: {U}/*"], {SETUP, IMPORT}),
        (["(root) NOPASSWD: /usr/share/*"], NONE),
        (["(root) NOPASSWD: /usr/bin/cloudstack-setup-agent *"], {AGENT}),
        (['(root) NOPASSWD: /usr/bin/cloudstack-setup-agent ""'], NONE),
        ([f"(root) NOPASSWD: {U}/keystore-setup /etc/cloudstack/agent/*"], {SETUP}),
        ([f"(root) NOPASSWD: {U}/keystore-setup /tmp/*"], NONE),
        (["(root) NOPASSWD: /bin/true, PASSWD: ALL"], NONE),
        (["(root) NOPASSWD: sudoedit /etc/hosts, NOBODYS_ALIAS"], NONE),
    ],
)
def test_rules(rules, expected):
    assert allowed(listing(*rules)) == expected


@pytest.mark.parametrize(
    ("defaults", "requiretty", "noexec", "without_password"),
    [
        ("env_reset", False, False, False),
        ("requiretty, !requiretty", False, False, False),
        ("!requiretty, requiretty", True, False, False),
        ("noexec, !authenticate", False, True, True),
        (r"badpass_message=no\, requiretty", False, False, False),
    ],
)
def test_defaults(defaults, requiretty, noexec, without_password):
    found = parse_rules(listing("(ALL) ALL", defaults=defaults), is_root=False)
    assert (found["requiretty"], found["noexec"], found["commands"][SETUP]) == (requiretty, noexec, without_password)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "Sorry, user ops may not run sudo",
        "sudo: a password is required",
        listing("(root) NOPASSWD: CWD=/tmp ALL"),
        listing("(root) sha224:a= /bin/a"),
    ],
)
def test_what_is_not_understood_is_not_guessed(content):
    with pytest.raises(ParseError):
        parse_rules(content, is_root=False)


PIECES = st.sampled_from(
    [
        "(root)",
        "(ALL",
        ")",
        ":",
        "NOPASSWD:",
        "PASSWD:",
        "ALL",
        "!",
        ",",
        " ",
        "\n    ",
        "\n        ",
        "/usr/bin/",
        "*",
        "[z-a]",
        "\\",
        '""',
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map(lambda parts: listing("".join(parts)))))
def test_garbage_is_a_value_or_a_parse_error(content):
    for is_root in (False, True):
        try:
            parse_rules(content, is_root=is_root)
        except ParseError as error:
            assert "sudo -l" in str(error)


def test_no_secure_path():
    """sudo then leaves PATH alone (as on SUSE)."""
    listed = text("sudo_list/all.txt")
    without = "\n".join(line for line in listed.splitlines() if "secure_path" not in line)
    assert parse_rules(without, is_root=False)["secure_path"] is None
