# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU, memory and KVM: in which order the agent's speed is looked for, and what is said where nothing can be seen."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import cpu_facts

NO_SPEED = {"Vendor ID:": "AuthenticAMD", "Flags:": "svm"}
TSC = "<capabilities><host><cpu><counter name='tsc' frequency='2450000000' scaling='yes'/></cpu></host></capabilities>"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of files: path below /sys -> text. Returns its facts and the reasons."""
    for name in ("CPU", "NODES", "HUGEPAGES", "KSM"):
        monkeypatch.setattr(cpu_facts, name, str(tmp_path / name.lower()))
    monkeypatch.setattr(cpu_facts, "KVM", str(tmp_path / "kvm"))
    monkeypatch.setattr(cpu_facts.platform, "machine", lambda: "x86_64")

    def collect(files=None, fields=None, **answers):
        for path, content in (files or {}).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        answers = {
            "lscpu": json.dumps(
                {"lscpu": [{"field": key, "data": value} for key, value in (fields or NO_SPEED).items()]}
            ),
            **answers,
        }
        unknown = {}
        given = {name: said if isinstance(said, Answer) else Answer((name,), 0, said) for name, said in answers.items()}
        return cpu_facts.collect(given, unknown, "root"), unknown

    return collect


INVARIANT = {**NO_SPEED, "Flags:": "svm nonstop_tsc"}
BASE, SCALING = {"cpu/cpu0/cpufreq/base_frequency": "2400000\n"}, {"cpu/cpu0/cpufreq/scaling_max_freq": "3500000\n"}


@pytest.mark.parametrize(
    ("files", "fields", "answers", "mhz"),
    [
        (
            {**BASE, **SCALING},
            {**INVARIANT, "Model name:": "Xeon @ 2.60GHz", "CPU max MHz:": "3700"},
            {"capabilities": TSC},
            2600,
        ),
        (
            {**BASE, **SCALING},
            {**INVARIANT, "Model name:": "EPYC", "CPU max MHz:": "3700"},
            {"capabilities": TSC},
            3700,
        ),
        ({**BASE, **SCALING}, INVARIANT, {"capabilities": TSC}, 2400),
        (SCALING, INVARIANT, {"capabilities": TSC}, 3500),
        ({}, INVARIANT, {"capabilities": TSC}, 2450),
    ],
)
def test_the_agents_order(machine, files, fields, answers, mhz):
    found, unknown = machine(files, fields, **answers)
    assert found["cpu"]["agent_mhz"] == mhz
    assert "cpu.agent_mhz" not in unknown


def test_the_last_resort_is_libvirts_number(machine, monkeypatch):
    monkeypatch.setattr(
        cpu_facts.fact_files, "read_or_none", lambda path: "cpu MHz : 2596.119\n" if path == "/proc/cpuinfo" else None
    )
    assert machine()[0]["cpu"]["agent_mhz"] == 2596
    assert machine(fields=INVARIANT, capabilities="<capabilities/>")[0]["cpu"]["agent_mhz"] == 2596
    found, unknown = machine(fields=INVARIANT)
    assert found["cpu"]["agent_mhz"] is None
    assert "it is not running" in unknown["cpu.agent_mhz"]
    found, unknown = machine(fields=INVARIANT, capabilities=Answer(("virsh",), 1, stderr="error: no connection"))
    assert unknown["cpu.agent_mhz"] == "`virsh` ended with 1: error: no connection"


def test_no_speed_at_all(machine, monkeypatch):
    monkeypatch.setattr(cpu_facts.fact_files, "read_or_none", lambda _path: None)
    found, unknown = machine()
    assert found["cpu"]["agent_mhz"] is None
    assert "0 MHz" in unknown["cpu.agent_mhz"]
    assert found["cpu"]["microcode"] is None
    assert "cpu.microcode" in unknown


def test_smt_mitigations_numa_and_hugepages(machine):
    files = {
        "cpu/smt/control": "on\n",
        "cpu/vulnerabilities/meltdown": "Not affected\n",
        "cpu/vulnerabilities/mds": "Vulnerable\n",
    }
    for node in (0, 1, 10):
        files.update(
            {
                f"nodes/node{node}/meminfo": f"Node {node} MemTotal: {node + 1} kB\n",
                f"nodes/node{node}/cpulist": "0-3\n",
            }
        )
    files.update(
        {
            "hugepages/hugepages-2048kB/nr_hugepages": "8\n",
            "hugepages/hugepages-2048kB/free_hugepages": "6\n",
            "ksm/run": "1\n",
            "nodes/online": "0\n",
        }
    )
    found, _unknown = machine(files)
    assert (found["cpu"]["smt"], found["cpu"]["mitigations"]) == (
        "on",
        {"mds": "Vulnerable", "meltdown": "Not affected"},
    )
    assert found["memory"]["numa"] == [
        {"node": node, "total_bytes": (node + 1) * 1024, "cpus": "0-3"} for node in (0, 1, 10)
    ]
    assert found["memory"]["hugepages"] == [{"size_bytes": 2097152, "total": 8, "free": 6}]
    assert found["memory"]["ksm"] == {"run": "1"}


def test_a_machine_that_tells_nothing(machine):
    found, unknown = machine({"nodes/node0/cpulist": "0\n"})
    assert (found["cpu"]["smt"], found["cpu"]["mitigations"]) == (None, None)
    assert found["memory"]["numa"] == [{"node": 0, "total_bytes": None, "cpus": "0"}]
    assert (found["memory"]["hugepages"], found["memory"]["ksm"]) == ([], None)
    assert {"cpu.smt", "cpu.mitigations", "memory.numa.0"} <= set(unknown)


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (Answer(("kvm-ok",), 0, "KVM acceleration can be used\n"), True, None),
        (Answer(("kvm-ok",), 1, "KVM acceleration can NOT be used\n"), False, None),
        (Answer(("kvm-ok",), None, problem="kvm-ok is not installed"), None, "kvm-ok is not installed"),
    ],
)
def test_kvm_ok(machine, answer, expected, reason):
    found, unknown = machine({"kvm": ""}, **{"kvm-ok": answer})
    assert (found["kvm"]["device"], found["kvm"]["kvm_ok"]) == (True, expected)
    assert unknown.get("kvm.kvm_ok") == reason


def test_kvm_ok_is_not_run_where_it_would_load_a_module(machine, tmp_path):
    assert "kvm-ok" not in cpu_facts.commands("root")
    found, unknown = machine()
    assert (found["kvm"]["device"], found["kvm"]["kvm_ok"]) == (False, None)
    assert "module msr" in unknown["kvm.kvm_ok"]
    (tmp_path / "kvm").touch()
    assert cpu_facts.commands("root")["kvm-ok"] == ("kvm-ok",)
