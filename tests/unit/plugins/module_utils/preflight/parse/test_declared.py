# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares of a host, from its variables; the role names the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.declared import (
    SOURCES,
    VARIABLES,
    declared,
)

ROLES = Path(__file__).parents[6] / "roles"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"inventory_hostname": "host1"}, {"address": "host1", "ssh_port": 22, "cloudstack_user": "root"}),
        ({}, {"address": "", "bridges": [], "exports": [], "time_sources": []}),
        ({"cloudstack_host_address": "192.0.2.1", "ansible_host": "198.51.100.1"}, {"address": "192.0.2.1"}),
        ({"preflight_ssh_port": "2222", "host_registration_ssh_port": 22}, {"ssh_port": 2222}),
        ({"host_registration_username": "ops"}, {"cloudstack_user": "ops"}),
        ({"cluster_traffic_labels": [{"label": "b"}, {"label": "a"}, {"label": "b"}]}, {"labels": ["b", "a"]}),
        ({"network_bridge_config": [{"name": "a"}]}, {"bridges": [{"name": "a"}]}),
        ({"network_bridge_config": {"bonds": [], "bridges": [{"name": "a"}]}}, {"bridges": [{"name": "a"}]}),
        ({"network_bridge_config": [{"name": "a", "state": "absent"}, "b"]}, {"bridges": []}),
        ({"network_bridge_config": "cloudbr0"}, {"bridges": []}),
        ({"cloudstack_agent_properties": {"guest.cpu.mode": "custom"}}, {"guest_cpu_mode": "custom"}),
        ({"oobm_address": "203.0.113.1"}, {"oobm_address": "203.0.113.1", "oobm_port": "623"}),
        ({"oobm_password": "sixteen-letters!"}, {"oobm_password_too_long": None}),
        ({"oobm_password": "seventeen-letters"}, {"oobm_password_too_long": 17}),
        ({"oobm_password": "fünfzehn-Zeichen!"}, {"oobm_password_too_long": 18}),
        ({"kvm_host_fqdn": ""}, {"fqdn": None, "management_key": None, "rack": None}),
    ],
)  # fmt: skip
def test_declared(variables, expected):
    found = declared(variables)
    assert {key: found[key] for key in expected} == expected


def test_a_password_is_not_kept():
    assert "planted" not in str(declared({"oobm_password": "planted-secret-planted"}))


def test_the_key_is_a_line():
    assert declared({}, "ssh-ed25519 AAAA management\n")["management_key"] == "ssh-ed25519 AAAA management"


def test_the_role_reads_the_same_variables():
    text = yaml.safe_load((ROLES / "preflight" / "vars" / "main.yml").read_text())
    assert sorted(text["__preflight_declaring"]) == sorted(VARIABLES)


@pytest.mark.parametrize(
    ("key", "role", "variable"),
    [
        ("ssh_port", "host_registration", "host_registration_ssh_port"),
        ("cloudstack_user", "host_registration", "host_registration_username"),
        ("oobm_port", "oobm", "oobm_port"),
        ("oobm_driver", "oobm", "oobm_driver"),
    ],
)
def test_defaults_are_those_of_the_roles(key, role, variable):
    defaults = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text())
    assert str(SOURCES[key][1]) == str(defaults[variable])
