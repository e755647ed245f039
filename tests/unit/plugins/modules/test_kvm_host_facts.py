# SPDX-License-Identifier: GPL-3.0-or-later
"""kvm_host_facts: what it cannot see it says, and it never tells a secret."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import (
    access_facts,
    agent_facts,
    cpu_facts,
    host_facts,
    libvirt_facts,
    network_facts,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model import default_fact_selection as checked
from ansible_collections.cloudstack.kvm.plugins.modules import kvm_host_facts

from tests import cluster_profiles
from tests.unit.plugins.captured import raw, text
from tests.unit.plugins.modules.edge import run_module

PASSPHRASE = "secret16characte"
UNIT = "Id=chrony.service\nNames=chrony.service chronyd.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"  # noqa: E501
JOINED = {
    "addr": text("ip_link/debian12_joined.json"),
    "route": text("ip_route/debian12_joined.json"),
    "fqdn": "h1.lab.test\n",
    "lscpu": text("lscpu/debian12_amd.json"),
    "tracking": text("chronyc/tracking.txt"),
    "sources": text("chronyc/sources.txt"),
    "libvirtd": "libvirtd (libvirt) 9.0.0\n",
    "qemu": "QEMU emulator version 7.2.22\n",
    "machines": text("machine_help/debian12_qemu72.txt"),
    "vm": "kvm\n",
    "container": "podman\n",
    "kvm-ok": text("kvm_ok/debian12.txt"),
    "dpkg": "chrony ii  4.3-2+deb12u3\ncloudstack-agent ii  4.22.1.0\n",
    "units": UNIT,
}


def _scripted(answers):
    """Commands answer from a table; what is not in it is not installed."""

    def run_all(commands, **_options):
        return {
            name: Answer(tuple(argv), 0, answers[name])
            if name in answers
            else Answer(tuple(argv), None, problem=f"{argv[0]} is not installed")
            for name, argv in commands.items()
        }

    return run_all


@pytest.fixture
def facts(monkeypatch, capsys):
    def collect(answers, **options):
        for part in (host_facts, network_facts):
            monkeypatch.setattr(part, "run_all", _scripted(answers))
        for part in (host_facts, access_facts):
            monkeypatch.setattr(
                part, "run", lambda argv, **_options: Answer(tuple(argv), None, problem=f"{argv[0]} is not installed")
            )
        monkeypatch.setattr(cpu_facts, "KVM", "/dev/null")  # is there on every machine
        monkeypatch.setattr(libvirt_facts.fact_files, "processes", lambda _unit: [])
        return run_module(kvm_host_facts, capsys, **options)["ansible_facts"]["kvm_host"]

    return collect


def test_a_joined_host(facts):
    found = facts(JOINED, packages=["chrony", "nothing"], units=["chronyd.service"])
    assert found["schema_version"] == "2"
    assert found["fqdn"] == "h1.lab.test"
    assert {name: found["packages"][name] for name in ("chrony", "nothing", "sudo")} == {
        "chrony": "4.3-2+deb12u3",
        "nothing": None,
        "sudo": None,
    }
    assert found["units"]["chronyd.service"] == {
        "load": "loaded",
        "active": "active",
        "sub": "running",
        "unit_file": "enabled",
    }
    assert found["bridges"]["cloudbr0"]["ports"] == ["eth0"]
    assert found["default_interface"] == "cloudbr0"
    assert (found["libvirt"]["version"], found["libvirt"]["qemu_version"]) == ("9.0.0", "7.2.22")
    assert found["time"]["synchronised"] is True
    assert (found["agent"]["version"], found["agent"]["common_version"]) == ("4.22.1.0", None)
    assert (found["virtualization"], found["kvm"]["kvm_ok"]) == ("kvm", True)
    assert found["libvirt"]["default_machine"]["pc"] == "pc-i440fx-7.2"
    assert found["interfaces"][1]["physical"] is not None


def test_what_is_always_looked_at_does_not_depend_on_the_options(facts):
    asked = facts(JOINED, packages=["nothing"], sysctl=["kernel.ostype"], kernel_modules=["no_such"], files=["/nope"])
    always = facts(JOINED)
    extra = {"packages": {"nothing"}, "sysctl": {"kernel.ostype"}, "kernel_modules": {"no_such"}, "files": {"/nope"}}
    for name, more in extra.items():
        assert set(always[name]) == set(getattr(checked, name.upper()))
        assert set(asked[name]) == set(always[name]) | more


def test_what_roles_require_is_collected_together_with_the_options(facts):
    asked = facts(
        JOINED,
        packages=["one"],
        required=[{"packages": ["two"], "files": ["/nope"]}, {"packages": ["one", "three"]}, {}],
    )
    always = facts(JOINED)
    assert set(asked["packages"]) - set(always["packages"]) == {"one", "two", "three"}
    assert set(asked["files"]) - set(always["files"]) == {"/nope"}


def test_every_fact_is_documented_and_every_documented_fact_is_there(facts):
    documented = yaml.safe_load(kvm_host_facts.RETURN)["ansible_facts"]["contains"]["kvm_host"]["contains"]
    assert set(facts(JOINED)) == set(documented)


def test_the_healthy_host_of_the_fault_table_has_no_fact_that_a_real_one_has_not(facts):
    """The checks are tested with profiles that were written by hand."""
    healthy, real = cluster_profiles.healthy().hosts["host1"]["facts"], facts(JOINED)
    assert set(healthy) == set(real)
    by_name = {"packages", "units", "sysctl", "kernel_modules", "files", "unknown", "bridges", "disk"}
    for name in sorted(set(healthy) - by_name):
        for hand_made, collected in _alike(healthy[name], real[name]):
            assert set(hand_made) <= set(collected), name


def _alike(hand_made, collected):
    """The dictionaries to compare: themselves, or the first items of two lists."""
    if isinstance(hand_made, list):
        hand_made, collected = (side[0] if side else None for side in (hand_made, collected))
    return [(hand_made, collected)] if isinstance(hand_made, dict) and isinstance(collected, dict) else []


def test_a_host_without_any_tool_is_unknown_not_healthy(facts):
    found = facts({}, packages=["chrony"], units=["x.service"])
    missing = {
        "interfaces",
        "bridges",
        "routes",
        "default_interface",
        "fqdn",
        "cpu",
        "time",
        "time.sources",
        "libvirt",
        "packages",
        "units",
    }
    assert missing <= set(found["unknown"])
    assert found["unknown"]["time"] == "chronyc is not installed"
    assert found["time"]["synchronised"] is None
    assert found["cpu"] is None
    assert found["libvirt"] is None


def test_garbage_of_a_tool_is_unknown(facts):
    found = facts({**JOINED, "lscpu": "segfault", "addr": "null", "tracking": "506 Cannot talk to daemon"})
    assert {"cpu", "interfaces", "time"} <= set(found["unknown"])


def test_the_shape_does_not_depend_on_what_is_there(facts):
    def shape(value):
        return sorted(value)

    assert shape(facts(JOINED)) == shape(facts({}))


def test_this_machine_really(capsys):
    """No script: whatever this machine has, the run ends well and answers what was asked."""
    found = run_module(
        kvm_host_facts,
        capsys,
        sysctl=["kernel.ostype", "no.such.key"],
        kernel_modules=["no_such"],
        files=["/proc/version", "/nope"],
    )
    host = found["ansible_facts"]["kvm_host"]
    assert found["changed"] is False
    assert (host["sysctl"]["kernel.ostype"], host["sysctl"]["no.such.key"]) == ("Linux", None)
    assert host["kernel_modules"]["no_such"] == "absent"
    assert host["files"]["/nope"] == {"exists": False}
    assert host["files"]["/proc/version"]["mode"] == "0444"
    assert host["memory"]["total_bytes"] > 0
    assert host["memory"]["numa"][0]["total_bytes"] > 0
    assert host["disk"]["/"]["size_bytes"] > 0
    assert host["collected_at"] > 1.7e9
    assert json.dumps(host)


@pytest.fixture
def agent(tmp_path):
    def collect(properties=None, keystore=None):
        if properties is not None:
            (tmp_path / "agent.properties").write_bytes(properties)
        if keystore is not None:
            (tmp_path / "cloud.jks").write_bytes(keystore)
        unknown = {}
        return agent_facts.collect_agent("4.22.1.0", unknown, str(tmp_path)), unknown

    return collect


WITH_PASSPHRASE = f"guid=x\nkeystore.passphrase={PASSPHRASE}\n".encode()


@pytest.mark.parametrize(
    ("properties", "keystore", "expected"),
    [
        (None, None, {"present": False, "readable": False, "empty": False, "opens": None}),
        (WITH_PASSPHRASE, None, {"present": False, "readable": False, "empty": False, "opens": None}),
        (
            WITH_PASSPHRASE,
            raw("keystore/pkcs12.jks"),
            {"present": True, "readable": True, "empty": False, "opens": True},
        ),
        (
            WITH_PASSPHRASE + b"keystore.passphrase=new\n",
            raw("keystore/pkcs12.jks"),
            {"present": True, "readable": True, "empty": False, "opens": False},
        ),
        (
            b"guid=x\n",
            raw("keystore/jks.jks"),
            {"present": True, "readable": True, "empty": False, "opens": False},
        ),  # lost: the join makes a new one
        (WITH_PASSPHRASE, b"", {"present": True, "readable": True, "empty": True, "opens": None}),
    ],
)
def test_keystore(agent, properties, keystore, expected):
    found, unknown = agent(properties, keystore)
    assert found["keystore"] == expected
    assert unknown == {}
    assert PASSPHRASE not in str(found)


def test_a_keystore_that_cannot_be_judged(agent):
    found, unknown = agent(WITH_PASSPHRASE, b"garbage")
    assert found["keystore"]["opens"] is None
    assert "agent.keystore.opens" in unknown


def test_zeroed_properties(agent):
    found, unknown = agent(b"\0" * 646)
    assert (found["present"], found["zeroed"], found["properties"]) == (True, True, {})
    assert "zero bytes" in unknown["agent.properties"]


def test_a_broken_line_does_not_betray_the_passphrase(agent):
    _found, unknown = agent(b"keystore.passphrase=" + PASSPHRASE.encode() + b"\\u0\n")
    assert "agent.properties" in unknown
    assert PASSPHRASE not in str(unknown)


def test_without_privileges(tmp_path, agent, monkeypatch):
    """Tests run as root, which reads everything: the refusal is the operating system's, injected at open()."""
    agent(WITH_PASSPHRASE, raw("keystore/jks.jks"))

    def refuse(path, *_mode, **_options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(agent_facts, "open", refuse, raising=False)
    found, unknown = agent()
    assert (found["present"], found["zeroed"], found["properties"]) == (True, None, {})
    assert found["keystore"] == {"present": True, "readable": False, "empty": False, "opens": None}
    assert set(unknown) == {"agent.properties", "agent.keystore"}
    assert "Permission denied" in unknown["agent.keystore"]
