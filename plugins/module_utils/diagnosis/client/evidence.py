# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the host itself knows about a join that failed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer, run_all
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.logs import scrub
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.certificate_pair import belongs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.certificate import certificate_state

LOGS = {name: f"/var/log/cloudstack/agent/{name}" for name in ("setup.log", "agent.log", "agent.out", "agent.err")}
AGENT = "/etc/cloudstack/agent"
SCRIPTS = "/usr/share/cloudstack-common/scripts/util/"
PROGRAMS = {
    "keystore-setup": SCRIPTS + "keystore-setup",
    "keystore-cert-import": SCRIPTS + "keystore-cert-import",
    "cloudstack-setup-agent": "cloudstack-setup-agent",
    "sudo": "sudo",
    "java": "java",
    "keytool": "keytool",
    "kvm-ok": "kvm-ok",
}
UNITS = ("cloudstack-agent.service", "libvirtd.service")
TAGS = ("sudo", "sshd", "cloudstack-keystore-setup", "libvirtd", "systemd", "cloudstack-agent", "pre-check.sh")
TAIL = 2_000_000  # bytes read from the end of a log
TIMEOUT = 60.0  # seconds; the journal of a host in trouble can be long


def collect(lines: int, username: str) -> dict[str, Any]:
    """logs, journal, units, programs, files, certificate and single facts, as documented by the module
    host_join_evidence.
    """
    answers = run_all(_commands(lines, username), timeout=TIMEOUT)
    journal, fqdn, shown = answers["journal"], answers["fqdn"], answers["certificate"]
    words = None if journal.status is None else scrub((journal.stdout + journal.stderr).splitlines())
    state = certificate_state(shown.stdout, SystemClock().now()) if shown.ok else None
    return {
        "logs": {name: _tail(path, lines) for name, path in LOGS.items()},
        "journal": words,
        "units": {unit: _properties(answers[unit].stdout) for unit in UNITS},
        "programs": {name: _program(path) for name, path in PROGRAMS.items()},
        "files": _sizes(AGENT),
        "certificate": state,
        "certificate_fits_key": _fits(),
        "sudo_without_password": _without_password(username, answers),
        "fqdn": fqdn.stdout.strip() if fqdn.ok else None,
        "kvm_device": os.path.exists("/dev/kvm"),
        **_space(),
    }


def _properties(text: str) -> dict[str, str]:
    """The answer of systemctl show."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _sizes(folder: str) -> dict[str, int]:
    """Bytes of each file of a folder, empty without one."""
    if not os.path.isdir(folder):
        return {}
    return {name: os.path.getsize(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


def _commands(lines: int, username: str) -> dict[str, tuple[str, ...]]:
    tags = tuple(part for tag in TAGS for part in ("-t", tag))
    states = "LoadState,ActiveState,SubState,UnitFileState,NRestarts"
    commands: dict[str, tuple[str, ...]] = {
        "journal": ("journalctl", "--no-pager", "-q", "-o", "short-iso", "--since", "-1h", "-n", str(lines), *tags),
        **{unit: ("systemctl", "show", unit, "-p", states) for unit in UNITS},
        "certificate": ("openssl", "x509", "-in", os.path.join(AGENT, "cloud.crt"), "-noout", "-startdate", "-enddate"),
        "fqdn": ("hostname", "--fqdn"),
    }
    if username != "root":
        commands["sudo"] = ("sudo", "-n", "-l", "-U", username)
    return commands


def _tail(path: str, lines: int) -> Optional[list[str]]:
    """The last lines of a file, None where there is no file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(os.path.getsize(path) - TAIL, 0))
            return scrub(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return None


def _program(path: str) -> str:
    """ok, missing or not executable."""
    if shutil.which(path, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"):
        return "ok"
    return "not executable" if os.path.exists(path) else "missing"


def _fits() -> Optional[bool]:
    """Whether cloud.crt is for cloud.key; None where that cannot be told."""
    try:
        return belongs(os.path.join(AGENT, "cloud.crt"), os.path.join(AGENT, "cloud.key"))
    except CommandError:
        return None


def _without_password(username: str, answers: Mapping[str, Answer]) -> Optional[bool]:
    """Whether sudo has a rule without password for the account; None where that cannot be seen."""
    if username == "root":
        return True
    listed = answers["sudo"]
    return "NOPASSWD" in listed.stdout if listed.ok else None


def _space() -> dict[str, Any]:
    space = os.statvfs("/etc/cloudstack" if os.path.isdir("/etc/cloudstack") else "/etc")
    return {"free_bytes": space.f_bavail * space.f_frsize, "read_only": bool(space.f_flag & os.ST_RDONLY)}
