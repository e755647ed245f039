# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processor: can the host run guests, and can guests move between it and the others?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.cpu_relation import (
    VERDICTS,
    Relation,
    asked,
    host_model,
    relate,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.tolerances import near
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    FAILED,
    INFO,
    UNDECIDED,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    fact_unavailable,
    odd_ones,
    same,
    show,
    split,
)

VULNERABLE = re.compile(r"(KVM: )?(Vulnerable|Processor vulnerable)")
GUEST_CPU = ("guest.cpu.mode", "guest.cpu.model", "guest.cpu.features")
PASSTHROUGH, HOST_MODEL, CUSTOM = "host-passthrough", "host-model", "custom"
COMMON_CPU = (
    "set guest.cpu.mode: custom and guest.cpu.model to a model that all hosts have (virsh hypervisor-cpu-baseline) in "
    "cloudstack_agent_properties of all hosts, or put this host into a cluster of its own CPU"
)


@check(
    "CPU001",
    "CPU architecture differs from the cluster's",
    area="cpu",
    severity=BLOCKER,
    scope=CLUSTER,
    prevents=("F12",),
    fix="put the host into a cluster of its architecture (cloudstack_cluster), or correct cluster_arch if the "
    "cluster is still empty",
    reproduce="uname -m",
)
def architecture(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """`uname -m` is compared with the architecture of the cluster in CloudStack (x86_64 unless it was set), else
    between the hosts.

    Since 4.20 the management server refuses an agent of another architecture when it connects
    (AgentManagerImpl.java:1467-1475), and addHost ends with its generic text (F12).
    """
    values, unknowns = split(hosts, "arch")
    yield from unknowns
    members = [host.name for host in hosts if host.member]
    for problem in odd_ones(values, cluster.arch or cluster.declared.get("arch"), members=members):
        yield replace(problem, expected=f"{cluster.arch}, as the cluster") if cluster.arch else problem


@check(
    "CPU002",
    "CPU vendor differs",
    area="cpu",
    severity=BLOCKER,
    scope=CLUSTER,
    prevents=("F35",),
    fix="put the host into a cluster of its CPU vendor (cloudstack_cluster)",
    reproduce="lscpu | grep 'Vendor ID'",
)
def vendor(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """All hosts of a cluster must have the same CPU vendor.

    Live migration between Intel and AMD is supported by neither QEMU nor libvirt, with whatever guest CPU. CloudStack
    compares nothing (LibvirtServerDiscoverer.java), adds the host, and fails at the first evacuation (F35).
    """
    other = {name for problem in architecture(hosts, cluster, policy) for name in problem.hosts}
    yield from same([host for host in hosts if host.name not in other], cluster, "cpu", "vendor")


@check(
    "CPU003",
    "KVM cannot be used",
    area="cpu",
    severity=BLOCKER,
    scope=HOST,
    prevents=("F03", "F05"),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts: the role kvm_host installs cpu-checker; if kvm-ok still "
    "fails, enable VT-x or AMD-V in the firmware",
    reproduce="ls -l /dev/kvm; kvm-ok",
)
def kvm(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """/dev/kvm must be there and, on Debian and Ubuntu, `kvm-ok` (package cpu-checker) must be there and succeed.

    Without /dev/kvm addHost answers "This machine does not have KVM enabled." after 5 s. With kvm-ok missing or
    failing, cloudstack-setup-agent stops, still exits 0, and the generic text comes after 402 s (F03, F05;
    utilities.py:234-235). On a host that has joined a missing kvm-ok is a warning: only the next renewal of its
    certificate runs cloudstack-setup-agent again.
    """
    if not host.require("kvm", "device"):
        flag = host.get("cpu", "virtualisation")
        fix = (
            "load kvm_intel or kvm_amd (modprobe), and see in dmesg why it was not loaded"
            if flag
            else "enable VT-x or AMD-V in the firmware"
        )
        yield Problem(
            (host.name,), "/dev/kvm", "no /dev/kvm", evidence=f"CPU flag: {flag or 'neither vmx nor svm'}", fix=fix
        )
    elif host.require("os", "family") == "debian" and not host.get("kvm", "kvm_ok"):
        missing = "kvm-ok" in (host.get("programs") or {}) and not host.get("programs", "kvm-ok")
        if not missing:
            host.require("kvm", "kvm_ok")
        observed = "kvm-ok is not installed" if missing else "kvm-ok fails"
        yield Problem(
            (host.name,), "kvm-ok to succeed", observed, severity=WARNING if missing and host.member else None
        )


@check(
    "CPU004",
    "Guests cannot move between the CPUs of the cluster",
    area="cpu",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F35",),
    fix=COMMON_CPU,
    reproduce="virsh domcapabilities | sed -n \"/mode name='host-model'/,/<.mode>/p\"; grep guest.cpu "
    "/etc/cloudstack/agent/agent.properties",
)
def guest_cpu(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Each candidate's CPU is compared with that of every member; without members the CPU of most candidates is the
    rule.

    libvirt's own answer (`virsh hypervisor-cpu-compare`) counts where it was asked, else the features of the host-model
    CPU that libvirt offers, else the flags of the kernel. Verdicts: identical; superset (guests of the members can
    come, guests started here may not go back); incompatible, with the features that are missing.

    What it means is decided by guest.cpu.mode of the agents (F35):

    - not set, CloudStack's default: guests get QEMU's default CPU, which every host has. Migration between two CPU
      models was seen to work. Reported as an info only.
    - custom: guests get one named model. A warning if the candidate lacks features, because it may lack some of that
      model.
    - host-model: guests get the model and the features of the host they start on. Incompatible is an error, a superset
      a warning.
    - host-passthrough: guests see the whole CPU, and libvirt does not check it. Everything but identical is an error.
    """
    other = _names([*architecture(hosts, cluster, policy), *vendor(hosts, cluster, policy)])
    alike = [host for host in hosts if host.name not in other]
    guests, standing = _guests_of(alike), [host for host in alike if host.member]
    if not standing:
        standing, ties = _most_common(alike, guests)
        yield from ties
    found = list(_newcomers_compared(alike, standing, guests)) if standing else []
    serious = _names([problem for problem in found if problem.severity != INFO])
    undeclared = _other_model([host for host in alike if host.name not in serious], cluster)
    told = _names(undeclared)
    yield from (problem for problem in found if not told & set(problem.hosts))
    yield from undeclared


def _other_model(hosts: Iterable[Profile], cluster: Cluster) -> list[Problem]:
    """Hosts that have another CPU model than the declared one, if one is declared."""
    wanted = cluster.declared.get("cpu.model")
    models = {host.name: host.get("cpu", "model") for host in hosts}
    return list(odd_ones(models, wanted, severity=WARNING)) if wanted else []


def _names(problems: Iterable[Problem]) -> set[str]:
    return {name for problem in problems for name in problem.hosts}


def _newcomers_compared(alike: Sequence[Profile], standing: Sequence[Profile], guests: _Guests) -> Iterator[Problem]:
    settled = {host.name for host in standing}
    kinds = _kinds(alike)
    for host in alike:
        if not host.member and host.name not in settled:
            yield from _compared(host, standing, kinds, guests)


@check(
    "CPU005",
    "Microcode differs between hosts of one CPU model",
    area="cpu",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F35",),
    fix="bring all hosts to the same package amd64-microcode, intel-microcode or microcode_ctl, or to the same "
    "firmware, and reboot them",
    reproduce="grep -m1 microcode /proc/cpuinfo",
)
def microcode(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The microcode revision is compared between hosts with the same family, model and stepping (x86 only).

    An update adds and removes CPU features (kubevirt/kubevirt#12519, kubevirt/kubevirt#16386), so that guests with
    host-model or host-passthrough can no longer move (F35), and the hosts are protected against different attacks.
    """
    for group in _by_cpu(host for host in hosts if host.get("arch") == "x86_64"):
        yield from same(group, cluster, "cpu", "microcode")


@check(
    "CPU006",
    "SMT or CPU mitigations differ between hosts of one CPU model",
    area="cpu",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F35", "F37"),
    fix="use the same kernel command line (mitigations=, nosmt) and the same firmware setting for SMT on all hosts",
    reproduce="cat /sys/devices/system/cpu/smt/control; grep . /sys/devices/system/cpu/vulnerabilities/*",
)
def mitigations(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """SMT, and the attacks that the kernel calls itself vulnerable to, are compared between hosts with the same family,
    model and stepping.

    CloudStack counts threads as CPUs: a host without SMT offers half as many. A mitigation that is off on one host
    changes the features that guests see there (spec-ctrl, ssbd, md-clear; F35), and the speed. How a kernel words its
    mitigation does not matter.
    """
    members = [host.name for host in hosts if host.member]
    for group in _by_cpu(hosts):
        smt, unknowns = split(group, "cpu", "smt")
        yield from unknowns
        words = {name: f"SMT {value}".replace("forceoff", "off") for name, value in smt.items()}
        yield from odd_ones(words, members=members)
        known, unknowns = split([host for host in group if host.name in smt], "cpu", "mitigations")
        yield from unknowns
        yield from odd_ones({name: _flaws(value) for name, value in known.items()}, members=members)


def _flaws(mitigations_by_flaw: Iterable[tuple[str, str]]) -> str:
    return "vulnerable to " + show([flaw for flaw, text in mitigations_by_flaw if VULNERABLE.match(text)])


@check(
    "CPU007",
    "The agent will report another CPU speed",
    area="cpu",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F37",),
    fix="set the firmware's power profile to OS control, or host.cpu.manual.speed.mhz in cloudstack_agent_properties "
    "of all hosts (after the join: cloudstack-setup-agent removes host.* keys)",
    reproduce="lscpu | grep MHz; cat /sys/devices/system/cpu/cpu0/cpufreq/base_frequency",
    unknown=INFO,
)
def speed(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The speed that the agent will detect (or host.cpu.manual.speed.mhz of a member) is compared between hosts of one
    CPU model.

    The agent takes the first of: GHz in the model name, `CPU max MHz` of lscpu, base_frequency, scaling_max_freq, TSC
    (KVMHostInfo.java:117-206). A power profile or a driver changes the answer, the host offers fewer MHz, and guests
    are not placed there (F37). Where all of these find nothing, as in a virtual machine, the agent takes libvirt's
    number, which was seen to be harmless.
    """
    members = [host.name for host in hosts if host.member]
    for group in _by_cpu(hosts):
        found, unknowns = split([host for host in group if not _manual_speed(host)], "cpu", "agent_mhz")
        yield from unknowns
        found.update({host.name: _manual_speed(host) for host in group if _manual_speed(host)})
        for problem in odd_ones(
            near(found, policy.cpu_mhz_difference_max_percent), cluster.declared.get("cpu.agent_mhz"), members=members
        ):
            yield replace(problem, expected=f"MHz: {problem.expected}", observed=f"MHz: {problem.observed}")


@check(
    "CPU008",
    "Guests get another CPU on this host",
    area="cpu",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F35",),
    fix="set the same guest.cpu.mode, guest.cpu.model and guest.cpu.features in cloudstack_agent_properties of all "
    "hosts",
    reproduce="grep guest.cpu /etc/cloudstack/agent/agent.properties",
)
def guest_settings(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """guest.cpu.mode, guest.cpu.model and guest.cpu.features of agent.properties must be equal on all hosts.

    A guest gets the CPU of the host on which it starts. With different settings it sees another CPU after a stop and a
    start, and whether it can move depends on where it was started (F35). cloudstack-setup-agent leaves these keys
    alone, so those of a candidate count.
    """
    values = {}
    for host in hosts:
        try:
            values[host.name] = (
                ", ".join(f"{key}={value}" for key, value in _guest_settings(host).items()) or "none of guest.cpu.*"
            )
        except FactUnavailable as error:
            yield fact_unavailable(host, error)
    yield from odd_ones(values, members=[host.name for host in hosts if host.member])


@dataclass(frozen=True)
class _Guests:
    """What guests see of the CPU: guest.cpu.mode ("" is not set) to the hosts that use it, and where it could not be
    seen.
    """

    modes: Mapping[str, Sequence[str]]
    unknowns: Sequence[FactUnavailable]

    def weigh(self, verdict: str) -> str:
        """Severity follows consequence, and that is decided by what guests see of the host's CPU."""
        if verdict == "identical":
            return INFO
        if self.unknowns or PASSTHROUGH in self.modes:
            return ERROR
        if HOST_MODEL in self.modes:
            return ERROR if verdict == "incompatible" else WARNING
        return WARNING if CUSTOM in self.modes and verdict == "incompatible" else INFO

    def __str__(self) -> str:
        if self.unknowns:
            return f"guest.cpu.mode is not known: {self.unknowns[0].why}"
        if set(self.modes) == {""}:
            return "guest.cpu.mode is set nowhere: guests get QEMU's default CPU, which all hosts have"
        return "; ".join(
            f"guest.cpu.mode={mode or 'not set'} on {show(names)}" for mode, names in sorted(self.modes.items())
        )


def _by_cpu(hosts: Iterable[Profile]) -> list[list[Profile]]:
    """Hosts with the same CPU model together. What is not known about the CPU is a group of its own."""
    groups: dict[tuple, list[Profile]] = {}
    for host in hosts:
        groups.setdefault(
            tuple(host.get("cpu", key) for key in ("vendor", "family", "model_id", "stepping", "model")), []
        ).append(host)
    return list(groups.values())


def _manual_speed(host: Profile) -> int:
    """host.cpu.manual.speed.mhz of a member, 0 without one: the join removes it on a candidate."""
    value = str((host.get("agent", "properties") or {}).get("host.cpu.manual.speed.mhz") or "")
    return int(value) if host.member and value.isdigit() else 0


def _guest_settings(host: Profile) -> dict[str, str]:
    """The guest.cpu.* keys that are set: what the inventory declares for a candidate, else what its agent.properties
    says.
    """
    properties = host.require("agent", "properties") if host.get("agent", "present") is not False else {}
    found = {key: str(properties[key]) for key in GUEST_CPU if properties.get(key)}
    if host.declared.get("guest_cpu_mode") and not (host.member and properties):
        found["guest.cpu.mode"] = str(host.declared.get("guest_cpu_mode"))
    return found


def _guests_of(hosts: Iterable[Profile]) -> _Guests:
    modes: dict[str, list[str]] = {}
    unknowns = []
    for host in hosts:
        try:
            modes.setdefault(_guest_settings(host).get("guest.cpu.mode", ""), []).append(host.name)
        except FactUnavailable as error:
            unknowns.append(error)
    return _Guests(modes, unknowns)


def _most_common(hosts: Sequence[Profile], guests: _Guests) -> tuple[list[Profile], list[Problem]]:
    """The hosts with the CPU of more than half of all; where there is none, that problem."""
    groups = sorted(_by_cpu(hosts), key=len)
    if not groups or len(groups[-1]) * 2 > len(hosts):
        return (groups[-1] if groups else []), []
    severity = guests.weigh("incompatible")
    observed = "; ".join(map(_model_and_hosts, groups))
    expected = f"one CPU model on more than half of the hosts, or one declared as cpu.model ({guests})"
    return [], [Problem(tuple(host.name for host in hosts), expected, observed, kind=UNDECIDED, severity=severity)]


def _model_and_hosts(group: Sequence[Profile]) -> str:
    return f"{show(group[0].get('cpu', 'model'))} on {show([host.name for host in group])}"


def _kinds(hosts: Iterable[Profile]) -> dict[str, int]:
    """Hosts whose CPUs cannot be told apart get the same number."""
    numbers: dict[tuple, int] = {}
    return {
        host.name: numbers.setdefault((host_model(host), frozenset(host.get("cpu", "flags") or ())), len(numbers))
        for host in hosts
    }


def _compared(
    candidate: Profile, standing: Sequence[Profile], kinds: Mapping[str, int], guests: _Guests
) -> Iterator[Problem]:
    """The worst of what this candidate is to the others, as one problem."""
    groups: dict[tuple, list[Profile]] = {}
    for host in standing:
        groups.setdefault((asked(candidate, host), asked(host, candidate), kinds[host.name]), []).append(host)
    found = []
    for group in groups.values():
        try:
            relation = relate(candidate, group[0])
        except FactUnavailable as error:
            yield fact_unavailable(candidate, error, severity=guests.weigh("incompatible"))
            return
        if relation.verdict != "identical" or candidate.get("cpu", "model") != group[0].get("cpu", "model"):
            found.append((relation, group))
    if found:
        worst, against = max(found, key=lambda item: VERDICTS.index(item[0].verdict))
        yield _tell(candidate, worst, against, guests)


def _tell(candidate: Profile, relation: Relation, against: Sequence[Profile], guests: _Guests) -> Problem:
    others = tuple(host.name for host in against)
    models = f"{show(candidate.get('cpu', 'model'))} here, {show(against[0].get('cpu', 'model'))} there"
    consequence, fix, kind = relation.movement, "", UNKNOWN if guests.unknowns else FAILED
    if guests.weigh(relation.verdict) == INFO:
        consequence = "no guest sees the difference"
        fix, kind = "nothing to do as long as guest.cpu.mode stays as it is", FAILED
    return Problem(
        (candidate.name,),
        expected=f"a CPU that runs the guests of {show(others)} ({guests})",
        observed=f"{relation}; {consequence}",
        evidence=f"{models}; {relation.source}",
        others=others,
        severity=guests.weigh(relation.verdict),
        fix=fix,
        kind=kind,
    )
