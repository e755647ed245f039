# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""CPU, memory and KVM of the machine."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_answers import (
    parsed,
    read_and_parsed,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import cpu_speed, system
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.libvirt_xml import parse_tsc_mhz

KVM = "/dev/kvm"
CPU = "/sys/devices/system/cpu"
NODES = "/sys/devices/system/node"
HUGEPAGES = "/sys/kernel/mm/hugepages"
KSM = "/sys/kernel/mm/ksm"


def commands(_user: str) -> dict[str, Sequence[str]]:
    """What is to be asked for. Without the device, kvm-ok loads the module msr to find out why: a look must not change
    the host."""
    return {"lscpu": ("lscpu", "-J"), **({"kvm-ok": ("kvm-ok",)} if os.path.exists(KVM) else {})}


def collect(answers: Mapping[str, Answer], unknown: dict[str, str], _user: str) -> dict[str, Any]:
    """cpu, memory and kvm, as documented by the module kvm_host_facts."""
    return {
        "cpu": _cpu(answers, unknown),
        "memory": _memory(unknown),
        "kvm": {"device": os.path.exists(KVM), "kvm_ok": _kvm_ok(answers, unknown), "nested": _nested(unknown)},
    }


def _cpu(answers: Mapping[str, Answer], unknown: dict[str, str]) -> Optional[dict[str, Any]]:
    cpu = parsed("cpu", answers["lscpu"], system.parse_lscpu, unknown)
    if cpu is None:
        return None
    now = system.parse_cpuinfo(fact_files.read_or_none("/proc/cpuinfo") or "")
    if now["microcode"] is None:
        unknown["cpu.microcode"] = "/proc/cpuinfo does not tell it"
    return {
        **cpu,
        "mhz": cpu["mhz"] or now["mhz"],
        "microcode": now["microcode"],
        "smt": read_and_parsed("cpu.smt", f"{CPU}/smt/control", str.strip, unknown),
        "mitigations": _mitigations(unknown),
        "agent_mhz": _agent_mhz(answers, unknown, cpu["flags"]),
    }


def _mitigations(unknown: dict[str, str]) -> Optional[dict[str, str]]:
    folder = f"{CPU}/vulnerabilities"
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        unknown["cpu.mitigations"] = f"{folder}: {error.strerror}"
        return None
    return {name: (fact_files.read_or_none(f"{folder}/{name}") or "").strip() for name in names}


def _agent_mhz(answers: Mapping[str, Answer], unknown: dict[str, str], flags: Sequence[str]) -> Optional[int]:
    """What the agent will find, in its own order. host.cpu.manual.speed.mhz of agent.properties, which spares it the
    search, is not looked at."""
    found: Optional[int] = cpu_speed.lscpu_mhz(answers["lscpu"].stdout)
    for name in ("base_frequency", "scaling_max_freq"):
        found = found or cpu_speed.cpufreq_mhz(fact_files.read_or_none(f"{CPU}/cpu0/cpufreq/{name}") or "")
    if (
        not found and "nonstop_tsc" in flags
    ):  # libvirt asks KVM for the counter's frequency, on CPUs with an invariant one only
        found = _tsc_mhz(answers, unknown)
        if found is None:
            return None
    found = found or cpu_speed.libvirt_mhz(fact_files.read_or_none("/proc/cpuinfo") or "", platform.machine())
    if not found:
        unknown["cpu.agent_mhz"] = "neither lscpu nor cpufreq nor libvirt tells it: the agent would report 0 MHz"
    return found or None


def _tsc_mhz(answers: Mapping[str, Answer], unknown: dict[str, str]) -> Optional[int]:
    if "capabilities" in answers:
        return parsed("cpu.agent_mhz", answers["capabilities"], parse_tsc_mhz, unknown)
    unknown["cpu.agent_mhz"] = "only libvirtd knows the frequency of the time stamp counter, and it is not running"
    return None


def _memory(unknown: dict[str, str]) -> Optional[dict[str, Any]]:
    memory = read_and_parsed("memory", "/proc/meminfo", system.parse_meminfo, unknown)
    return {**memory, "numa": _numa(unknown), "hugepages": _hugepages(), "ksm": _ksm()} if memory else None


def _ksm() -> Optional[dict[str, str]]:
    """Whether the kernel merges equal pages (run: 0 off, 1 on, 2 unmerging), None for one without KSM."""
    run = fact_files.read_or_none(f"{KSM}/run")
    return None if run is None else {"run": run.strip()}


def _numa(unknown: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "node": node,
            "total_bytes": read_and_parsed(
                f"memory.numa.{node}", f"{NODES}/node{node}/meminfo", system.parse_node_memory, unknown
            ),
            "cpus": read_and_parsed(f"memory.numa.{node}", f"{NODES}/node{node}/cpulist", str.strip, unknown),
        }
        for node in _numbers(NODES, r"node([0-9]+)")
    ]


def _hugepages() -> list[dict[str, Any]]:
    def count(kib: int, name: str) -> Optional[int]:
        text = (fact_files.read_or_none(f"{HUGEPAGES}/hugepages-{kib}kB/{name}") or "").strip()
        return int(text) if text.isdecimal() else None

    sizes = _numbers(HUGEPAGES, r"hugepages-([0-9]+)kB")
    return [
        {"size_bytes": kib * 1024, "total": count(kib, "nr_hugepages"), "free": count(kib, "free_hugepages")}
        for kib in sizes
    ]


def _numbers(folder: str, pattern: str) -> list[int]:
    """The numbers in the names of a folder, none without the folder."""
    try:
        matches = [re.fullmatch(pattern, name) for name in os.listdir(folder)]
    except OSError:
        return []
    return sorted(int(match[1]) for match in matches if match)


def _kvm_ok(answers: Mapping[str, Answer], unknown: dict[str, str]) -> Optional[bool]:
    answer = answers.get("kvm-ok")
    if answer is None:
        unknown["kvm.kvm_ok"] = f"kvm-ok was not asked, because {KVM} is missing and it would load the module msr then"
    elif answer.status is None:
        unknown["kvm.kvm_ok"] = answer.why()
    return answer.ok if answer is not None and answer.status is not None else None


def _nested(unknown: dict[str, str]) -> Optional[str]:
    for name in ("kvm_intel", "kvm_amd", "kvm"):
        found = fact_files.read_or_none(f"/sys/module/{name}/parameters/nested")
        if found is not None:
            return found.strip()
    unknown["kvm.nested"] = "neither kvm_intel nor kvm_amd is loaded"
    return None
