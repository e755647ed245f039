# SPDX-License-Identifier: GPL-3.0-or-later
"""Key-value files are read as the programs read them, or not at all."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.settings import (
    FORMATS,
    find_entries,
    parse_settings,
    parse_value,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


@pytest.mark.parametrize(
    ("grammar", "line", "expected"),
    [
        ("ini_flat", "net.ipv4.ip_forward = 1", {"net.ipv4.ip_forward": "1"}),
        ("ini_flat", "  a=b c  ", {"a": "b c"}),
        ("ini_flat", "[section]", {}),
        ("ini_flat", "# a = b", {}),
        ("shell", 'A="--listen -d"', {"A": "--listen -d"}),
        ("shell", "export A='x y' # why", {"A": "x y"}),
        ("shell", r'A="a\"b\$c"', {"A": 'a"b$c'}),
        ("shell", "A=plain # why", {"A": "plain"}),
        ("shell", "A=", {"A": ""}),
        ("shell", "if true; then", {}),
        ("libvirt", 'tls_port = "16514"  # why', {"tls_port": "16514"}),
        ("libvirt", "listen_tls=1", {"listen_tls": 1}),
        ("libvirt", "a = -1", {"a": -1}),
        ("libvirt", "a = 'x'", {"a": "x"}),
        ("libvirt", 'a = [ "x", "y" ]', {"a": ["x", "y"]}),
        ("libvirt", 'a = [\n  "x", # one ]\n  "y"\n]\nb = 1', {"a": ["x", "y"], "b": 1}),
        ("libvirt", "a = []", {"a": []}),
    ],
)
def test_values(grammar, line, expected):
    assert parse_settings(line, grammar, "x") == expected


@pytest.mark.parametrize(
    ("grammar", "content", "line"),
    [
        ("libvirt", "a = 1\nb = yes", 2),
        ("libvirt", 'a = "open', 1),
        ("libvirt", "a = [ 1 ]", 1),
        ("libvirt", 'a = [ "x",', 1),
        ("shell", "\nA='open", 2),
        ("shell", 'A="x"y"', 1),
        ("ini_flat", "a = 1\na = 2", 2),
    ],
)
def test_what_is_not_understood_has_its_line(grammar, content, line):
    with pytest.raises(ParseError, match=f"x, line {line}") as caught:
        parse_settings(content, grammar, "x")
    assert caught.value.line == line


def test_files_of_a_joined_host():
    libvirtd = parse_settings(text("libvirtd_conf/after_setup_agent.conf"), "libvirt", "libvirtd.conf")
    assert libvirtd["listen_tls"] == 1
    assert libvirtd["tls_port"] == "16514"
    qemu = parse_settings(text("qemu_conf/after_two_setup_agent_runs.conf"), "libvirt", "qemu.conf")
    assert qemu == {
        "vnc_tls": 1,
        "security_driver": "none",
        "user": "root",
        "group": "root",
        "vnc_tls_x509_verify": 1,
        "vnc_tls_x509_cert_dir": "/etc/pki/libvirt-vnc",
    }
    assert parse_settings(text("default_libvirtd/after_setup_agent"), "shell", "libvirtd") == {
        "libvirtd_opts": "-l",
        "LIBVIRTD_ARGS": "--listen",
    }


def test_commented_defaults_are_seen_over_their_lines():
    entries = {entry.key: entry for entry in find_entries(text("libvirtd_conf/as_packaged.conf"), "libvirt")}
    assert all(entry.commented for entry in entries.values())
    assert parse_value(entries["listen_tls"], "libvirt", "x") == 0
    assert parse_value(entries["tls_port"], "libvirt", "x") == "16514"
    users = entries["sasl_allowed_username_list"]
    assert parse_value(users, "libvirt", "x") == ["joe@EXAMPLE.COM", "fred@EXAMPLE.COM"]
    assert users.last - users.first == 3


# A plain st.text() hardly ever hits the grammar: pieces of it do.
GARBAGE = st.lists(
    st.sampled_from(["a", " ", "=", '"', "'", "[", "]", ",", "#", ";", "\\", "\n", "\r", "1", "-", "$", "é", "\0"]),
    max_size=30,
).map("".join)


@given(st.one_of(GARBAGE, st.text()), st.sampled_from(FORMATS))
def test_garbage_is_a_value_or_a_parse_error(content, grammar):
    try:
        found = parse_settings(content, grammar, "x")
    except ParseError as error:
        assert 1 <= error.line <= content.count("\n") + 1
    else:
        assert all(key and isinstance(value, (str, int, list)) for key, value in found.items())
