# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to do about what a program said: one table for each area, the first row that fits counts.

The texts are those of the programs, with where they are from: `vm` was captured in the VM lab or stands in
a real host, the rest is quoted from the source of the program or from a public report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fix:
    """`says` is a regular expression over the observed text, `source` where such a text is from."""

    says: str
    fix: str
    source: str


# mount.nfs (nfs-utils), the kernel's client, and libnfs, which the pre-flight asks with.
NFS = (
    Fix(
        r"rpc\.statd is not running|statd.*(fail|not)|remote locking",
        "NFSv3 needs the lock services on the host: systemctl unmask rpcbind.socket rpc-statd.service && systemctl "
        "enable --now rpcbind.socket && systemctl start rpc-statd; or export with NFSv4, which needs neither "
        "(pool detail nfsmountopts=vers=4.2)",
        "mount.nfs: rpc.statd is not running but is required for remote locking. (longhorn/longhorn#1346)",
    ),
    Fix(
        r"need a /sbin/mount\.|bad option; for several filesystems|unknown filesystem type '?nfs",
        "install the NFS client (nfs-common or nfs-utils): run ansible-playbook cloudstack.kvm.prepare_hosts with "
        "storage_client_exports set",
        "mount(8): wrong fs type, bad option, ... you might need a /sbin/mount.<type> helper program",
    ),
    Fix(
        r"protocol not supported|requested NFS version or transport protocol is not supported"
        r"|RPC: Program.{0,3}version mismatch|PROG_?MISMATCH|minor version mismatch",
        "let the server offer the version that the host asks for (NFSv4: vers4=y in /etc/nfs.conf of the server), or "
        "mount what it offers (pool detail nfsmountopts=vers=3); both over TCP",
        "mount.nfs: Protocol not supported (apache/cloudstack#8996, #10548); mount.nfs: requested NFS version or "
        "transport protocol is not supported (nfs-utils, utils/mount/error.c)",
    ),
    Fix(
        r"access denied by server|permission denied by server|MNT3?_?ERR_?ACCES|NFS4ERR_(ACCESS|PERM|WRONGSEC)"
        r"|mount.*(permission denied|operation not permitted|EACCES)",
        "let the server's export list name this host's storage address (rw,no_root_squash,no_subtree_check; add "
        "`insecure` if the server sees a port above 1023), and run exportfs -ra there",
        "mount.nfs: access denied by server while mounting 10.88.2.254:/export/primary (vm)",
    ),
    Fix(
        r"no such file or directory|MNT3?_?ERR_?NOENT|NFS4ERR_NOENT|does not exist|not exported",
        "correct the path: it is not exported by this server (showmount -e SERVER; with NFSv4 paths begin at the root "
        "of the pseudo file system, fsid=0)",
        "mount.nfs: mounting 10.88.2.254:/export/gone failed, reason given by server: No such file or directory (vm)",
    ),
    Fix(
        r"not registered|RPC: Unable to receive|portmap.*fail|rpcbind.*fail",
        "start the NFS server and its rpcbind (systemctl start rpcbind nfs-server on the server), or ask with NFSv4, "
        "which needs no rpcbind",
        "mount.nfs: RPC: Program not registered; clnt_create: RPC: Program not registered",
    ),
    Fix(
        r"stale file handle|ESTALE|NFS3?4?ERR_STALE",
        "the server no longer knows the file system: export it with a fixed fsid=, run exportfs -ra, mount it anew",
        "ls: cannot access /mnt/dataset/: Stale file handle (openzfs/zfs#6197, Nexenta/edgefs#293)",
    ),
    Fix(
        r"read-only file system|EROFS|NFS[34]ERR_ROFS",
        "export it with rw (exportfs -v shows what is in force), and see in the server's dmesg whether its file system "
        "has become read-only",
        "touch: cannot touch '/mnt/x/.probe': Read-only file system",
    ),
    Fix(
        r"no space left|disk quota exceeded|ENOSPC|EDQUOT|NFS[34]ERR_(NOSPC|DQUOT)",
        "make room on the export, or raise the quota",
        "No space left on device",
    ),
    Fix(
        r"name or service not known|name resolution|failed to resolve|unknown host",
        "let the host resolve the server's name (/etc/hosts, DNS), or give the pool the server's address",
        "mount.nfs: Failed to resolve server nfs1: Name or service not known",
    ),
    Fix(
        r"no route to host|network is unreachable|EHOSTUNREACH|ENETUNREACH",
        "give the host an address in the storage network, or a route to it (network_bridge_config), and look at the "
        "firewalls that answer with a reject",
        "mount.nfs: No route to host; mount.nfs: Network is unreachable",
    ),
    Fix(
        r"connection refused|ECONNREFUSED",
        "start the NFS server (nothing listens on TCP 2049 there), or correct its address",
        "mount.nfs: Connection refused",
    ),
    Fix(
        r"timed out|timeout|ETIMEDOUT|no answer within|did not answer",
        "open TCP 2049 (NFSv3 also 111 and mountd's port) between the host's storage address and the server, and look "
        "at the path: cable, VLAN, MTU (MTU001, MTU003)",
        "mount.nfs: Connection timed out; 129 s in createStoragePool (vm)",
    ),
)
NFS_ELSE = (
    "export it to the host's storage address (rw,no_root_squash), open TCP 2049 on the way, and try again with the "
    "role storage_client"
)

