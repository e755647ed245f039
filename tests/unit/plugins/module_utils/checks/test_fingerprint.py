# SPDX-License-Identifier: GPL-3.0-or-later
"""A host has the same fingerprint a minute later, and another one after a change."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.checks.fingerprint import VOLATILE, fingerprint, inputs_hash, stable
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.finding import Waiver
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster_profiles import healthy

NFT = [
    {"rule": {"handle": 4, "expr": [{"counter": {"packets": 10, "bytes": 800}}, {"accept": None}]}},
    {"set": {"name": "f2b", "flags": ["timeout"], "elem": ["10.0.0.9"]}},
]
A_MINUTE_LATER = {
    "facts.collected_at": 1795600060.0,
    "facts.time.offset_s": -0.00004,
    "facts.time.source": "10.88.0.253",
    "facts.time.sources[10.88.0.253].reach": 7,
    "facts.cpu.mhz": 1800.123,
    "facts.memory.available_bytes": 1,
    "facts.memory.hugepages": [{"size_bytes": 2097152, "total": 0, "free": 3}],
    "facts.disk[/].free_bytes": 7,
    "facts.listeners": [{"address": "0.0.0.0", "port": 40123}],
    "facts.interfaces[eth0].lldp": {"system": "switch1", "port": "7", "chassis": "x"},
    "facts.interfaces[cloudbr0].addresses": ["fe80::1/64", "10.88.0.11/24"],
    "facts.agent.unit": {"active": "activating", "enabled": "enabled", "restarts": 12},
    "facts.units[libvirtd.service].sub": "dead",
    "facts.unknown": {"bmc": "timed out after 5.01 s"},
}
CHANGES = {
    "bridge gone": {"facts.bridges[cloudbr1]": None},
    "bridge has another port": {"facts.bridges[cloudbr1].ports": ["eth2"]},
    "MTU": {"facts.interfaces[eth2].mtu": 1500},
    "package version": {"facts.packages[cloudstack-agent]": "4.22.0.0"},
    "certificate": {"facts.agent.certificate.not_after": "2028-01-01T00:00:00+00:00"},
    "address": {"facts.interfaces[cloudbr0].addresses": ["10.88.0.99/24"]},
    "memory": {"facts.memory.total_bytes": 1},
    "link down": {"facts.interfaces[eth0].carrier": False},
    "domain": {"facts.libvirt.domains": ["stray"]},
    "kernel": {"facts.os.kernel": "6.1.0-99-amd64"},
    "BMC no longer seen": {"facts.bmc": None},
    "service of the clock": {"facts.time.service": "none"},
    "firewall rule": {"facts.firewall.nft": [{"rule": {"handle": 4, "expr": [{"drop": None}]}}]},
}


def facts(changes=None):
    return healthy().edit({"host1": changes or {}}).hosts["host1"]["facts"]


def test_the_same_a_minute_later():
    assert fingerprint(facts(A_MINUTE_LATER)) == fingerprint(facts())


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_another_after_a_change(change):
    assert fingerprint(facts(change)) != fingerprint(facts())


def test_who_asked_does_not_count():
    asked_for_more = {"facts.packages[vim]": "9.0", "facts.sysctl[vm.dirty_ratio]": "20", "facts.files[/etc/motd]": {"exists": True}}
    assert fingerprint(facts(asked_for_more)) == fingerprint(facts())


def test_counters_of_the_firewall_do_not_count():
    later = [
        {"rule": {"handle": 9, "expr": [{"counter": {"packets": 99, "bytes": 8000}}, {"accept": None}]}},
        {"set": {"name": "f2b", "flags": "timeout", "elem": ["10.0.0.10"]}},
    ]
    earlier = json.loads(json.dumps(NFT).replace('["timeout"]', '"timeout"'))
    assert fingerprint(facts({"facts.firewall.nft": earlier})) == fingerprint(facts({"facts.firewall.nft": later}))


def test_what_is_left_out_is_documented_and_left_out():
    kept = stable(facts())
    assert "collected_at" not in kept
    assert set(kept["time"]) == {"service"}
    assert all(reason for reason in VOLATILE.values())


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.dictionaries(st.text(max_size=8), TREES, max_size=5))
def test_survives_any_facts_and_json(tree):
    assert fingerprint(tree) == fingerprint(json.loads(json.dumps(tree)))


def test_inputs_hash_tells_decisions_not_measurements():
    def of(world, *waivers):
        hosts = world.profiles()
        return inputs_hash(hosts, {host.name: fingerprint(host.facts) for host in hosts}, world.intent(), world.rules(), waivers)

    same = healthy()
    measured = {"probes.clock.offset_s": 0.9, "facts.collected_at": 1.0}
    assert of(same) == of(same.edit({"host4": measured}))
    assert of(same) != of(same.edit({"host4": {"declared.fqdn": "other.lab.test"}}))
    assert of(same) != of(same.edit({"policy": {"loss_max_percent": 1.0}}))
    assert of(same) != of(same.edit({"cluster": {"arch": "aarch64"}}))
    assert of(same) != of(same, Waiver("CPU005", ("host1",), "why", "who", "2026-12-31"))
