# SPDX-License-Identifier: GPL-3.0-or-later
"""The types that libvirtd wants."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.libvirtd_keys import (
    NUMBERS_AND_TEXTS,
    wrong_types,
)


def test_what_setup_agent_writes_is_right():
    written = {"listen_tcp": 0, "listen_tls": 1, "tcp_port": "16509", "tls_port": "16514", "auth_tls": "none"}
    assert wrong_types(written) == {}


def test_each_kind_of_mistake():
    wrong = wrong_types({"listen_tls": "1", "listen_tcp": 2, "max_clients": "50", "tls_port": 16514, "own_key": 5})
    assert sorted(wrong) == ["listen_tcp", "listen_tls", "max_clients", "tls_port"]
    assert "without quotes" in wrong["listen_tls"] and "double quotes" in wrong["tls_port"]


def test_no_setting_has_two_types():
    assert len(NUMBERS_AND_TEXTS) == len(set(NUMBERS_AND_TEXTS))
