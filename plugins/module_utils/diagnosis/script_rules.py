# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""keystore-setup and keystore-cert-import, which the management server runs on the host with sudo (LSD:182-225, LSD as
in answer_rules.py). Their output stands only in management-server.log, so the host's own evidence must tell.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    SCRIPT_SILENCE,
    Rule,
    empty_keystore,
    fact,
    program,
    says,
    silent,
)

KEYSTORE = "Failed to setup keystore"
CERTIFICATE = "Failed to setup certificate"
RESET = (
    "stop cloudstack-agent, remove /etc/cloudstack/agent/cloud.* (cloudstack_agent_remove_leftovers does it), "
    "then add the host again"
)
FULL = 1_000_000  # bytes; a certificate and its keystore need some thousands

SCRIPT_RULES: tuple[Rule, ...] = (
    Rule(
        name="no-sudo",
        error=KEYSTORE,
        proof=program("sudo"),
        cause="sudo is missing on the host",
        expected="sudo",
        next_step="install sudo (role kvm_host), then run again",
        source="LSD:182; staged: sudo-missing",
    ),
    Rule(
        name="no-keystore-setup",
        error=KEYSTORE,
        proof=program("keystore-setup"),
        cause="cloudstack-common is not installed properly on the host",
        expected="/usr/share/cloudstack-common/scripts/util/keystore-setup, executable",
        next_step="reinstall cloudstack-common (role cloudstack_agent), then run again",
        source="LSD:182; staged: keystore-setup-missing, keystore-setup-not-executable, no-package",
    ),
    Rule(
        name="sudo-refuses",
        error=KEYSTORE,
        proof=says(r"NOT in sudoers|command not allowed|a password is required|no tty|must have a tty", "journal"),
        cause="the account may not use sudo for the keystore scripts",
        expected="sudo without password and without a terminal for host_registration_username",
        next_step="let the role cloudstack_agent write the sudoers file, then run again",
        source="sudo(8), whose log is English; staged: user-no-sudo, user-sudo-documented-only, sudo-requiretty",
    ),
    Rule(
        name="sudo-asks-for-a-password",
        error=KEYSTORE,
        proof=fact(
            "sudo_without_password", lambda value: value is False, "sudo -l shows no rule with NOPASSWD for the account"
        ),
        cause="the account may not use sudo without a password",
        expected="sudo without password and without a terminal for host_registration_username",
        next_step="let the role cloudstack_agent write the sudoers file, then run again",
        source="staged: user-sudo-with-password",
    ),
    Rule(
        name="keystore-setup-hangs",
        error=KEYSTORE,
        proof=silent,
        cause="keystore-setup does not end: the host is too slow or hangs, on its entropy, its disk or its name "
        "service",
        expected=f"keystore-setup to end within {SCRIPT_SILENCE} s",
        next_step="measure on the host how long `keytool -help` and `hostname --fqdn` take, reduce its load or repair "
        "its resolvers, then run again",
        source="SSHCmdHelper.java:158-201; seen on hosts under emulation",
    ),
    Rule(
        name="no-keystore-cert-import",
        error=CERTIFICATE,
        proof=program("keystore-cert-import"),
        cause="the script that imports the certificate is missing: cloudstack-common is not installed properly",
        expected="/usr/share/cloudstack-common/scripts/util/keystore-cert-import, executable",
        next_step="reinstall cloudstack-common (role cloudstack_agent), then run again",
        source="LSD:205; staged: cert-import-missing",
    ),
    Rule(
        name="read-only",
        error=CERTIFICATE,
        proof=fact("read_only", bool, "read only: {}"),
        cause="/etc/cloudstack is read-only",
        expected="a writable /etc/cloudstack",
        next_step="see why with `dmesg` (disk errors) and `findmnt /etc/cloudstack`, remount it writable, then run "
        "again",
        source="keystore-cert-import:81 of CloudStack 4.22.1; staged: etc-cloudstack-readonly",
    ),
    Rule(
        name="cannot-write",
        error=CERTIFICATE,
        proof=says(r"Cannot chmod|Read-only file system|nur lesbar|en lecture seule", "journal"),
        cause="/etc/cloudstack cannot be written to",
        expected="a writable /etc/cloudstack",
        next_step="see why with `dmesg` (disk errors) and `findmnt /etc/cloudstack`, remount it writable, then run "
        "again",
        source="keystore-setup:104-106; staged: etc-cloudstack-readonly",
    ),
    Rule(
        name="disk-was-full",
        proof=empty_keystore,
        cause="the disk is full, or was when the keystore was written",
        expected="free space in /etc",
        next_step="free some space, then " + RESET,
        source="staged: disk-full, which leaves a cloud.jks of 0 bytes, and fails later joins too",
    ),
    Rule(
        name="disk-full",
        proof=fact("free_bytes", lambda value: value is not None and value < FULL, "{} bytes free in /etc/cloudstack"),
        cause="the disk is full",
        expected="free space in /etc",
        next_step="free some space, then " + RESET,
        source="staged: disk-full",
    ),
    Rule(
        name="disk-full-words",
        proof=says(
            r"No space left on device|ENOSPC|Disk quota exceeded|Kein Speicherplatz|Aucun espace disponible"
            r"|No queda espacio"
        ),
        cause="a file system of the host is full",
        expected="free space in /, /var and /tmp",
        next_step="find it with `df -h` on the host, free some space, then " + RESET,
        source="errno(3)",
    ),
    Rule(
        name="keystore-cert-import-hangs",
        error=CERTIFICATE,
        proof=silent,
        cause="keystore-cert-import does not end: the host is too slow or hangs",
        expected=f"keystore-cert-import to end within {SCRIPT_SILENCE} s",
        next_step="measure on the host how long `keytool -help` takes, reduce its load, then remove "
        "/etc/cloudstack/agent/cloud.* and run again",
        source="SSHCmdHelper.java:158-201; seen on hosts under emulation",
    ),
)
