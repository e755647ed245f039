# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the network from scripted answers."""

from __future__ import annotations

import json
import struct
from types import SimpleNamespace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import network_facts

from tests.unit.plugins.captured import text

MISSING = Answer(("x",), None, problem="x is not installed")
ADDR = Answer(("ip",), 0, text("ip_addr/debian12_joined.json"))
FQDN = Answer(("hostname", "--fqdn"), 0, "h1.lab.test\n")
UNITS = Answer(("systemctl",), 0, "Id=chrony.service\nNames=chrony.service\nActiveState=active\n")
GOOD = {
    "addr": ADDR,
    "fqdn": FQDN,
    "net.routes6": Answer(("ip",), 0, '[{"dst":"default","gateway":"fd00::1","dev":"eth0","metric":1024}]'),
    "net.rules": Answer(("ip",), 0, text("ip_rule/plain.json")),
    "net.groups": Answer(("bridge",), 0, text("bridge_mdb/querier_heard.json")),
    "net.ptp": Answer(("systemctl",), 0, ""),
    "net.ovs": Answer(("ovs-vsctl",), 0, text("ovs_vsctl/bond_patch_fake.txt")),
    "net.evpn": Answer(("vtysh",), 0, text("vtysh/evpn_summary.json")),
    "net.lldp": Answer(("lldpctl",), 0, text("lldpctl/one.json")),
    "net.nft": Answer(("nft",), 0, text("nft/rich.json")),
    "units": UNITS,
}
NAMES = {
    "h1.lab.test": Answer(("getent", "ahosts"), 0, "10.88.0.11 STREAM h1.lab.test\n10.88.0.11 DGRAM\n"),
    "10.88.0.11": Answer(("getent", "hosts"), 0, "10.88.0.11 h1.lab.test h1\n"),
    "10.88.1.11": Answer(("getent", "hosts"), 2),
    "10.9.0.1": Answer(("getent", "hosts"), 2),
}


@pytest.fixture(autouse=True)
def host(monkeypatch, tmp_path):
    """A host of its own: files in a folder, names from a table."""
    for name in ("RESOLV_CONF", "RESOLVED_CONF", "LEGACY_TABLES"):
        monkeypatch.setattr(network_facts, name, str(tmp_path / name))
    (tmp_path / "RESOLV_CONF").write_text("nameserver 10.88.0.254\n")
    monkeypatch.setattr(
        network_facts, "run_all", lambda asked, timeout: {key: NAMES[argv[-1]] for key, argv in asked.items()}
    )
    return tmp_path


def collected(**changed):
    unknown = {}
    answers = {**GOOD, **{key.replace("_", "."): answer for key, answer in changed.items()}}
    assert set(network_facts.commands("root")) == set(answers) - {"addr", "fqdn", "units"}
    return network_facts.collect(answers, unknown, "root"), unknown


def test_a_good_host():
    found, unknown = collected()
    assert unknown == {}
    assert found["routes6"][0]["gateway"] == "fd00::1"
    assert found["time"] == {
        "service": "chrony",
        "ptp": [],
        "kernel_synchronised": network_facts._kernel_synchronised(),
    }
    assert found["rules"] == []
    assert found["resolver"] == {
        "took_s": {},
        "servers": ["10.88.0.254"],
        "forward": ["10.88.0.11"],
        "reverse": {"10.88.0.11": "h1.lab.test", "10.88.1.11": None},
    }
    assert found["firewall"]["forward_policy"] == "accept"
    assert found["firewall"]["nft"]


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        ("net_routes6", {"routes6"}),
        ("net_nft", {"firewall.nft", "firewall.forward_policy"}),
        ("units", {"time.service"}),
        ("fqdn", {"resolver.forward"}),
    ],
)
def test_a_missing_tool_is_unknown(key, facts):
    found, unknown = collected(**{key: MISSING})
    assert unknown == dict.fromkeys(facts, "x is not installed")
    for path in facts:
        tree = found
        for step in path.split("."):
            tree = tree[step]
        assert tree is None


def test_no_addresses_no_reverse_names():
    found, _unknown = collected(addr=MISSING)
    assert found["resolver"]["reverse"] == {}


def test_a_name_that_does_not_resolve(monkeypatch):
    monkeypatch.setitem(NAMES, "h1.lab.test", Answer(("getent", "ahosts"), 2))
    found, unknown = collected()
    assert (found["resolver"]["forward"], unknown) == ([], {})


def test_a_name_server_that_does_not_answer(monkeypatch):
    monkeypatch.setitem(NAMES, "10.88.1.11", Answer(("getent", "hosts"), None, problem="no answer within 12 s"))
    _found, unknown = collected()
    assert unknown == {"resolver.reverse.10.88.1.11": "no answer within 12 s"}


@pytest.mark.parametrize(
    ("behind", "expected"), [("nameserver 10.88.0.253\n", ["10.88.0.253"]), (None, ["127.0.0.53"])]
)
def test_the_servers_behind_the_stub(host, behind, expected):
    (host / "RESOLV_CONF").write_text("nameserver 127.0.0.53\n")
    if behind:
        (host / "RESOLVED_CONF").write_text(behind)
    assert collected()[0]["resolver"]["servers"] == expected


