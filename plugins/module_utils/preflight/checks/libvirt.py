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
from dataclasses import dataclass, replace
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.libvirtd_keys import (
    NUMBERS_AND_TEXTS,
    wrong_types,
)
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
DROPPED_FIX = (
    "stop and start the guests that run with these machine types (a stop and a start give them the current type; a "
    "reboot inside the guest does not), or keep them in a cluster whose QEMU still has the types; guests that are "
    "stopped do not matter"
)
# What cloudstack-setup-agent writes into libvirtd.conf itself, whatever stands there (serviceConfig.py:607-622).
WRITTEN_BY_SET_UP = (
    "listen_tcp",
    "listen_tls",
    "key_file",
    "cert_file",
    "ca_file",
    "tcp_port",
    "tls_port",
    "auth_tcp",
    "auth_tls",
)
EVERYWHERE = ("", "0.0.0.0", "::")


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
    active beside a libvirtd that listens are left over from such a set-up: a warning, they go at the next boot.

    Severity is what the join makes of it. A candidate whose libvirtd is only stopped comes Up all the same (seen:
    stopped and disabled, Up after 239 s): cloudstack-setup-agent starts it, writes listen_tls and its neighbours anew,
    and masks the sockets, so that is a warning. It stays an error where libvirtd has failed, where libvirtd.conf has a
    line that the set-up leaves as it is, and where nothing passes --listen once the sockets are gone. What depends on
    libvirtd's answers is not asked where it does not run.
    """
    if host.get("libvirt", "masked"):
        return  # LIB009 says so
    host.require("libvirt")  # null where libvirtd is not even installed
    running = host.require("libvirt", "running")
    rivals = sorted([*host.require("libvirt", "sockets_active"), *host.require("libvirt", "modular_active")])
    if running and not rivals:
        return
    state = "running" if running else "not running"
    yield Problem(
        (host.name,),
        "libvirtd.service running, none of libvirt's sockets and modular daemons active",
        f"libvirtd is {state}; active: {show(rivals)}",
        evidence="" if running else _why_stopped(host),
        severity=_weight_of_daemon(host, running=running),
        fix=_fix_of_file(host) if not running and configuration_errors(host) else "",
    )


def _weight_of_daemon(host: Profile, *, running: bool) -> Optional[str]:
    """WARNING for what the join repairs by itself, None for the error that it is else."""
    if host.get("libvirt", "modular_active"):
        return None
    if host.get("libvirt", "sockets_active"):
        left_over = running and _listens(host)
        return WARNING if left_over or (not host.member and _will_listen(host)) else None
    failed = host.get("units", "libvirtd.service", "active") == "failed"
    stays = any(not each.repaired for each in configuration_errors(host))
    return None if host.member or failed or stays else WARNING


def _will_listen(host: Profile) -> bool:
    """Whether libvirtd gets --listen when the join has masked its sockets: as the running one has it, else as the
    unit's file of settings says.
    """
    if host.get("os", "family") in SET_UP_WRITES_LISTEN:
        return True
    words = host.get("libvirt", "args") or host.get("libvirt", "configured_args") or ()
    return any(LISTEN.fullmatch(word) for word in words)


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
    with the join, and listen_tls is 1 only from then on. Where libvirtd is stopped, and the join will start it,
    LIBVIRTD_ARGS of the unit's file counts. listen_addr of libvirtd.conf, which the join does not touch, must be an
    address that other hosts reach.
    """
    if host.get("libvirt", "sockets_active") or host.get("libvirt", "modular_active"):
        return  # LIB001 says so
    if not host.get("libvirt", "running"):
        yield from _will_not_listen(host)
        return
    arguments = " ".join(host.require("libvirt", "args"))
    if not _listens(host):
        repaired_by_join = not host.member and host.get("os", "family") in SET_UP_WRITES_LISTEN
        yield Problem(
            (host.name,),
            "--listen among the arguments of libvirtd",
            arguments,
            severity=INFO if repaired_by_join else None,
        )
    elif _wrong_listen_address(host):
        yield Problem(
            (host.name,),
            f"listen_addr of libvirtd.conf not set, or {host.declared.get('address') or 'the management address'}",
            f'listen_addr = "{host.get("libvirt", "listen_addr")}"',
            fix="remove listen_addr from /etc/libvirt/libvirtd.conf and restart libvirtd (which restarts the agent of "
            "a joined host)",
        )
    elif host.member and not _answers(host):
        yield Problem(
            (host.name,),
            f"port {MIGRATION_TLS} listening on an address that others reach",
            _without_port(host),
            evidence=f"libvirtd: {arguments}",
        )


