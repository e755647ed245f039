# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd.conf as libvirtd reads it: the lines with which it does not start."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.libvirtd_conf import (
    conf_errors,
    parse_arguments,
)

from tests.unit.plugins.captured import text


@pytest.mark.parametrize("name", ["as_packaged", "after_setup_agent"])
def test_files_with_which_libvirtd_starts(name):
    assert conf_errors(text(f"libvirtd_conf/{name}.conf")) == []


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ('listen_tls = "1"', "listen_tls", "without quotes"),
        ("listen_tls = 2", "listen_tls", "0 or 1"),
        ("listen_tls = yes", "listen_tls", "line 2"),
        ("listen_tls 1", "", "line 2 is not a setting: listen_tls 1"),
        ("tls_port = 16514", "tls_port", "in double quotes"),
        ('max_clients = "5000"', "max_clients", "a number"),
        ("auth_tcp = none", "auth_tcp", "line 2"),
        ("[daemon]", "", "is not a setting"),
        ("; as in an ini file", "", "is not a setting"),
        ('unix_sock_group = "libvirt', "unix_sock_group", "line 2"),
    ],
)
def test_lines_that_libvirtd_refuses(line, key, words):
    errors = conf_errors(f"# the second line\n{line}\nlisten_tcp = 0\n")
    assert [each["key"] for each in errors] == [key]
    assert words in errors[0]["text"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('LIBVIRTD_ARGS="--listen"\n', ["--listen"]),
        ("# LIBVIRTD_ARGS=--listen\nlibvirtd_opts='-l'\n", []),
        ("LIBVIRTD_ARGS=-l\n", ["-l"]),
        ("LIBVIRTD_ARGS='--timeout 120 --listen'\n", ["--timeout", "120", "--listen"]),
        ("", []),
    ],
)
def test_arguments(content, words):
    assert parse_arguments(content) == words
