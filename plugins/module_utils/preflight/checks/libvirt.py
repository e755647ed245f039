# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""libvirt and QEMU: does the one daemon that CloudStack talks to run, do the others reach it, and do guests find the
same QEMU?

A candidate has no certificates yet. The role kvm_host therefore leaves listen_tls at 0 beside LIBVIRTD_ARGS="--listen":
with listen_tls=1 and without certificates libvirtd would not start. So nothing listens on 16514 before the join, and
nothing has to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    FAILED,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
    Registered,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    fact_unavailable,
    odd_ones,
    show,
    split,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.ports import MIGRATION_TLS

LISTEN = re.compile(r"--listen|-[a-z]*l[a-z]*")
SET_UP_WRITES_LISTEN = ("redhat", "suse")  # there cloudstack-setup-agent writes LIBVIRTD_ARGS itself
PREPARE = "run ansible-playbook cloudstack.kvm.prepare_hosts: the role kvm_host "


@check(
    "LIB001",
    "libvirtd does not run as CloudStack needs it",
    area="libvirt",
    severity=ERROR,
    scope=HOST,
    prevents=("F25", "F05"),
    fix=PREPARE + "stops and masks libvirt's sockets and modular daemons, and starts libvirtd.service",
    reproduce="systemctl is-active libvirtd.service 'libvirtd*.socket' 'virt*d.service' 'virt*d*.socket'; "
    "journalctl -u libvirtd -n 20",
)
def daemon(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """libvirtd.service must run, with neither its sockets nor the modular daemons (virtqemud ...) active.

    Started through a socket, libvirtd refuses --listen, leaves after 120 idle seconds and takes its sockets along; the
    modular daemons answer in its place. cloudstack-setup-agent masks them only while they are in use, and the agent
    then does not find libvirt ("Failed to connect socket to '/var/run/libvirt/libvirt-sock'", F25). Sockets that are
    active beside a libvirtd that listens are left over from such a set-up: a warning, they go at the next boot. What
    depends on libvirtd's answers is not asked where it does not run.
    """
    if host.get("libvirt", "masked"):
        return  # LIB009 says so
    host.require("libvirt")  # null where libvirtd is not even installed
    running = host.require("libvirt", "running")
    rivals = sorted([*host.require("libvirt", "sockets_active"), *host.require("libvirt", "modular_active")])
    if running and not rivals:
        return
    left_over = running and _listens(host) and not host.get("libvirt", "modular_active")
    state = "running" if running else "not running"
    yield Problem(
        (host.name,),
        "libvirtd.service running, none of libvirt's sockets and modular daemons active",
        f"libvirtd is {state}; active: {show(rivals)}",
        evidence="" if running or rivals else _why_stopped(host),
        severity=WARNING if left_over else None,
    )


@check(
    "LIB002",
    "Other hosts cannot reach libvirtd",
    area="libvirt",
    severity=ERROR,
    scope=HOST,
    prevents=("F26", "F28"),
    fix=PREPARE + 'writes LIBVIRTD_ARGS="--listen" and restarts libvirtd (which restarts the agent of a joined host)',
    reproduce="tr '\\0' ' ' </proc/$(pidof libvirtd)/cmdline; ss -tln sport = :16514",
)
def listening(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """libvirtd must run with --listen and, on a member, listen on port 16514 for the other hosts.

    On Debian and Ubuntu cloudstack-setup-agent writes libvirtd_opts, which their units do not read: the host comes Up,
    `secured` is false, and the first migration fails after 5 s (F26). On EL and SUSE it writes LIBVIRTD_ARGS itself, so
    there a missing --listen before the join is an information. A candidate needs only --listen: its certificates come
    with the join, and listen_tls is 1 only from then on.
    """
    if (
        not host.get("libvirt", "running")
        or host.get("libvirt", "sockets_active")
        or host.get("libvirt", "modular_active")
    ):
        return  # LIB001 says so
    arguments = " ".join(host.require("libvirt", "args"))
    if not _listens(host):
        repaired_by_join = not host.member and host.get("os", "family") in SET_UP_WRITES_LISTEN
        yield Problem(
            (host.name,),
            "--listen among the arguments of libvirtd",
            arguments,
            severity=INFO if repaired_by_join else None,
        )
    elif host.member and not _answers(host):
        yield Problem(
            (host.name,),
            f"port {MIGRATION_TLS} listening on an address that others reach",
            _without_port(host),
            evidence=f"libvirtd: {arguments}",
        )


@check(
    "LIB003",
    "libvirt or QEMU differs",
    area="libvirt",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F36",),
    fix="install the same version from the same repository on all hosts; in a rolling upgrade, finish it",
    reproduce="libvirtd --version; qemu-system-x86_64 --version",
)
def versions(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Versions of libvirt and QEMU are compared; only another patch level is an information.

    Guests move to a newer QEMU, but not back: state and machine types of the newer one are unknown to the older (F36).
    So a newer host can take guests and cannot be evacuated. Where the candidate even lacks the members' machine types,
    LIB004 reports it.
    """
    skip = {
        name for problem in machine_types(hosts, cluster, policy) if problem.kind == FAILED for name in problem.hosts
    }
    installed = [host for host in hosts if host.name not in skip and not _stopped(host, "version")]
    libvirts, unknowns = split(installed, "libvirt", "version")
    yield from unknowns
    qemus, unknowns = split([host for host in installed if host.name in libvirts], "libvirt", "qemu_version")
    yield from unknowns
    known = (("libvirt", libvirts, "libvirt.version"), ("QEMU", qemus, "libvirt.qemu_version"))
    declared = [
        (name, found, cluster.declared[key]) for name, found, key in known if cluster.declared.get(key) is not None
    ]
    for name, found, wanted in declared:
        yield from odd_ones({host: f"{name} {version}" for host, version in found.items()}, f"{name} {wanted}")
    if not declared:
        yield from _odd_versions(libvirts, qemus, [host.name for host in hosts if host.member])


@check(
    "LIB004",
    "The host lacks the machine types of running guests",
    area="libvirt",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F36", "F54"),
    fix="upgrade QEMU on this host to the version of the cluster before it joins",
    reproduce="virsh capabilities | grep -o '<machine.*pc.*</machine>'",
)
def machine_types(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A candidate must have the machine types that pc and q35 stand for on the members.

    A guest is started as pc or q35 and keeps the versioned type that its first host makes of it, such as pc-q35-7.2. A
    host without that type cannot take it, by migration or by HA (F36): it is older than the cluster. Types that only
    guests from before an upgrade of the members can have are an information. Types that not all members have are the
    members' difference, which LIB003 reports.
    """
    answering = [host for host in hosts if not _stopped(host, "machine_types")]
    types, unknowns = split(answering, "libvirt", "machine_types")
    yield from unknowns
    defaults, unknowns = split(
        [host for host in answering if host.member and host.name in types], "libvirt", "default_machine"
    )
    yield from unknowns
    of_members = [frozenset(types[name]) for name in defaults]
    common = frozenset.intersection(*of_members) if of_members else frozenset()
    current = {machine for aliases in defaults.values() for _alias, machine in aliases} & common
    for host in answering:
        missing = common - set(types.get(host.name, common))
        if missing and not host.member:
            expected = f"{show(current)}, as on {show(sorted(defaults))}"
            severity = None if current & missing else INFO
            yield Problem(
                (host.name,), expected, f"no {show(missing)}", others=tuple(sorted(defaults)), severity=severity
            )


@check(
    "LIB005",
    "Guests run on a host that has not joined",
    area="libvirt",
    severity=ERROR,
    scope=HOST,
    prevents=("F31", "F39"),
    fix="shut these guests down or move them away; import them into CloudStack after the join if they must stay "
    "(importUnmanagedInstance)",
    reproduce="virsh list --all",
)
def domains(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No guest may run on a candidate.

    A running domain that CloudStack does not know was seen to run on after the join, unmanaged, with memory that the
    scheduler gives away a second time; its libvirt network `default` is destroyed by the agent (F31). Older agents
    refused to start because of it (#8040).
    """
    if not host.member and not _stopped(host, "domains") and host.require("libvirt", "domains"):
        yield Problem((host.name,), "no running guests", show(host.require("libvirt", "domains")))


@check(
    "LIB006",
    "Secured and unsecured hosts in one cluster",
    area="libvirt",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F28",),
    fix="secure the hosts that are not: provisionCertificate with reconnect=true, then look at details.secured in "
    "listHosts",
    reproduce="virsh -c qemu+tls://<own address>/system version",
    unknown=WARNING,
)
def secured(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """details.secured of listHosts must be true for all members, because the join secures every new host.

    The source of a migration chooses: qemu+tls if it is secured, qemu+tcp if not
    (LibvirtMigrateCommandWrapper.java:99-104), and the other kind of host does not answer (F28). Where no member is
    secured, the candidate would be the only one, and no guest could come or leave: then it is to blame. A member on
    which nothing listens on 16514 is LIB002's. Needs CloudStack: with the inventory alone nothing is reported.
    """
    profiles = {record.id: host for host in hosts if (record := _record_of(host, cluster))}
    secured = []
    for record in cluster.members:
        host, value = profiles.get(record.id), record.details.get("secured")
        if not (value == "false" and host and _deaf(host)):
            secured.append((host.name if host else record.name, value))
    plain = tuple(sorted(name for name, value in secured if value == "false"))
    safe = tuple(sorted(name for name, value in secured if value == "true"))
    newcomers = tuple(host.name for host in hosts if not host.member)
    for name in sorted(name for name, value in secured if value not in ("true", "false")):
        yield Problem((name,), "details.secured to be known", "unknown: listHosts does not say", kind=UNKNOWN)
    if plain and safe:
        yield Problem(plain, "secured, as the other members", "details.secured is false", others=safe)
    elif plain and newcomers:
        yield Problem(
            newcomers, "secured members", f"none of them is secured: {show(plain)}; a new host will be", others=plain
        )


@check(
    "LIB007",
    "UEFI guests do not start on this host",
    area="libvirt",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F41",),
    fix="install ovmf (Debian, Ubuntu) or edk2-ovmf (EL), and let /etc/cloudstack/agent/uefi.properties name files "
    "that are there (*_4M.fd from Ubuntu 22.04 and Debian 12 on)",
    reproduce="cut -d= -f2 /etc/cloudstack/agent/uefi.properties | xargs ls -l",
)
def uefi(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The firmware package must be there, and each file that uefi.properties names.

    CloudStack only looks whether the package is installed (host.uefi.enable), places UEFI guests there, and they fall
    back to BIOS or do not start where the files are elsewhere (F41). That is an error where another host can run UEFI
    guests, since they exist then; a warning where none can. Without the package CloudStack keeps UEFI guests away: a
    warning if other hosts take them. The file comes with the agent's package, so it is not asked for before that, and
    needs no certificate.
    """
    states = {}
    for host in hosts:
        try:
            if host.get("agent", "present"):
                states[host.name] = _uefi_state(host)
        except FactUnavailable as error:
            yield fact_unavailable(host, error, severity=WARNING)
    works = tuple(name for name, state in states.items() if not state)
    severities = {"broken": ERROR, "off": WARNING} if works else {"broken": WARNING, "off": INFO}
    wanted = "the UEFI firmware, and the files that uefi.properties names"
    for name, state in states.items():
        if state:
            kind, observed = state
            yield Problem((name,), wanted, observed, others=works, severity=severities[kind])


@check(
    "LIB008",
    "VNC default address differs",
    area="libvirt",
    severity=INFO,
    scope=CLUSTER,
    prevents=("F55",),
    fix='set vnc_listen = "0.0.0.0" in /etc/libvirt/qemu.conf of all hosts, and restart libvirtd (which restarts '
    "the agent of a joined host)",
    reproduce="grep ^vnc_listen /etc/libvirt/qemu.conf",
)
def vnc(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """vnc_listen of qemu.conf is compared; without it libvirt listens on 127.0.0.1.

    cloudstack-setup-agent writes 0.0.0.0 on EL and SUSE only (serviceConfig.py:654-660). For guests that CloudStack
    starts this is an information: it names the host's address in the guest's XML (LibvirtStartCommandWrapper). It
    counts for guests that were imported (F55).
    """
    readable = [host for host in hosts if host.get("libvirt") and not _unreadable(host, "libvirt.vnc_listen")]
    values = {host.name: host.get("libvirt", "vnc_listen") or "127.0.0.1 (not set)" for host in readable}
    yield from odd_ones(values, members=[host.name for host in hosts if host.member])


@check(
    "LIB009",
    "libvirtd is masked",
    area="libvirt",
    severity=ERROR,
    scope=HOST,
    prevents=("F25", "F05"),
    fix="systemctl unmask libvirtd.service, then " + PREPARE + "starts it",
    reproduce="systemctl is-enabled libvirtd.service",
)
def masked(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """libvirtd.service must not be masked.

    The agent's unit requires it. cloudstack-setup-agent writes "Unit libvirtd.service is masked." to setup.log, exits
    0, and addHost ends with its generic text after 522 s (F25, F05).
    """
    if host.get("libvirt", "masked"):
        yield Problem((host.name,), "libvirtd.service not masked", "masked")


def _stopped(host: Profile, needs: str) -> bool:
    """Whether a fact is missing because libvirtd is not there or does not run: LIB001 or LIB009 says so."""
    down = host.get("libvirt") is None or host.get("libvirt", "running") is False or bool(host.get("libvirt", "masked"))
    return down and host.get("libvirt", needs) is None


def _listens(host: Profile) -> bool:
    return any(LISTEN.fullmatch(argument) for argument in host.get("libvirt", "args") or ())


def _answers(host: Profile) -> bool:
    """Whether 16514 listens on more than loopback. Raises FactUnavailable."""
    return any(
        each["port"] == MIGRATION_TLS and not each["address"].startswith(("127.", "::1"))
        for each in host.require("listeners")
    )


def _deaf(host: Profile) -> bool:
    """Whether LIB001, LIB002 or LIB009 says that libvirtd does not answer, or that it is not known."""
    try:
        return not host.get("libvirt", "running") or not _listens(host) or not _answers(host)
    except FactUnavailable:
        return True


def _without_port(host: Profile) -> str:
    """What is there instead of the port, with the nearest cause."""
    if _no_certificate(host):
        return "nothing; no certificate in /etc/pki/libvirt"
    return f"nothing; listen_tls={host.get('libvirt', 'listen_tls')} in libvirtd.conf"


def _why_stopped(host: Profile) -> str:
    """The cause that the facts can show. listen_tls is 1 where libvirtd.conf does not set it."""
    tls = host.get("libvirt", "listen_tls") == 1 or (
        host.get("libvirt", "listen_tls") is None and not _unreadable(host, "libvirt.listen_tls")
    )
    if tls and _no_certificate(host):
        return "listen_tls is 1 and there is no certificate yet: with --listen libvirtd does not start"
    return ""


def _no_certificate(host: Profile) -> bool:
    return not host.get("agent", "libvirt_certificate") and not _unreadable(host, "agent.libvirt_certificate")


def _unreadable(host: Profile, path: str) -> bool:
    """Whether the fact is null because it cannot be seen, not because there is none."""
    return path in (host.get("unknown") or {})


def _odd_versions(libvirts: Mapping[str, str], qemus: Mapping[str, str], members: Sequence[str]) -> Iterator[Problem]:
    exact = {name: f"libvirt {libvirts[name]}, QEMU {qemus[name]}" for name in qemus}
    branch = {name: f"libvirt {_branch(libvirts[name])}, QEMU {_branch(qemus[name])}" for name in qemus}
    for problem in odd_ones(branch, members=members):
        yield (
            replace(problem, observed=f"{exact[problem.hosts[0]]}{_direction(problem, libvirts, qemus)}")
            if problem.kind == FAILED
            else problem
        )
    if len(set(branch.values())) == 1:
        yield from odd_ones(exact, members=members, severity=INFO)


def _branch(version: str) -> str:
    """Major and minor: 9.0 of 9.0.0."""
    return ".".join(str(version).split(".")[:2])


def _direction(problem: Problem, libvirts: Mapping[str, str], qemus: Mapping[str, str]) -> str:
    if not problem.others:
        return ""
    mine, theirs = problem.hosts[0], problem.others[0]
    versions = {name: (_numbers(qemus[name]), _numbers(libvirts[name])) for name in (mine, theirs)}
    if versions[mine] > versions[theirs]:
        return ": newer; guests can come, those that start here may not go back"
    return ": older; guests of the newer hosts may not come"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(version)))


def _uefi_state(host: Profile) -> Optional[tuple[str, str]]:
    """None where UEFI guests start; else broken (CloudStack would place them) or off, and what was seen. Raises
    FactUnavailable.
    """
    if not host.require("uefi", "firmware"):
        return "off", "no UEFI firmware is installed"
    if not host.require("uefi", "configured"):
        return "off", "uefi.properties names no files"
    missing = host.require("uefi", "missing")
    return ("broken", f"missing: {show(missing)}") if missing else None


def _record_of(host: Profile, cluster: Cluster) -> Optional[Registered]:
    """The host of this cluster in CloudStack that this member is: by its address, else by its name."""
    records = cluster.members if host.member else ()
    by_address = [record for record in records if record.address == host.declared.get("address")]
    by_name = [record for record in records if record.name == host.name]
    return next(iter(by_address + by_name), None)
