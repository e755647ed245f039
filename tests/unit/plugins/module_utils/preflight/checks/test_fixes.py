# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fix of a finding says follows what the program said."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.fixes import (
    BMC,
    BMC_ELSE,
    NFS,
    NFS_ELSE,
    SUDO,
    fix_for,
)

NFS_TEXTS = [
    ("mount.nfs: rpc.statd is not running but is required for remote locking.", "rpc-statd"),
    ("mount.nfs: Protocol not supported", "nfsmountopts=vers=3"),
    ("mount.nfs: requested NFS version or transport protocol is not supported for /tmp/x", "vers4=y"),
    ("mount: access denied by server while mounting 10.88.2.254:/export/primary", "exportfs -ra"),
    ("mount: mount.nfs: Operation not permitted", "export list"),
    ("mount_cb: MNT3_ERR_ACCES", "insecure"),
    ("mounting 10.88.2.254:/gone failed, reason given by server: No such file or directory", "showmount"),
    ("mount.nfs: RPC: Program not registered", "rpcbind"),
    ("mount.nfs: Stale file handle", "fsid="),
    ("write: [Errno 30] Read-only file system", "rw"),
    ("write: [Errno 28] No space left on device", "make room"),
    ("mount.nfs: Failed to resolve server nfs1: Name or service not known", "/etc/hosts"),
    ("mount.nfs: No route to host", "route"),
    ("mount.nfs: Connection refused", "nothing listens"),
    ("mount.nfs: Connection timed out", "path: cable"),
    (
        "mount: fs type nfs: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.nfs",
        "nfs-common",
    ),
]
BMC_TEXTS = [
    ("Error: RAKP 2 HMAC is invalid", "oobm_password"),
    ("RAKP 2 message indicates an error : unauthorized name", "ipmitool user enable"),
    ("Set Session Privilege Level to ADMINISTRATOR failed", "ADMINISTRATOR"),
    ("RAKP 2 message indicates an error : unauthorized role or privilege level requested", "ADMINISTRATOR"),
    ("Chassis Power Control: insufficient privilege level", "ADMINISTRATOR"),
    ("Error in open session response message : no matching cipher suite", "cipher suite 3 or 17"),
    ("Error in open session response message : invalid authentication algorithm", "cipher suite"),
    ("Error in open session response message : insufficient resources for session", "session left"),
    ("Get Session Challenge command failed: Node busy", "session left"),
    ("ERROR: password is longer than 20 bytes.", "20 bytes"),
    ("RAKP 2 message indicates an error : illegal parameter", "refuses the account"),
    ("Address lookup for bmc4.example.org failed", "resolve the BMC"),
]
SUDO_TEXTS = [
    ("sudo: sorry, you must have a tty to run sudo", "requiretty"),
    ("sudo: a terminal is required to read the password; either use the -S option", "NOPASSWD"),
    ("sudo: a password is required", "NOPASSWD"),
    ("/bin/bash: line 1: sudo: command not found", "install sudo"),
    ("sudo: /usr/share/cloudstack-common/scripts/util/keystore-setup: command not found", "secure_path"),
    ("ops is not in the sudoers file.", "sudoers name the account"),
    ("sudo: unable to resolve host h4: Temporary failure in name resolution", "/etc/hosts"),
    ("sudo: account validation failure, is your account locked?: PAM account management error", "PAM"),
]
TABLES = [(NFS, NFS_ELSE, NFS_TEXTS), (BMC, BMC_ELSE, BMC_TEXTS), (SUDO, "else", SUDO_TEXTS)]
ROWS = [(table, otherwise, said, words) for table, otherwise, texts in TABLES for said, words in texts]


@pytest.mark.parametrize(("table", "otherwise", "said", "words"), ROWS, ids=[row[2][:50] for row in ROWS])
def test_the_fix_follows_the_text(table, otherwise, said, words):
    assert words in fix_for(table, said, otherwise)


@pytest.mark.parametrize(("table", "otherwise", "texts"), TABLES, ids=["NFS", "BMC", "sudo"])
def test_every_row_but_installation_is_reached_by_a_text(table, otherwise, texts):
    reached = {fix_for(table, said, otherwise) for said, _words in texts}
    silent = [row.says for row in table if row.fix not in reached]
    assert all("install" in row.fix or "IPMI 2.0" in row.fix for row in table if row.says in silent), silent


@pytest.mark.parametrize(
    "said", ["Error: Unable to establish IPMI v2 / RMCP+ session", "Get Auth Capabilities error", "no answer"]
)
def test_a_bmc_that_does_not_answer_is_a_matter_of_its_address(said):
    assert fix_for(BMC, said, BMC_ELSE) == BMC_ELSE