# libiscsi and librados, which the pre-flight asks with: "step: text". `tgt` and `ceph` were captured from tgtd 1.0.85
# and from a monitor and OSD of Ceph 16.2 (tests/integration/test_storage_pools.py).
POOL = (
    Fix(
        r"Target not found|Authorization failure",
        "compare the pool's target with what the portal offers (iscsi-ls iscsi://SERVER), and let the target's access "
        "list name this host's initiator (/etc/iscsi/initiatorname.iscsi): some hide from those they do not know",
        "login: Failed to log in to target. Status: Target not found(515) (tgt, both cases)",
    ),
    Fix(
        r"LOGICAL_UNIT_NOT_SUPPORTED",
        "map the LUN to this host's initiator on the storage, or correct the number at the end of the pool's path",
        "lun: LUN 7: SENSE KEY:ILLEGAL_REQUEST(5) ASCQ:LOGICAL_UNIT_NOT_SUPPORTED(0x2500) (tgt)",
    ),
    Fix(
        r"^lun: ",
        "look at the LUN on the storage (offline, reserved by another host), and at its messages of this time",
        "SENSE KEY of SPC-4 in libiscsi's words",
    ),
    Fix(
        r"^login: .*(librados: -(13|22)\)|not a Ceph key)",
        "correct user and key in the URL of cluster_primary_storage (ceph auth get client.USER; key percent-encoded)",
        "login: Permission denied (librados: -13), for a wrong key and for an unknown user (ceph)",
    ),
    Fix(
        r"^login: .*librados: -110\)",
        "the monitors take connections and do not answer: see whether they have a quorum (ceph -s), and whether large "
        "packets pass (MTU001, MTU003)",
        "login: Connection timed out (librados: -110), with a monitor that was stopped (ceph)",
    ),
    Fix(
        r"^pool: .*librados: -2\)",
        "correct the pool's name, or create it (ceph osd pool ls; ceph osd pool create NAME; rbd pool init NAME)",
        "pool: No such file or directory (librados: -2) (ceph)",
    ),
    Fix(
        r"librados: -(1|13)\)",
        "give the account the right to write: ceph auth caps client.USER mon 'profile rbd' osd 'profile rbd pool=POOL'",
        "write: Operation not permitted (librados: -1), for an account with mon 'allow r' osd 'allow r' (ceph)",
    ),
    Fix(
        r"librados: -110\)",
        "the monitors answer and the OSDs do not: open TCP 6800 to 7300 from this host to all of them, and see whether "
        "large packets pass (MTU001, MTU003) and placement groups are active (ceph -s)",
        "write: Connection timed out (librados: -110), with an OSD that was stopped (ceph)",
    ),
    Fix(
        r"no route to host|network is unreachable",
        "give the host an address in the storage network, or a route to it (network_bridge_config)",
        "connect: port 3260 of 10.88.2.240: [Errno 113] No route to host",
    ),
    Fix(
        r"name or service not known|name resolution|no address associated",
        "let the host resolve the storage's name (/etc/hosts, DNS), or give the pool its address",
        "connect: port 3300 of ceph1: [Errno -2] Name or service not known",
    ),
    Fix(
        r"connection refused",
        "start the target or the monitor (nothing listens on its port there), or correct the pool's server",
        "connect: port 3260 of 10.88.2.240: [Errno 111] Connection refused",
    ),
    Fix(
        r"^connect: .*timed out",
        "open TCP 3260 (iSCSI), or 3300 and 6789 (monitors of Ceph) from the host's storage address, and look at the "
        "path: cable, VLAN, MTU (MTU001, MTU003)",
        "connect: port 3260 of 10.88.2.240: timed out",
    ),
)
POOL_ELSE = (
    "bring the storage back, let it know this host (initiator name, or account), and open its ports on the way "
    "(iSCSI: TCP 3260; Ceph: 3300, 6789, and 6800 to 7300)"
)

