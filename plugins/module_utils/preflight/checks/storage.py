# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: primary storage. A pool that one host cannot use keeps it out; a sick one can reset all hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable, Optional
from uuid import UUID

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks import pool_tries
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.agent import package
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.fixes import (
    NFS,
    NFS_ELSE,
    POOL,
    fix_for,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import (
    FILE,
    has_former_life,
    properties,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.unique import shared
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Pool,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    fact_unavailable,
    odd_ones,
    show,
)

POOL_NFS, SHARED_MOUNT = "NetworkFilesystem", "SharedMountPoint"
BRING_BACK = "bring the storage back"
RBD_DRIVER = "libvirt-daemon-driver-storage-rbd"
FIX_OF_POOL = {
    "RBD": f"install {RBD_DRIVER} and restart libvirtd (which restarts the agent of a joined host)",
    SHARED_MOUNT: "mount the shared file system at this path on the host, and at each boot (/etc/fstab, or a resource "
    "of the cluster)",
    "IscsiLUN": "install open-iscsi or iscsi-initiator-utils, which makes an initiator name, and tell the storage",
}
HEARTBEAT = "reboot.host.and.alert.management.on.heartbeat.timeout"
HEARTBEAT_OFF_SINCE = (4, 23)
POOL_MOUNT = re.compile(r"/mnt/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/?")
REFUSED = re.compile(r"permission denied|not permitted|EACCES|EPERM|ERR_ACC|ERR_PERM", re.IGNORECASE)

Try = Mapping[str, Any]  # one element of probes.nfs


def needed_pools(cluster: Cluster) -> list[Pool]:
    """The pools that a host has to connect when it joins. One in maintenance is left alone by CloudStack."""
    return [pool for pool in cluster.pools if pool.scope != "HOST" and pool.state != "Maintenance"]


def _export(pool: Pool) -> str:
    return f"{pool.server}:{pool.path}"


def needed_exports(host: Profile, cluster: Cluster) -> list[str]:
    """The NFS exports of those pools, and what the inventory declares to become one."""
    return sorted(
        {
            *(host.declared.get("exports") or ()),
            *(_export(pool) for pool in needed_pools(cluster) if pool.kind == POOL_NFS),
        }
    )


def _tries(hosts: Iterable[Profile], cluster: Cluster) -> tuple[dict[str, dict[str, Try]], list[Problem]]:
    """What was tried, by export and host, and a problem for each host that should have tried and has not. Without an
    NFS client no host can.
    """
    tries: dict[str, dict[str, Try]] = {}
    unknowns = []
    for host in hosts:
        exports = needed_exports(host, cluster)
        if not exports or host.get("nfs", "client") is False:
            continue
        try:
            seen = {each["export"]: each for each in host.require_probe("nfs")}
        except FactUnavailable as error:
            unknowns += [fact_unavailable(host, error)] if error.expected_here else []
            continue
        for export in exports:
            if export in seen:
                tries.setdefault(export, {})[host.name] = seen[export]
            elif host.live:
                unknowns.append(fact_unavailable(host, FactUnavailable(f"nfs of {export}", "it was not tried")))
    return tries, unknowns


def _squashed(probe: Try) -> bool:
    """Whether root of the host becomes the user nobody on the server: files belong to another, or the rights of root
    are missing.
    """
    if probe.get("uid_seen"):
        return True
    return (
        not probe.get("ok")
        and probe.get("failed_step") not in (None, "", "mount")
        and bool(REFUSED.search(probe.get("text") or ""))
    )


def _alike(tries: Mapping[str, Try], says: Callable[[Try], str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Hosts that saw the same, and what: one cause, one finding."""
    groups: dict[str, list[str]] = {}
    for name, probe in sorted(tries.items()):
        groups.setdefault(says(probe), []).append(name)
    for text, names in groups.items():
        yield tuple(names), text


def _failure(probe: Try) -> str:
    return f"{probe.get('failed_step') or 'failed'}: {probe.get('text') or 'no reason given'}"


def _answers_nobody(tries: Mapping[str, Try]) -> bool:
    """Whether all of several hosts failed to mount: the server is to blame, not a host."""
    return len(tries) > 1 and all(not each.get("ok") and each.get("failed_step") == "mount" for each in tries.values())


@check(
    "STO001",
    "Primary storage cannot be mounted or written",
    area="storage",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F42", "F43"),
    fix=NFS_ELSE,
    reproduce="D=$(mktemp -d) && mount -t nfs SERVER:/PATH $D && touch $D/.probe && rm $D/.probe; umount $D",
)
def usable(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Root of each host must mount every NFS export that the cluster uses or will use, and write, rename, read and
    remove a file there.

    A host that cannot mount one pool of its cluster is refused at each connect and stays in Connecting or Alert (F43);
    a new pool fails with "Failed to access storage pool" after 10 s, or 129 s where the server does not answer (F42).
    Exports come from CloudStack's pools and from storage_client_exports. A file that belongs to the user nobody is
    STO002's matter, a server that answers no host at all STO005's, a missing NFS client STO008's.
    """
    tries, unknowns = _tries(hosts, cluster)
    yield from unknowns
    pools = {_export(pool) for pool in needed_pools(cluster)}
    for export, seen in sorted(tries.items()):
        if export in pools and _answers_nobody(seen):
            continue
        failed = {name: probe for name, probe in seen.items() if not probe.get("ok") and not _squashed(probe)}
        good = tuple(sorted(name for name in seen if name not in failed))
        for names, text in _alike(failed, _failure):
            fix = fix_for(NFS, text, NFS_ELSE)
            yield Problem(names, f"root mounts {export} and writes to it", text, others=good, fix=fix)


@check(
    "STO002",
    "The NFS export squashes root",
    area="storage",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F42",),
    fix="set no_root_squash for the hosts in the server's export list, and run exportfs -ra there",
    reproduce="D=$(mktemp -d) && mount -t nfs SERVER:/PATH $D && touch $D/.probe && stat -c %u $D/.probe; rm -f "
    "$D/.probe; umount $D",
)
def squashed(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A file that root of the host makes on the export must belong to root, and root must be able to give it away
    (chown).

    With root_squash and a directory that every user may write CloudStack accepts the pool, and nothing warns: volumes
    belong to the user nobody, and QEMU, the heartbeat and snapshots fail later, each with another message (F42). Where
    the export could not be tried it is unknown.
    """
    tries, unknowns = _tries(hosts, cluster)
    yield from unknowns
    for export, seen in sorted(tries.items()):
        for names, text in _alike({name: probe for name, probe in seen.items() if _squashed(probe)}, _squash_says):
            yield Problem(names, f"a file of root on {export} belongs to uid 0, and root may chown it", text)


def _squash_says(probe: Try) -> str:
    return f"it belongs to uid {probe['uid_seen']}" if probe.get("uid_seen") else _failure(probe)


@check(
    "STO003",
    "Primary storage is slow",
    area="storage",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F44", "F32"),
    fix="look at load and network of the NFS server (MTU, see MTU001 and MTU003); preflight_policy.nfs_step_max_ms "
    "sets the limit",
    reproduce="time dd if=/dev/zero of=/mnt/POOL/.probe bs=4k count=1 oflag=sync; nfsstat -c",
)
def slow(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """No single step (mount, write, rename, chown, read, remove) of one small file may take longer than
    nfs_step_max_ms.

    The agent writes a heartbeat each minute; when five writes fail or hang, it resets the host, with all its guests
    (F44). A server that needs a second for one small file while nothing happens is near that. Where the export could
    not be tried it is unknown.
    """
    tries, unknowns = _tries(hosts, cluster)
    yield from unknowns
    for export, seen in sorted(tries.items()):
        late = {name: _late(probe, policy.nfs_step_max_ms) for name, probe in sorted(seen.items()) if probe.get("ok")}
        observed = "; ".join(f"{name}: {text}" for name, text in late.items() if text)
        if observed:
            wanted = f"each step on {export} within {policy.nfs_step_max_ms:g} ms"
            slow = tuple(name for name, text in late.items() if text)
            yield Problem(slow, wanted, observed, others=tuple(name for name in late if name not in slow))


def _late(probe: Try, limit: float) -> str:
    steps = probe.get("steps") or {}
    return ", ".join(f"{step} {took:.0f} ms" for step, took in steps.items() if took is not None and took > limit)


@check(
    "STO004",
    "Something is mounted where CloudStack mounts its pools",
    area="storage",
    severity=WARNING,
    scope=HOST,
    prevents=("F48",),
    fix="unmount it and take it out of /etc/fstab; libvirt mounts the pools by itself",
    reproduce="findmnt -t nfs,nfs4; grep /mnt/ /etc/fstab",
)
def mount_in_the_way(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """On a candidate nothing may be mounted at /mnt/<uuid>.

    The agent unmounts whatever sits at a pool's path before it lets libvirt mount the pool there; a mount by fstab or
    systemd disappears, or comes back over it (F48). On a machine that was a host before, the mount is a part of that
    life (AGT006).
    """
    if host.member:
        return
    mounts = [
        f"{each['source']} at {each['path']}"
        for each in host.require("nfs", "mounts")
        if POOL_MOUNT.fullmatch(each["path"])
    ]
    if mounts and not has_former_life(host):
        yield Problem((host.name,), "nothing mounted at /mnt/<uuid>", "; ".join(mounts))


@check(
    "STO005",
    "A storage pool is unreachable from every host",
    area="storage",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F43",),
    unknown=WARNING,
    fix=BRING_BACK
    + ", or put the pool into maintenance (enableStorageMaintenance), before any host joins or its agent "
    "is restarted",
    reproduce="cmk list storagepools filter=name,type,ipaddress,path,state; showmount -e SERVER",
)
def dead_pool(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Every pool that CloudStack connects at a join must answer at least one host, whatever its state says: a disabled
    pool counts too.

    One dead pool of the cluster or zone keeps each connecting host in Connecting or Alert, healthy ones as well, about
    two minutes for each pool (F43). Pools in maintenance are left alone. Pools on iSCSI and RBD are tried too (STO012),
    at a SharedMountPoint a mount is looked for (STO010); what a candidate cannot try (pools of other types, no library,
    no account) is unknown, which is a warning.
    """
    tries, _unknowns = _tries(hosts, cluster)
    for pool in needed_pools(cluster):
        nfs = tries.get(_export(pool), {}) if pool.kind == POOL_NFS else {}
        others = pool_tries.judged(hosts, pool)
        if _answers_nobody(nfs):
            yield _dead(pool, nfs, "no host can mount it", fix_for(NFS, _all_failures(nfs), BRING_BACK))
        if pool_tries.reaches_nobody(others):
            yield _dead(pool, others, "no host reaches it", fix_for(POOL, _all_failures(others), BRING_BACK))
        if pool.kind != POOL_NFS:
            yield from _not_tried(pool, hosts)


def _dead(pool: Pool, tries: Mapping[str, Try], says: str, fix: str) -> Problem:
    return Problem(
        tuple(sorted(tries)),
        f"pool {pool.name} ({_export(pool)}, {pool.state}) answers",
        f"{says}: {_all_failures(tries)}",
        fix=f"{fix}; or put the pool into maintenance (enableStorageMaintenance), before any host joins or its agent "
        "is restarted",
    )


def _all_failures(tries: Mapping[str, Try]) -> str:
    return "; ".join(dict.fromkeys(map(_failure, tries.values())))


def _not_tried(pool: Pool, hosts: Sequence[Profile]) -> Iterator[Problem]:
    """The candidates that cannot say whether they can use a pool other than NFS, those for one reason together."""
    reasons: dict[str, list[str]] = {}
    for host in hosts:
        if not host.member and not _judged(host, pool):
            tried = pool_tries.try_of(host, pool)
            why = tried["text"] if tried else f"pools of type {pool.kind} are not tried"
            reasons.setdefault(why, []).append(host.name)
    for why, names in reasons.items():
        yield Problem(tuple(names), f"pool {pool.name} ({pool.kind}) usable", f"unknown: {why}", kind=UNKNOWN)


def _judged(host: Profile, pool: Pool) -> bool:
    """Whether STO012 or STO010 can tell: by what the host tried, or by what is mounted at a SharedMountPoint."""
    if pool.kind == SHARED_MOUNT:
        return bool(host.get("mounts") or _mount_at(host, pool.path))
    return bool(pool_tries.judged([host], pool))


def _mount_at(host: Profile, path: str) -> Optional[Mapping[str, Any]]:
    """What is mounted at the path, None for nothing."""
    mounts = [*(host.get("mounts") or ()), *(host.get("nfs", "mounts") or ())]
    return next((each for each in mounts if each["path"].rstrip("/") == path.rstrip("/")), None)


@check(
    "STO010",
    "The host lacks what a pool of the cluster needs",
    area="storage",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F43", "F46"),
    unknown=WARNING,
    fix="install and configure the client of this kind of storage on the host before it joins",
    reproduce="dpkg -s libvirt-daemon-driver-storage-rbd || rpm -q libvirt-daemon-driver-storage-rbd; cat "
    "/etc/iscsi/initiatorname.iscsi; findmnt PATH",
)
def client_of_pool(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """For pools other than NFS: RBD needs libvirt's storage driver for it, iSCSI an initiator name and iscsiadm,
    SharedMountPoint a file system mounted at the very path, of the same kind on all hosts.

    A host that cannot connect one pool of its cluster is refused at each connect (F43). RBD pools are libvirt's
    (package libvirt-daemon-driver-storage-rbd, a dependency of the agent on all distributions). A SharedMountPoint that
    is not mounted is an ordinary folder: "does not exists. Check local.storage.path in agent.properties.", or, where
    the folder is there, volumes and heartbeat on the host's own disk. Whether the storage answers is STO005's matter.
    """
    for pool in needed_pools(cluster):
        lacking = {host.name: list(_lacking(host, pool)) for host in hosts}
        for name, texts in lacking.items():
            if texts:
                fix = FIX_OF_POOL.get(pool.kind, "")
                yield Problem((name,), f"what pool {pool.name} ({pool.kind}) needs", "; ".join(texts), fix=fix)
        if pool.kind == SHARED_MOUNT:
            kinds = {host.name: _kind_at(host, pool) for host in hosts if not lacking[host.name]}
            members = [host.name for host in hosts if host.member]
            known = {name: f"{pool.path} is {kind}" for name, kind in kinds.items() if kind}
            yield from odd_ones(known, members=members, severity=WARNING)


def _lacking(host: Profile, pool: Pool) -> Iterator[str]:
    kind = pool.kind.lower()
    if kind == "rbd" and RBD_DRIVER in (host.get("packages") or {}) and not host.get("packages", RBD_DRIVER):
        yield f"{RBD_DRIVER} is not installed"
    if kind.startswith("iscsi"):
        if host.get("iscsi") is not None and not host.get("iscsi", "initiator"):
            yield "no initiator name in /etc/iscsi/initiatorname.iscsi"
        if "iscsiadm" in (host.get("programs") or {}) and not host.get("programs", "iscsiadm"):
            yield "iscsiadm is not installed"
    if pool.kind == SHARED_MOUNT and host.get("mounts") and _mount_at(host, pool.path) is None:
        yield f"nothing is mounted at {pool.path}"


def _kind_at(host: Profile, pool: Pool) -> str:
    """The file system at the path; of one over the network also which."""
    mount = _mount_at(host, pool.path) or {}
    kind, source = str(mount.get("type") or ""), str(mount.get("source") or "")
    return f"{kind} of {source}" if ":" in source else kind


@check(
    "STO006",
    "Two hosts have the same iSCSI initiator name",
    area="storage",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F46",),
    unknown=WARNING,
    fix="set a new name on the host at fault: echo InitiatorName=$(iscsi-iname) > /etc/iscsi/initiatorname.iscsi; "
    "systemctl restart iscsid",
    reproduce="cat /etc/iscsi/initiatorname.iscsi",
)
def initiator_twice(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The initiator name of each host must be its own. Hosts without iSCSI have none, which is fine.

    A cloned image brings the name along. The target takes both hosts for one: it throws one session out when the other
    logs in, and gives both the same volumes (F46). Without an iSCSI pool in the cluster it is a warning.
    """
    used = any(pool.kind.lower().startswith("iscsi") for pool in cluster.pools)
    for problem in shared("STO006", hosts):
        severity = None if problem.kind == UNKNOWN else ERROR if used else WARNING
        yield replace(problem, severity=severity)


@check(
    "STO007",
    "The identity of local storage is missing, wrong or used twice",
    area="storage",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F46",),
    fix=f"remove local.storage.uuid from {FILE} of a candidate; on a member restore the old one, and restart the agent",
    reproduce=f"grep ^local.storage {FILE}",
)
def local_pool(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """local.storage.uuid must be a UUID for each path of local.storage.path, and no other host's. A member must have
    one; on a candidate it is made at the join.

    With a value that is no UUID, or another number of values than paths, the agent does not start. Without one it makes
    a new local pool at each start, and guests on the old one refuse to start: seen where a role wrote the file from a
    template. With a cloned one two hosts share one pool in CloudStack (F46).
    """
    for host in hosts:
        try:
            found = properties(host)
        except FactUnavailable:
            continue  # told with the values that must be unique
        wrong = _wrong_local(found, _values(found, "local.storage.uuid"), member=host.member)
        if wrong:
            yield Problem((host.name,), "local.storage.uuid with a UUID for each path", wrong)
    yield from shared("STO007", hosts)


def _values(found: Mapping[str, str], key: str) -> list[str]:
    return [each.strip().lower() for each in str(found.get(key) or "").split(",") if each.strip()]


def _wrong_local(found: Mapping[str, str], uuids: Sequence[str], *, member: bool) -> str:
    bad = [each for each in uuids if not _is_uuid(each)]
    paths = _values(found, "local.storage.path")
    if bad:
        return f"no UUID: {show(bad)}"
    if uuids and paths and len(uuids) != len(paths):
        return f"{len(uuids)} UUIDs for {len(paths)} paths"
    return "none on a registered host" if member and found.get("guid") and not uuids else ""


def _is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text)) and "-" in text
    except ValueError:
        return False


@check(
    "STO008",
    "The NFS client is missing",
    area="storage",
    severity=ERROR,
    scope=HOST,
    prevents=("F42", "F43"),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts with storage_client_exports set (role storage_client "
    "installs nfs-common or nfs-utils)",
    reproduce="command -v mount.nfs",
)
def client(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """mount.nfs must be installed where the cluster has an NFS pool or will have one (storage_client_exports).

    libvirt mounts pools with it; without it every pool fails on this host and keeps it out (F43).
    """
    exports = needed_exports(host, cluster)
    if exports and host.require("nfs", "client") is False:
        yield Problem((host.name,), f"mount.nfs, for {show(exports)}", "not installed")


@check(
    "STO009",
    "The agent resets the host when its storage hangs",
    area="storage",
    severity=INFO,
    scope=CLUSTER,
    prevents=("F44",),
    fix=f"decide: with out-of-band fencing set cloudstack_agent_properties: {{{HEARTBEAT}: false}}; without, this "
    "reset is what prevents split brain",
    reproduce=f"grep heartbeat {FILE}",
)
def heartbeat_reset(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Until 4.22 an agent that cannot write its heartbeat to an NFS or SharedMountPoint pool five times resets the host
    by default, without Host HA being involved, and CloudStack shows the host as Up all the time (seen after 347 s). So
    one slow server resets all hosts (F44). From 4.23 on the default is off. Only an info, because there are reasons for
    both.
    """
    if not any(pool.kind in (POOL_NFS, SHARED_MOUNT) for pool in cluster.pools):
        return
    concerned = []
    for host in hosts:
        try:
            if _resets(properties(host).get(HEARTBEAT), package(host)):
                concerned.append(host.name)
        except FactUnavailable as error:
            yield fact_unavailable(host, error)
    if concerned:
        yield Problem(tuple(concerned), f"a decision about {HEARTBEAT}", "true (the default until 4.22)")


def _resets(value: Any, version: Any) -> bool:
    if value:
        return str(value).strip().lower() == "true"
    return bool(version) and tuple(int(each) for each in re.findall(r"\d+", version)[:2]) < HEARTBEAT_OFF_SINCE
