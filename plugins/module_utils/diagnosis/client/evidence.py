# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the host itself knows about a join that failed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer, run, run_all
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import SET_UP_TRIAL
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.logs import scrub
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.certificate_pair import belongs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.certificate import certificate_state
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import parse_properties

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
    "openssl": "openssl",
    "hostname": "hostname",
}
# What only the set-up of Debian and Ubuntu runs (python/lib/cloudutils/utilities.py of CloudStack 4.22.1), which takes
# a host with one of these files for another; and Ubuntu is told by /etc/legal, without lsb_release.
DEBIAN_PROGRAMS = {"kvm-ok": "kvm-ok"}
PLAIN_DEBIAN_PROGRAMS = {"lsb_release": "/usr/bin/lsb_release"}
OTHER_FAMILIES = ("/etc/fedora-release", "/etc/redhat-release", "/etc/SUSE-brand", "/usr/etc/SUSE-brand")
UBUNTU = "/etc/legal"
SETUP_AGENT = "/usr/bin/cloudstack-setup-agent"
# The modules of the set-up, and what it does before its first line in setup.log.
TRIAL = "import cloudutils.syscfg; from cloudutils.utilities import Distribution; print(Distribution().getVersion())"
TRIAL_LINES = 40
# Keys of agent.properties that tell whether the host was set up, and where the agent goes; none is a secret.
KEYS = ("host", "port", "zone", "pod", "cluster", "guid", "network.bridge.type")
UNITS = ("cloudstack-agent.service", "libvirtd.service")
TAGS = ("sudo", "sshd", "cloudstack-keystore-setup", "libvirtd", "systemd", "cloudstack-agent", "java", "pre-check.sh")
TAIL = 2_000_000  # bytes read from the end of a log
TIMEOUT = 60.0  # seconds; the journal of a host in trouble can be long


def collect(lines: int, username: str, seconds: int) -> dict[str, Any]:
    """logs, journal, units, programs, files, certificate and single facts, as documented by the module
    host_join_evidence. The journal is that of the last `seconds`.
    """
    answers = run_all(_commands(lines, username, seconds), timeout=TIMEOUT)
    journal, shown = answers["journal"], answers["certificate"]
    words = None if journal.status is None else scrub((journal.stdout + journal.stderr).splitlines())
    state = certificate_state(shown.stdout, SystemClock().now()) if shown.ok else None
    logs = {name: _tail(path, lines) for name, path in LOGS.items()}
    return {
        "logs": {**logs, **_trial()},
        "log_ages": _ages(),
        "journal": words,
        "units": {unit: _properties(answers[unit].stdout) for unit in UNITS},
        "programs": {name: _program(path) for name, path in _needed_programs().items()},
        "files": _sizes(AGENT),
        "properties": _agent_properties(),
        "certificate": state,
        "certificate_fits_key": _fits(),
        "sudo_without_password": _without_password(username, answers),
        "kvm_device": os.path.exists("/dev/kvm"),
        "tmp_noexec": _noexec("/tmp"),
        **_own_name(),
        **_space(),
    }


def _own_name() -> dict[str, Any]:
    """The host's name as the set-up asks for it, and the seconds that it took; asked alone, to time only that."""
    clock = SystemClock()
    begun = clock.monotonic()
    answer = run(("hostname", "--fqdn"), timeout=TIMEOUT)
    taken = round(clock.monotonic() - begun, 1)
    return {"fqdn": answer.stdout.strip() if answer.ok else None, "fqdn_seconds": taken}


def _trial() -> dict[str, list[str]]:
    """What Python says when it loads the set-up, which only the management server hears. Nothing where all is well."""
    script = _text_of(SETUP_AGENT)
    if script is None or "cloudutils" not in script:
        return {}
    answer = run(("/usr/bin/python3", "-B", "-c", TRIAL), timeout=TIMEOUT)  # -B: no files are written
    said = answer.problem or answer.stderr
    return {} if answer.ok else {SET_UP_TRIAL: scrub(said.splitlines()[-TRIAL_LINES:])}


def _text_of(path: str) -> Optional[str]:
    """The text of a file, None where it cannot be read."""
    try:
        with open(path, encoding="latin-1") as file:
            return file.read(TAIL)
    except OSError:
        return None


def _agent_properties() -> dict[str, str]:
    """What decides where the agent goes; empty where the file cannot be read."""
    text = _text_of(os.path.join(AGENT, "agent.properties"))
    try:
        found = parse_properties(text or "")
    except ParseError:
        return {}
    return {key: found[key] for key in KEYS if found.get(key)}


def _ages() -> dict[str, int]:
    """Seconds since something was last written to each log."""
    now = SystemClock().now().timestamp()
    return {name: round(now - os.path.getmtime(path)) for name, path in LOGS.items() if os.path.exists(path)}


def _needed_programs() -> dict[str, str]:
    """What a join runs on a host of this distribution."""
    if any(map(os.path.exists, OTHER_FAMILIES)):
        return PROGRAMS
    plain = {} if os.path.exists(UBUNTU) else PLAIN_DEBIAN_PROGRAMS
    return {**PROGRAMS, **DEBIAN_PROGRAMS, **plain}


def _noexec(folder: str) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def _properties(text: str) -> dict[str, str]:
    """The answer of systemctl show."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _sizes(folder: str) -> dict[str, int]:
    """Bytes of each file of a folder, empty without one."""
    if not os.path.isdir(folder):
        return {}
    return {name: os.path.getsize(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


def _commands(lines: int, username: str, seconds: int) -> dict[str, tuple[str, ...]]:
    tags = tuple(part for tag in TAGS for part in ("-t", tag))
    states = "LoadState,ActiveState,SubState,UnitFileState,NRestarts"
    commands: dict[str, tuple[str, ...]] = {
        "journal": (
            "journalctl",
            "--no-pager",
            "-q",
            "-o",
            "short-iso",
            "--since",
            f"-{seconds}s",
            "-n",
            str(lines),
            *tags,
        ),
        **{unit: ("systemctl", "show", unit, "-p", states) for unit in UNITS},
        "certificate": ("openssl", "x509", "-in", os.path.join(AGENT, "cloud.crt"), "-noout", "-startdate", "-enddate"),
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
