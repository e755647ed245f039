# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent can do with a value, which key was meant, and which settings need each other."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.agent_keys import (
    CHOICES,
    KEY_RANGES,
    KEY_TYPES,
    NEWER_KEYS,
    NO_SUCH_KEYS,
    STOPS_THE_AGENT,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import parse_properties
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.agent_values import (
    contradictions,
    known,
    meant,
    wrong_value,
)

from tests.unit.plugins.captured import text


def test_the_file_of_a_real_host():
    found = parse_properties(text("agent.properties"))
    assert {key: wrong_value(key, value) for key, value in found.items() if wrong_value(key, value)} == {}
    assert [key for key in found if not known(key)] == []
    assert contradictions(found) == []


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("host.reserved.mem.mb", "8GB", "a whole number from 0"),
        ("host.reserved.mem.mb", " 8192 ", ""),
        ("host.reserved.mem.mb", "-1", "a whole number from 0"),
        ("port", "65536", "to 65535"),
        ("vm.migrate.speed", "-1", ""),
        ("vm.migrate.wait", "1e3", "a whole number"),
        ("heartbeat.update.timeout", "60", "from 1000"),
        ("vm.rng.enable", "Yes", ""),
        ("vm.rng.enable", "true ", "true or false"),
        ("guest.cpu.mode", "Custom", ""),
        ("guest.cpu.mode", "Host-Model", "one of custom, host-model"),
        ("network.bridge.type", "OpenVSwitch", ""),
        ("vm.watchdog.action", "inject-nmi", "inject_nmi"),
        ("vm.watchdog.model", "i6300esb ", "one of i6300esb"),
        ("private.network.device", "cloudbr0 ", "no blanks at its end"),
        ("acme.asset", "any thing", ""),
    ],
)
def test_wrong_value(key, value, expected):
    assert expected in wrong_value(key, value) if expected else wrong_value(key, value) == ""


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("guest.cpu.modle", "guest.cpu.mode or guest.cpu.model"),
        ("guest_cpu_mode", "guest.cpu.mode"),
        ("VM.Memballoon.Disable", "vm.memballoon.disable"),
        ("workes", "workers"),
        ("vm.memballon.disable", "vm.memballoon.disable"),
        ("ping.interval", "the global setting ping.interval"),
        ("acme.asset", ""),
    ],
)
def test_meant(key, other):
    assert not known(key)
    assert meant(key) == other


def test_the_tables_fit_each_other():
    assert {*KEY_RANGES, *CHOICES} <= set(KEY_TYPES)
    assert set(STOPS_THE_AGENT) <= set(CHOICES)
    assert not {*NEWER_KEYS, *NO_SUCH_KEYS} & set(KEY_TYPES)
    assert {KEY_TYPES[key] for key in KEY_RANGES} <= {"int", "long"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"guest.cpu.mode": "custom"}, ["without guest.cpu.model"]),
        ({"guest.cpu.model": "EPYC"}, ["not set"]),
        ({"guest.cpu.model": "EPYC", "guest.cpu.mode": "host-model"}, ["host-model"]),
        ({"guest.cpu.features": "aes"}, ["libvirt refuses"]),
        ({"guest.cpu.mode": "custom", "guest.cpu.features": "aes"}, ["without guest.cpu.model", "libvirt refuses"]),
        ({"openvswitch.dpdk.enabled": "true"}, ["network.bridge.type"]),
        ({"openvswitch.dpdk.enabled": "true", "network.bridge.type": "openvswitch"}, []),
        ({"guest.cpu.mode": "custom", "guest.cpu.model": "EPYC", "guest.cpu.features": "aes"}, []),
        ({"guest.cpu.mode": "host-passthrough", "guest.cpu.features": "-x2apic"}, []),
    ],
)
def test_contradictions(settings, words):
    said = contradictions(settings)
    assert len(said) == len(words)
    assert all(word in text for word, text in zip(words, said))
