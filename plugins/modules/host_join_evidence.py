#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_join_evidence
short_description: What a host knows about a failed join
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Collects the ends of setup.log, agent.log, agent.out and the journal, the state of the units and of the programs that a join needs.
  - Reads only. Passphrases and keys, which addHost leaves in the journal, are taken out on the host.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  lines:
    description: How many lines of each log.
    type: int
    default: 400
  username:
    description: Account that CloudStack logs in with.
    type: str
    default: root
"""

EXAMPLES = r"""
- name: Gather what the host knows about the failed join
  cloudstack.kvm.host_join_evidence:
  register: found
"""

RETURN = r"""
evidence:
  description: Logs as lists of lines, units, programs and files.
  returned: success
  type: dict
"""

import os
import shutil
import subprocess

from ansible_collections.cloudstack.kvm.plugins.module_utils import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.client.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.model.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse.certificate import certificate_state
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse.join_logs import scrub

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
ENVIRONMENT = {**os.environ, "LC_ALL": "C"}  # dates and words as the parsers know them
UNITS = ("cloudstack-agent.service", "libvirtd.service")
LIMIT = 2_000_000  # bytes read from the end of a log


def tail(path, lines):
    """The last lines of a file, None where there is no file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(os.path.getsize(path) - LIMIT, 0))
            return scrub(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return None


def output(*command):
    """What a command prints on both channels, None where it does not exist."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False, text=True, errors="replace", env=ENVIRONMENT
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout


def journal(lines):
    """The journal of the last hour: units, keystore scripts, sudo and sshd."""
    tags = [
        "-t",
        "sudo",
        "-t",
        "sshd",
        "-t",
        "cloudstack-keystore-setup",
        "-t",
        "libvirtd",
        "-t",
        "systemd",
        "-t",
        "cloudstack-agent",
        "-t",
        "pre-check.sh",
    ]
    found = output("journalctl", "--no-pager", "-q", "-o", "short-iso", "--since", "-1h", "-n", str(lines), *tags)
    return scrub(found[1].splitlines()) if found else None


def units():
    """Unit -> {ActiveState, SubState, UnitFileState, NRestarts, LoadState}."""
    found = {}
    for unit in UNITS:
        shown = output("systemctl", "show", unit, "-p", "LoadState,ActiveState,SubState,UnitFileState,NRestarts")
        found[unit] = dict(line.split("=", 1) for line in (shown[1] if shown else "").splitlines() if "=" in line)
    return found


def programs():
    """Program -> ok, missing or not executable."""
    found = {}
    for name, path in PROGRAMS.items():
        if shutil.which(path, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"):
            found[name] = "ok"
        else:
            found[name] = "not executable" if os.path.exists(path) else "missing"
    return found


def sudo_without_password(username):
    """Whether sudo has a rule without password for the account; None where that cannot be seen."""
    if username == "root":
        return True
    listed = output("sudo", "-n", "-l", "-U", username)
    return "NOPASSWD" in listed[1] if listed and listed[0] == 0 else None


def facts():
    """Single questions that a join depends on."""
    fqdn = output("hostname", "--fqdn")
    space = os.statvfs("/etc/cloudstack" if os.path.isdir("/etc/cloudstack") else "/etc")
    return {
        "fqdn": fqdn[1].strip() if fqdn and fqdn[0] == 0 else None,
        "kvm_device": os.path.exists("/dev/kvm"),
        "free_bytes": space.f_bavail * space.f_frsize,
        "read_only": bool(space.f_flag & os.ST_RDONLY),
    }


def certificate():
    """Validity of the agent's certificate by the host's own clock; None where there is none, or no openssl."""
    shown = output("openssl", "x509", "-in", os.path.join(AGENT, "cloud.crt"), "-noout", "-startdate", "-enddate")
    return certificate_state(shown[1], SystemClock().now()) if shown and shown[0] == 0 else None


def body(module):
    lines = module.params["lines"]
    evidence = {
        "logs": {name: tail(path, lines) for name, path in LOGS.items()},
        "journal": journal(lines),
        "units": units(),
        "programs": programs(),
        "files": {name: os.path.getsize(os.path.join(AGENT, name)) for name in sorted(os.listdir(AGENT))} if os.path.isdir(AGENT) else {},
        "certificate": certificate(),
        "sudo_without_password": sudo_without_password(module.params["username"]),
        **facts(),
    }
    return Plan(), {"evidence": evidence}


def main():
    runtime.run({"lines": {"type": "int", "default": 400}, "username": {"type": "str", "default": "root"}}, body)


if __name__ == "__main__":
    main()