def _will_not_listen(host: Profile) -> Iterator[Problem]:
    """A candidate whose libvirtd is stopped (LIB001), and will not listen when the join has started it."""
    words = host.get("libvirt", "configured_args")
    if host.member or host.get("libvirt", "masked") or host.get("libvirt", "running") is None or words is None:
        return
    if not _will_listen(host):
        observed = f"LIBVIRTD_ARGS is {' '.join(words) or 'not set'}"
        yield Problem((host.name,), "--listen in LIBVIRTD_ARGS, for the start of libvirtd by the join", observed)


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
    reproduce="virsh capabilities | grep -o '<machine.*pc.*</machine>'; virsh dumpxml GUEST | grep machine=",
)
def machine_types(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A candidate must have the machine types that pc and q35 stand for on the members, and every host those that the
    guests of the other hosts run with.

    A guest is started as pc or q35 and keeps the versioned type that its first host makes of it, such as pc-q35-7.2,
    until it is stopped. A host without that type cannot take it, by migration or by HA (F36): "machine type 'X' is not
    supported". Without the current types the host is older than the cluster, and its QEMU is to be upgraded. Without
    old types it is newer: QEMU drops types (Oracle Linux 9.5 did within a release, oracle/oracle-linux issue 221), and
    then those guests are to be stopped and started before anything, and no other QEMU is wanted.

    Which types running guests have is read from libvirt's own status files. A dropped type that a guest runs with is
    an error, a warning where guests run and their types are not known, an information where none does. Types that not
    all members have are the members' difference, which LIB003 reports.
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
    for host in [each for each in answering if each.name in types]:
        own = set(types[host.name])
        missing: set[str] = set() if host.member else set(common - own)
        lost = _lost_guests(host, hosts, own)
        if missing & current:
            expected = f"{show(current)}, as on {show(sorted(defaults))}"
            yield Problem((host.name,), expected, f"no {show(missing)}", others=tuple(sorted(defaults)))
        elif missing or lost:
            yield _dropped(host, hosts, missing, lost)


def _lost_guests(host: Profile, hosts: Sequence[Profile], own: set[str]) -> dict[str, str]:
    """Guests of the other members whose machine type this host has not got, with the type."""
    members = [each for each in hosts if each.member and each.name != host.name]
    guests = {name: kind for each in members for name, kind in (each.get("libvirt", "domain_machines") or {}).items()}
    return {name: kind for name, kind in sorted(guests.items()) if kind and kind not in own}


def _dropped(host: Profile, hosts: Sequence[Profile], missing: set[str], lost: Mapping[str, str]) -> Problem:
    """What a newer QEMU no longer has."""
    members = [each for each in hosts if each.member and each.name != host.name]
    running = [each for each in members if each.get("libvirt", "domains")]
    unseen = [each.name for each in running if not _machines_known(each)]
    severity = ERROR if lost else WARNING if unseen else INFO
    kinds = sorted({*missing, *lost.values()})
    observed = f"no {show(kinds)}: QEMU {host.get('libvirt', 'qemu_version')} has dropped them"
    if lost:
        observed += "; in use by " + show([f"{name} ({kind})" for name, kind in lost.items()])
    elif unseen:
        observed += f"; the guests on {show(unseen)} may run with them"
    expected = "the machine types of the guests that run on the members"
    others = tuple(each.name for each in members)
    return Problem((host.name,), expected, observed, others=others, severity=severity, fix=DROPPED_FIX)


def _machines_known(host: Profile) -> bool:
    known = host.get("libvirt", "domain_machines") or {}
    return all(known.get(name) for name in host.get("libvirt", "domains") or ())


@check(
    "LIB005",
    "Guests run on a host that has not joined",
    area="libvirt",
    severity=WARNING,
    scope=HOST,
    prevents=("F31", "F39"),
    fix="shut these guests down or move them away; import them into CloudStack after the join if they must stay "
    "(importUnmanagedInstance)",
    reproduce="virsh list --all",
)
def domains(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No guest may run on a candidate.

    A running domain that CloudStack does not know was seen to run on after the join, unmanaged, with memory that the
    scheduler gives away a second time; its libvirt network `default` is destroyed by the agent (F31). The join itself
    succeeds (seen), so it is a warning. Older agents refused to start because of it (#8040).
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


@check(
    "LIB010",
    "libvirtd.conf has what libvirtd or the other hosts cannot use",
    area="libvirt",
    severity=ERROR,
    scope=HOST,
    prevents=("F25", "F26", "F28"),
    unknown=WARNING,
    fix="correct the line in /etc/libvirt/libvirtd.conf: numbers without quotes, ports and other texts in double "
    "quotes; then restart libvirtd (which restarts the agent of a joined host)",
    reproduce="libvirtd --config /etc/libvirt/libvirtd.conf --version; journalctl -u libvirtd -n 20",
)
def configuration(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """libvirtd.conf must be a file that libvirtd reads, also where the running one has read another: the join and each
    renewal of the certificate restart it.

    libvirtd does not start with a line that is no setting, with `listen_tls = "1"` (a number wants no quotes) or with
    `tls_port = 16514` (a text wants them): "invalid type: got string; expected unsigned long" (virConfGetValue*).
    listen_tls, listen_tcp, the two ports, auth_tls, auth_tcp and the three certificate files are written anew by the
    join of a candidate, so there such a value is a warning. auth_tls of a member must be none, or the other hosts are
    asked for credentials that they have not got (F28). Where libvirtd does not run LIB001 tells the cause.
    """
    if not host.get("libvirt", "running"):
        return
    errors = configuration_errors(host)
    asks = host.get("libvirt", "auth_tls") if host.member else None
    if errors:
        repaired = not host.member and all(each.repaired for each in errors)
        observed = "; ".join(each.text for each in errors)
        yield Problem(
            (host.name,), "a libvirtd.conf that libvirtd reads", observed, severity=WARNING if repaired else None
        )
    elif asks not in (None, "none"):
        yield Problem((host.name,), 'auth_tls = "none", as cloudstack-setup-agent writes it', f'auth_tls = "{asks}"')


@dataclass(frozen=True)
class ConfigurationError:
    """A line with which libvirtd does not start. `repaired`: the join of a candidate writes it anew."""

    text: str
    repaired: bool


def configuration_errors(host: Profile) -> list[ConfigurationError]:
    """What libvirtd would refuse in libvirtd.conf: what the collector saw in the file, and the types of the settings
    that are facts of their own.
    """
    found = host.get("libvirt") or {}
    settings = {key: found[key] for key in NUMBERS_AND_TEXTS if found.get(key) is not None}
    errors = {key: (text, key in WRITTEN_BY_SET_UP) for key, text in wrong_types(settings).items()}
    for each in host.get("libvirt", "conf_errors") or ():
        errors[str(each.get("key") or each["text"])] = (str(each["text"]), each.get("key") in WRITTEN_BY_SET_UP)
    if not errors:
        syntax = _syntax_error(host)
        errors.update({"": (syntax, False)} if syntax else {})
    return [ConfigurationError(text, repaired) for text, repaired in errors.values()]


def _syntax_error(host: Profile) -> str:
    """Why libvirtd.conf could not be understood, "" where it could, or could not be read at all. A setting that stands
    there twice with two values is no error to libvirtd, which takes the first.
    """
    reason = str((host.get("unknown") or {}).get("libvirt.listen_tls") or "")
    other = ("Permission denied", "No such file", "Is a directory", "Input/output", "stands there twice")
    return "" if any(text in reason for text in other) else reason


def _fix_of_file(host: Profile) -> str:
    """How to mend libvirtd.conf."""
    lines = "; ".join(each.text for each in configuration_errors(host))
    return f"correct /etc/libvirt/libvirtd.conf ({lines}), then systemctl restart libvirtd"


def _wrong_listen_address(host: Profile) -> bool:
    """Whether listen_addr keeps other hosts out. A name, or the address of an unknown host, is not judged."""
    address = str(host.get("libvirt", "listen_addr") or "")
    own = str(host.declared.get("address") or "")
    if address in EVERYWHERE or not re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*", address):
        return address.startswith("localhost")
    return address.startswith("127.") or address == "::1" or (bool(own) and own != address)


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
    errors = configuration_errors(host)
    if errors:
        return "libvirtd.conf: " + "; ".join(each.text for each in errors)
    listens = any(LISTEN.fullmatch(word) for word in host.get("libvirt", "configured_args") or ())
    if host.get("libvirt", "sockets_active"):
        return "LIBVIRTD_ARGS has --listen, which libvirtd refuses while its sockets are active" if listens else ""
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
