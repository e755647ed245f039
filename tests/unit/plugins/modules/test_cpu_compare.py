# SPDX-License-Identifier: GPL-3.0-or-later
"""cpu_compare with scripted commands: same CPUs are asked once, and a daemon that sleeps is not asked at all."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import cpu_compare as client
from ansible_collections.cloudstack.kvm.plugins.modules import cpu_compare

from tests.unit.plugins.captured import text
from tests.unit.plugins.modules.edge import run_module

ONE, TWO, THREE = text("cpu_xml/hypervisor-cpus.xml").splitlines()


@pytest.fixture
def asked(monkeypatch):
    """Scripts systemctl and virsh; returns what virsh was handed. `words` maps a CPU to the captured answer, `state` is
    libvirtd's."""

    def script(words, state="active"):
        handed = []

        def run(argv, stdin="", **_options):
            if argv[0] == "systemctl":
                return Answer(tuple(argv), 0 if state == "active" else 3, f"{state}\n")
            handed.append(stdin)
            stdout, stderr = text(f"cpu_compare/{words[stdin]}.txt").split("--- stderr\n")
            return Answer(tuple(argv), int(bool(stderr)), stdout, stderr)

        monkeypatch.setattr(client.command, "run", run)
        return handed

    return script


@pytest.mark.parametrize("check", [True, False])
def test_each_cpu_is_asked_once(asked, capsys, check):
    handed = asked({ONE: "identical", TWO: "incompatible_features", THREE: "unknown_model"})
    cpus = {
        "host1": ONE,
        "host2": TWO,
        "host3": f" {ONE}\n",
        "host4": THREE,
        "host5": None,
        "host6": "<cpu",
        "host7": TWO,
    }
    result = run_module(cpu_compare, capsys, cpus=cpus, check=check)
    assert handed == [ONE, TWO, THREE]
    assert result["changed"] is False
    assert result["cpu_compare"] == {
        "host1": "identical",
        "host3": "identical",
        "host2": "incompatible: pni, svm",
        "host7": "incompatible: pni, svm",
    }
    assert sorted(result["unknown"]) == ["cpu_compare.host4", "cpu_compare.host5", "cpu_compare.host6"]
    assert "Unknown CPU model Zen9" in result["unknown"]["cpu_compare.host4"]
    assert "not known" in result["unknown"]["cpu_compare.host5"]
    assert "not XML" in result["unknown"]["cpu_compare.host6"]


def test_nothing_is_started(asked, capsys):
    handed = asked({}, state="inactive")
    result = run_module(cpu_compare, capsys, cpus={"host1": ONE})
    assert (result["cpu_compare"], handed) == (None, [])
    assert "not active (inactive), and was not started" in result["unknown"]["cpu_compare"]


def test_nothing_to_compare(asked, capsys):
    asked({}, state="inactive")
    assert run_module(cpu_compare, capsys, cpus={})["cpu_compare"] == {}
    assert run_module(cpu_compare, capsys, cpus={"host1": None})["unknown"] == {
        "cpu_compare.host1": "its CPU is not known"
    }


def test_no_virsh(capsys, monkeypatch):
    monkeypatch.setattr(client, "asleep", lambda: "")
    monkeypatch.setattr(client, "COMPARE", ("no-such-virsh",))
    assert run_module(cpu_compare, capsys, cpus={"host1": ONE})["unknown"] == {
        "cpu_compare.host1": "no-such-virsh is not installed"
    }