# ipmitool over lanplus.
BMC = (
    Fix(
        r"RAKP 2 HMAC is invalid|RAKP 4 message has invalid|integrity check value|(wrong|invalid|incorrect) password",
        "correct oobm_password (an IPMI 2.0 password has 20 bytes at most, some BMCs take 16)",
        "ipmitool: RAKP 2 HMAC is invalid (vm)",
    ),
    Fix(
        r"unauthorized name|invalid user ?name|user.*(is )?disabled|disabled user|account.*(disabled|locked)",
        "correct oobm_username, enable the account on the BMC (ipmitool user enable ID) and let it use IPMI over LAN "
        "(ipmitool channel setaccess 1 ID ipmi=on link=on privilege=4)",
        "ipmitool: RAKP 2 message indicates an error : unauthorized name (vm)",
    ),
    Fix(
        r"privilege level|insufficient privilege|unauthorized role|requested role|invalid role|privilege",
        "the BMC answers and refuses the privilege: give the account ADMINISTRATOR on the LAN channel (ipmitool "
        "channel setaccess 1 ID privilege=4), and let the channel itself allow it (its maximum privilege)",
        "ipmitool: Set Session Privilege Level to ADMINISTRATOR failed: Insufficient privilege level "
        "(openbmc/openbmc#1812)",
    ),
    Fix(
        r"cipher ?suite|no matching cipher|invalid (authentication|integrity|confidentiality) algorithm"
        r"|algorithm.*not supported|open session.*no.*match",
        "enable cipher suite 3 or 17 for the LAN channel on the BMC (ipmitool lan set 1 cipher_privs), or update its "
        "firmware; CloudStack passes no -C, so ipmitool of the management server chooses",
        "ipmitool: Error in open session response message : no matching cipher suite (ipmitool/ipmitool#363); "
        "... : invalid authentication algorithm (openbmc/openbmc#3666)",
    ),
    Fix(
        r"insufficient resources|no (more )?(free |available )?session|session slots?|too many sessions|node busy"
        r"|out of sessions?|maximum.*sessions",
        "the BMC has no session left: close web consoles and monitoring that keep sessions open (ipmitool session info "
        "all), wait for their time-out, or reset the BMC (ipmitool mc reset cold)",
        "ipmitool: Error in open session response message : insufficient resources for session; Node busy",
    ),
    Fix(
        r"password.*(long|length|20 bytes)",
        "shorten oobm_password to 20 bytes (16 for old BMCs)",
        "ipmitool: password is longer than 20 bytes",
    ),
    Fix(
        r"authentication type .* not supported|auth(entication)? ?type NONE|unsupported auth",
        "enable IPMI 2.0 (lanplus) with passwords on the BMC's LAN channel",
        "ipmitool: Authentication type NONE not supported",
    ),
    Fix(
        r"could not open device|ipmitool: (command )?not found|no such file or directory.*ipmitool"
        r"|ipmitool is not installed",
        "install ipmitool on the management server",
        "ipmitool: not found",
    ),
    Fix(
        r"RAKP [24] message indicates an error",
        "the BMC answers and refuses the account: correct oobm_username and oobm_password, and its access to the LAN "
        "channel (ipmitool channel getaccess 1 ID)",
        "ipmitool: RAKP 2 message indicates an error : illegal parameter",
    ),
    Fix(
        r"address lookup for .* failed|name or service not known",
        "let the management servers resolve the BMC's name, or declare its address in oobm_address",
        "ipmitool: Address lookup for bmc1 failed",
    ),
)
BMC_ELSE = (
    "correct oobm_address and oobm_port, enable IPMI over LAN (2.0, lanplus), and open UDP 623 from every management "
    "server to the BMC"
)

# sudo, as the management server's login meets it.
SUDO = (
    Fix(
        r"must have a tty|requiretty",
        "take `Defaults requiretty` out of sudoers, or add `Defaults:USER !requiretty`",
        "sudo: sorry, you must have a tty to run sudo (vm)",
    ),
    Fix(
        r"terminal is required|password is required|a password",
        "add NOPASSWD for the three programs: run ansible-playbook cloudstack.kvm.prepare_hosts (role "
        "cloudstack_agent writes "
        "/etc/sudoers.d/cloudstack-kvm)",
        "sudo: a terminal is required to read the password (vm)",
    ),
    Fix(
        r"sudo: command not found|sudo: not found|sudo.*not installed",
        "install sudo: the server puts it before the keystore scripts for root too",
        "/bin/bash: line 1: sudo: command not found (vm)",
    ),
    Fix(
        r"command not found",
        "let secure_path in sudoers hold /usr/sbin and /usr/bin, and the packages of CloudStack be installed",
        "sudo: /usr/share/cloudstack-common/scripts/util/keystore-setup: command not found (vm)",
    ),
    Fix(
        r"not in (the )?sudoers|not allowed to (run|execute)",
        "let sudoers name the account for the three programs: run ansible-playbook cloudstack.kvm.prepare_hosts "
        "(role cloudstack_agent)",
        "user NOT in sudoers; command not allowed (vm, the host's journal)",
    ),
    Fix(
        r"unable to resolve host",
        "put the host's own name into /etc/hosts: sudo looks it up at each call",
        "sudo: unable to resolve host h4: Temporary failure in name resolution (vm)",
    ),
    Fix(
        r"account (has )?expired|PAM account management",
        "let PAM accept the account for sudo (expired password or account, access.conf)",
        "sudo: PAM account management error: Permission denied",
    ),
)


def fix_for(table: Sequence[Fix], text: str, otherwise: str) -> str:
    """The next step for what was said, `otherwise` for what no row knows."""
    return next((row.fix for row in table if re.search(row.says, text, re.IGNORECASE)), otherwise)