def test_rules_of_iptables_legacy_are_not_seen(host):
    (host / "LEGACY_TABLES").write_text("filter\nnat\n")
    found, unknown = collected()
    assert (found["firewall"]["nft"], found["firewall"]["forward_policy"]) == (None, None)
    assert "filter nat" in unknown["firewall.nft"]


def link(name, kind="ether", driver=None, bond=None):
    return {"name": name, "kind": kind, "driver": driver, "speed_mbps": 10000 if driver else None, "bond": bond}


def test_interfaces():
    bond = {
        "mode": "802.3ad",
        "active": None,
        "members": [{"name": "eth0", "up": True}, {"name": "veth0", "up": False}],
    }
    links = [link("bond0", "bond", bond=bond), link("eth0", driver="ixgbe"), link("dummy0"), link("veth0", "veth")]
    unknown = {}
    found = {each["name"]: each for each in network_facts.complete(links, GOOD, unknown)}
    assert unknown == {}
    assert {name for name, each in found.items() if each["physical"]} == {"eth0", "veth0"}
    assert [member["speed_mbps"] for member in found["bond0"]["bond"]["members"]] == [10000, None]
    assert found["eth0"]["lldp"]["system"] == "leaf1.lab.test"
    assert found["veth0"]["lldp"] is None


def test_without_lldpd():
    unknown = {}
    assert network_facts.complete([link("eth0")], {"net.lldp": MISSING}, unknown)[0]["lldp"] is None
    assert unknown == {"interfaces.lldp": "x is not installed"}


def test_facts_are_json():
    json.dumps(collected()[0])


def test_multicast_of_bridges_and_why_it_is_not_known():
    addr = Answer(("ip",), 0, text("ip_addr/bridge_multicast.json"))
    found, unknown = collected(addr=addr)
    assert found["bridges"]["cloudbr1"] == {"multicast": {"snooping": True, "querier": False, "querier_heard": True}}
    found, unknown = collected(addr=addr, net_groups=MISSING)
    assert found["bridges"]["cloudbr1"] == {"multicast": None}
    assert unknown["bridges.cloudbr1.multicast"] == "x is not installed"


def test_a_host_without_open_vswitch_has_no_bridges_of_it(monkeypatch):
    monkeypatch.setattr(network_facts, "program", lambda name: None)
    found, unknown = collected(net_ovs=MISSING)
    assert found["ovs"] is None
    assert "ovs" not in unknown


def test_open_vswitch_that_does_not_answer_is_unknown(monkeypatch):
    monkeypatch.setattr(network_facts, "program", lambda name: f"/usr/bin/{name}")
    found, unknown = collected(net_ovs=Answer(("ovs-vsctl",), 1, "", "database connection failed"))
    assert found["ovs"] is None
    assert "database connection failed" in unknown["ovs"]
    assert "cloudbr2" in collected()[0]["ovs"]["bridges"]


def test_a_host_without_frr_has_no_sessions(monkeypatch):
    monkeypatch.setattr(network_facts, "program", lambda name: None)
    found, unknown = collected(net_evpn=MISSING)
    assert found["evpn_sessions"] is None
    assert "evpn_sessions" not in unknown


@pytest.mark.parametrize(
    ("answer", "sessions", "why"),
    [
        (GOOD["net.evpn"], {"cloudbr1": "Established", "10.88.0.3": "Idle"}, None),
        (Answer(("vtysh",), 1, "", "bgpd is not running\n"), {}, None),
        (Answer(("vtysh",), 1, "", "Exiting: failed to connect to any daemons.\n"), None, "failed to connect"),
    ],
)
def test_sessions_of_frr(monkeypatch, answer, sessions, why):
    monkeypatch.setattr(network_facts, "program", lambda name: f"/usr/bin/{name}")
    found, unknown = collected(net_evpn=answer)
    assert found["evpn_sessions"] == sessions
    assert (why or "") in unknown.get("evpn_sessions", "")
    assert ("evpn_sessions" in unknown) == bool(why)


def test_ptp():
    units = "ptp4l@eth0.service   loaded active running PTP\nphc2sys@eth0.service loaded active running PHC\n"
    found, _unknown = collected(net_ptp=Answer(("systemctl",), 0, units))
    assert found["time"]["ptp"] == ["phc2sys@eth0.service", "ptp4l@eth0.service"]


@pytest.mark.parametrize(
    ("maxerror_us", "state", "told"),
    [(2_000, 0, True), (15_999_999, 0, True), (16_000_000, 5, False), (2_000, -1, None)],
)
def test_what_the_kernel_was_told_of_its_clock(monkeypatch, maxerror_us, state, told):
    """As struct timex has it on 64 bits: modes, offset, freq, maxerror."""

    def adjtimex(timex):
        assert timex.raw[:4] == b"\0\0\0\0", "nothing is changed"
        struct.pack_into("q", timex, 24, maxerror_us)
        return state

    monkeypatch.setattr(network_facts.ctypes, "CDLL", lambda _name: SimpleNamespace(adjtimex=adjtimex))
    assert network_facts._kernel_synchronised() is told
