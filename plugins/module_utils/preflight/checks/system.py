# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operating system and machine: does the host run what its cluster runs, and is it itself and no clone?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.tolerances import gib
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.unique import shared
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
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

SCRIPTS = "/usr/share/cloudstack-common/scripts"
# CloudStack takes these for one and the same (LibvirtServerDiscoverer.java:80-81).
SAME_TO_CLOUDSTACK = frozenset(
    {"Rocky", "Rocky Linux", "Red", "Red Hat Enterprise Linux", "Oracle", "Oracle Linux Server", "AlmaLinux"}
)


@check(
    "SYS001",
    "Distribution differs from the cluster's",
    area="system",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F11",),
    fix="install the distribution and release of the cluster, or put the host into a cluster of its own kind "
    "(cloudstack_cluster)",
    reproduce="/usr/share/cloudstack-common/scripts/vm/hypervisor/versions.sh; cat /etc/os-release",
)
def distribution(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The name of the distribution is compared as CloudStack does it, the release more strictly than CloudStack.

    addHost refuses a host whose Host.OS differs from that of one existing host ("Can't add host: ... with hostOS ...
    into a cluster, in which there are ... hosts added", F11; LibvirtServerDiscoverer.java:496-524). Equal are: the same
    text; one text that begins with the other; two of Rocky, Red Hat, Oracle and AlmaLinux. So a candidate is compared
    with what CloudStack knows of the members (details.Host.OS).

    CloudStack does not compare releases: Ubuntu 22.04 joins 24.04. That is a warning, because libvirt, QEMU and the
    kernel differ too; on EL only another major release is one.
    """
    names, unknowns = split(hosts, "os", "name")
    yield from unknowns
    standing = _standing_names(hosts, cluster, names)
    odd: set[str] = set()
    for problem in _refused(hosts, names, standing):
        odd.update(problem.hosts)
        yield problem
    releases = {host.name: _release(host) for host in hosts if host.name in names and host.name not in odd}
    yield from odd_ones(releases, members=[host.name for host in hosts if host.member], severity=WARNING)


@check(
    "SYS002",
    "Kernel differs between hosts of one release",
    area="system",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F35", "F30"),
    fix="install the same kernel package on all hosts and reboot them, one after the other",
    reproduce="uname -r",
)
def kernel(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The running kernel (`uname -r`) is compared between hosts of one distribution and release.

    KVM is in the kernel: what it offers to guests and how it mitigates attacks changes with it, so that two hosts with
    equal CPUs can refuse each other's guests under host-model or host-passthrough (F35). During a rolling update a
    difference is normal, for weeks it is not.
    """
    groups: dict[str, list[Profile]] = {}
    for host in hosts:
        if host.get("os", "name"):  # else SYS001 says so
            groups.setdefault(_release(host), []).append(host)
    for group in groups.values():
        yield from same(group, cluster, "os", "kernel")


@check(
    "SYS003",
    "Two hosts have the same machine-id",
    area="system",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F46",),
    fix="on the clone: rm /etc/machine-id && systemd-machine-id-setup, then reboot; look for other copied "
    "identities (initiator name, SSH host keys)",
    reproduce="cat /etc/machine-id",
)
def machine_id(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """/etc/machine-id must be unique: two equal ones mean that a host was cloned with its identity.

    DHCP leases, journals and whatever else was derived from it are shared; local.storage.uuid and the iSCSI initiator
    name were most likely cloned too, and then two hosts use one pool (F46). Consequence: the id itself stops neither a
    join nor a migration, so it is a warning; what does (STO006, STO007, and SYS008 where libvirtd takes the id for the
    host's UUID) is an error of its own.
    """
    yield from shared("SYS003", hosts)


@check(
    "SYS004",
    "AppArmor or SELinux differs",
    area="system",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F30",),
    fix="run ansible-playbook cloudstack.kvm.prepare_hosts with the same kvm_host_relax_lsm for all hosts (the role "
    "kvm_host), then reboot a host whose SELinux was disabled",
    reproduce="getenforce; cat /sys/module/apparmor/parameters/enabled; grep security_driver /etc/libvirt/qemu.conf",
)
def lsm(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """AppArmor (enabled or not) and SELinux's mode are compared; on a member, security_driver of qemu.conf must be none
    where it is set.

    A guest that runs on one host is refused its disk or socket on another ("Permission denied", F30).
    cloudstack-setup-agent disables libvirtd's AppArmor profiles, makes SELinux permissive and writes security_driver
    "none" once, and a package update can bring them back. A candidate that still enforces SELinux counts as permissive,
    because the join makes it so.
    """
    known, unknowns = split(hosts, "lsm")
    yield from unknowns
    members = {host.name for host in hosts if host.member}
    yield from odd_ones(
        {name: _lsm(dict(value), joined=name in members) for name, value in known.items()}, members=members
    )
    for host in hosts:
        driver = host.get("libvirt", "security_driver")
        if host.member and driver not in (None, "none"):
            yield Problem((host.name,), 'security_driver "none", as cloudstack-setup-agent writes it', f'"{driver}"')
        elif host.member and "libvirt.security_driver" in (host.get("unknown") or {}):
            yield fact_unavailable(
                host, FactUnavailable("libvirt.security_driver", host.why("libvirt", "security_driver"))
            )


@check(
    "SYS005",
    "cgroup version differs",
    area="system",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F38",),
    fix="boot all hosts with the same cgroup version (systemd.unified_cgroup_hierarchy on the kernel's command line)",
    reproduce="stat -fc %T /sys/fs/cgroup",
)
def cgroup(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """cgroup v1 or v2 must be the same on all hosts.

    With v2 the agent scales CPU shares to at most 10000, with v1 it takes cores x MHz as they are
    (LibvirtComputingResource.java:3270-3301): the same guest has another weight on the other host, and libvirt before
    9.1 or CloudStack before 4.18.2 refuse some values (F38).
    """
    yield from same(hosts, cluster, "cgroup")


@check(
    "SYS006",
    "The root file system is full or read-only",
    area="system",
    severity=ERROR,
    scope=HOST,
    prevents=("F69", "F04", "F57"),
    fix="make room on the file system (at least preflight_policy.disk_free_min_bytes)",
    reproduce="df -h / /var /etc/cloudstack; findmnt -T /etc/cloudstack",
)
def disk(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """/ and /var need free space (policy disk_free_min_bytes), and /etc/cloudstack must be writable.

    On a full disk addHost fails after 47 s and leaves cloud.jks and cloud.crt of 0 bytes behind, which make every
    further attempt fail after 7 minutes (F69, then F57). On a read-only /etc/cloudstack it fails after 21 s (F04).
    """
    free = {path: host.require("disk", path, "free_bytes") for path in ("/", "/var")}
    tight = [f"{gib(size)} on {path}" for path, size in free.items() if size < policy.disk_free_min_bytes]
    if tight:
        yield Problem(
            (host.name,), f"{gib(policy.disk_free_min_bytes)} free on / and /var", f"free: {', '.join(tight)}"
        )
    if host.get("disk", "/etc/cloudstack", "writable") is False:
        yield Problem(
            (host.name,),
            "a writable /etc/cloudstack",
            "read-only",
            fix="mount the file system of /etc/cloudstack read-write; see dmesg for errors",
        )


@check(
    "SYS007",
    "The host is itself a virtual machine",
    area="system",
    severity=INFO,
    scope=HOST,
    prevents=("F24",),
    fix="allow promiscuous mode, forged transmits and MAC address changes on the outer hypervisor's port groups",
    reproduce="systemd-detect-virt",
    unknown=INFO,
)
def nested(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """A hint: a host that is a virtual machine loses frames of its guests unless the outer hypervisor lets foreign MAC
    addresses through (F24).
    """
    if host.require("virtualization") != "none":
        yield Problem((host.name,), "none (a machine of its own)", host.require("virtualization"))


@check(
    "SYS008",
    "Two hosts have the same UUID for libvirt",
    area="system",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F46",),
    fix="give the clone its own UUID in the firmware or the outer hypervisor, or host_uuid of its own (uuidgen) in "
    "/etc/libvirt/libvirtd.conf, and restart libvirtd (which restarts the agent of a joined host)",
    reproduce="virsh capabilities | grep -m1 '<uuid>'; grep host_uuid /etc/libvirt/libvirtd.conf; cat "
    "/sys/class/dmi/id/product_uuid",
    unknown=INFO,
)
def firmware_uuid(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """The UUID by which libvirt knows the host (`virsh capabilities`) must be unique.

    libvirt refuses to migrate between two hosts of one UUID: "Attempt to migrate guest to the same host". It takes
    host_uuid of libvirtd.conf, or the machine-id where host_uuid_source says so, else the UUID of the firmware (DMI
    product_uuid). Cloned virtual machines, copied configurations, and boards whose maker left a dummy in have such
    pairs. A UUID of one repeated digit does no harm, libvirt makes one up instead; neither does none at all.
    """
    yield from shared("SYS008", hosts)


@check(
    "SYS010",
    "Two hosts share what must be unique",
    area="system",
    severity=WARNING,
    scope=CLUSTER,
    prevents=("F46",),
    unknown=INFO,
    fix="make it anew on the clone: rm /etc/ssh/ssh_host_* && ssh-keygen -A (dpkg-reconfigure openssh-server); nvme "
    "gen-hostnqn > /etc/nvme/hostnqn; an agent's id only comes anew when the host is deleted in CloudStack and joins "
    "again",
    reproduce="ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; cat /etc/nvme/hostnqn; grep LibvirtComputingResource "
    "/etc/cloudstack/agent/agent.properties",
)
def identities(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """SSH host keys, the NVMe name and the ids of members' agents must be each host's own.

    They are what a copied disk brings along beside machine-id (SYS003), UUID (SYS008), initiator name (STO006) and
    local.storage.uuid (STO007). With one host key whoever has one host's disk can pose as the other; with one NVMe name
    a storage system takes two hosts for one; with one agent's id CloudStack takes two agents for one host.
    """
    yield from shared("SYS010", hosts)


@check(
    "SYS012",
    "A hardened host stops the agent or its set-up",
    area="system",
    severity=ERROR,
    scope=CLUSTER,
    prevents=("F05", "F04"),
    unknown=INFO,
    fix="mount that file system without noexec, or give the agent another folder (-Djava.io.tmpdir=... in JAVA_OPTS of "
    "/etc/default/cloudstack-agent)",
    reproduce="findmnt -T /usr/share/cloudstack-agent/tmp; findmnt -T /usr/share/cloudstack-common; "
    "systemctl is-active fapolicyd",
)
def hardened(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """Programs must be allowed where the agent unpacks its native code (java.io.tmpdir of
    /etc/default/cloudstack-agent, else /tmp) and where CloudStack's scripts are; and fapolicyd must not be in the way.

    The agent's JNA unpacks a library into that folder and maps it as code: with noexec it dies at its start with
    "UnsatisfiedLinkError ... failed to map segment from shared object", and addHost ends with its generic text minutes
    later. noexec on /tmp alone does no harm where the package's own settings are in force, which name
    /usr/share/cloudstack-agent/tmp. fapolicyd refuses what no package has brought, that library too; a candidate with
    it is warned about, unless a member runs with it as well. requiretty, noexec and secure_path of sudo are ACC003's. A
    umask of 077 is no fault: agent, libvirtd and QEMU (qemu.conf: user root) read what the set-up writes as root, as
    seen on a host of 4.22.1, and the roles set the mode of each file.
    """
    proven = any(host.member and _fapolicyd(host) for host in hosts)
    for host in hosts:
        stops = list(_noexec(host))
        if stops:
            wanted = "file systems from which the agent may run programs"
            severity = WARNING if host.member else None
            yield Problem((host.name,), wanted, "; ".join(stops), severity=severity)
        if _fapolicyd(host) and not host.member and not proven:
            fix = "trust /usr/share/cloudstack-agent and the folder of java.io.tmpdir (fapolicyd-cli --file add), then "
            fix += "fapolicyd-cli --update; try with `fapolicyd --debug-deny`"
            observed = "fapolicyd is active, and no member of the cluster shows that the agent runs with it"
            yield Problem((host.name,), "an agent that may run", observed, severity=WARNING, fix=fix)
        if host.get("agent") is not None and host.get("agent", "tmpdir", "noexec") is None:
            yield fact_unavailable(host, FactUnavailable("agent.tmpdir", host.why("agent", "tmpdir")))


def _noexec(host: Profile) -> Iterator[str]:
    folder = host.get("agent", "tmpdir") or {}
    if folder.get("noexec"):
        yield f"{folder.get('path')}, where the agent unpacks native code, is noexec"
    for mount in host.get("mounts") or ():
        if mount.get("noexec") and SCRIPTS.startswith(mount["path"].rstrip("/") + "/"):
            yield f"{mount['path']}, with CloudStack's scripts below it, is noexec"


def _fapolicyd(host: Profile) -> bool:
    return host.get("units", "fapolicyd.service", "active") == "active"


def _standing_names(hosts: Sequence[Profile], cluster: Cluster, names: Mapping[str, str]) -> dict[str, str]:
    """Name of each member's distribution: what CloudStack knows, else what the host says."""
    known = {record.name: record.details["Host.OS"] for record in cluster.members if record.details.get("Host.OS")}
    return {**{host.name: names[host.name] for host in hosts if host.member and host.name in names}, **known}


def _refused(hosts: Sequence[Profile], names: Mapping[str, str], standing: Mapping[str, str]) -> Iterator[Problem]:
    candidates = {host.name: names[host.name] for host in hosts if not host.member and host.name in names}
    if not standing:  # the first that joins decides for all others
        kinds = {**candidates, **{name: "one of EL" for name, text in candidates.items() if text in SAME_TO_CLOUDSTACK}}
        yield from odd_ones(kinds)
        return
    for name, text in candidates.items():
        others = tuple(sorted(member for member, other in standing.items() if not _same_name(text, other)))
        if others:
            yield Problem(
                (name,), f"{show({standing[member] for member in others})}, as on {show(others)}", text, others=others
            )


def _same_name(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one) or {one, other} <= SAME_TO_CLOUDSTACK


def _release(host: Profile) -> str:
    """Distribution and release as far as they matter: Debian GNU/Linux 12, Ubuntu 22.04, EL 9."""
    version = str(host.get("os", "version_id") or "of unknown release")
    if host.get("os", "family") == "redhat":
        return f"EL {version.split('.', maxsplit=1)[0]}"
    return f"{host.get('os', 'name')} {version}"


def _lsm(value: Mapping[str, Optional[str]], *, joined: bool) -> str:
    selinux = value.get("selinux")
    if selinux == "enforcing" and not joined:
        selinux = "permissive"
    return f"AppArmor {value.get('apparmor') or 'absent'}, SELinux {selinux or 'absent'}"
