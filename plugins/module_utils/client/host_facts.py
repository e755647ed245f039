# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collects the facts of a host in one go: independent commands side by side, everything else read from files.

A tool that is missing or fails is no healthy host: its part of the facts is empty, and `unknown` says why.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.client import fact_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.client.agent_facts import collect_agent
from ansible_collections.cloudstack.kvm.plugins.module_utils.client.command import Answer, run, run_all
from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.parse import chronyc, ip_json, settings, system

SCHEMA_VERSION = "1"
AGENT_PACKAGE = "cloudstack-agent"
COMMANDS = {
    "addr": ("ip", "-j", "-d", "addr"),
    "route": ("ip", "-j", "-4", "route"),
    "fqdn": ("hostname", "--fqdn"),
    "lscpu": ("lscpu", "-J"),
    "tracking": ("chronyc", "-c", "-n", "tracking"),
    "sources": ("chronyc", "-c", "-n", "sources"),
    "libvirtd": ("libvirtd", "--version"),  # virsh would ask the daemon, and its sockets would start it
    "qemu": (f"qemu-system-{platform.machine()}", "--version"),
    "qemu-kvm": ("/usr/libexec/qemu-kvm", "--version"),  # Enterprise Linux
}
SHOWN_UNIT = ("-p", "Id,Names,LoadState,ActiveState,SubState,UnitFileState")
NO_TIME = {"synchronised": None, "source": None, "stratum": None, "offset_s": None, "leap": None}


class Collector:
    """One collection. `unknown` fills while it goes."""

    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        self.wanted = wanted
        self.unknown: dict[str, str] = {}
        self.answers: dict[str, Answer] = {}

    def collect(self) -> dict[str, Any]:
        """All facts, as documented by the module kvm_host_facts."""
        self.answers = run_all({**COMMANDS, **self._asked()})
        packages = self._packages()
        return {
            "schema_version": SCHEMA_VERSION,
            **self._identity(),
            "cpu": self._cpu(),
            "memory": self._from_file("memory", "/proc/meminfo", system.parse_meminfo),
            "kvm": {"device": os.path.exists("/dev/kvm")},
            "lsm": fact_files.lsm(),
            "cgroup": fact_files.cgroup(),
            **self._network(),
            "time": self._time(),
            "libvirt": self._libvirt(),
            "java": {"version": self._java()},
            "nfs": {"mounts": self._from_file("nfs", "/proc/mounts", system.parse_nfs_mounts) or []},
            "iscsi": {"initiator": system.parse_initiator(fact_files.read_or_none("/etc/iscsi/initiatorname.iscsi") or "")},
            "agent": collect_agent(packages.get(AGENT_PACKAGE), self.unknown),
            "packages": {name: packages[name] for name in self.wanted["packages"]},
            "units": self._units(),
            "sysctl": {key: fact_files.sysctl(key) for key in self.wanted["sysctl"]},
            "kernel_modules": fact_files.kernel_modules(self.wanted["kernel_modules"]),
            "files": self._files(),
            "unknown": self.unknown,
        }

    def _asked(self) -> dict[str, tuple[str, ...]]:
        names = (*self.wanted["packages"], AGENT_PACKAGE)
        commands: dict[str, tuple[str, ...]] = {
            "dpkg": ("dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev} ${Version}\\n", *names),
            "rpm": ("rpm", "-q", "--qf", "%{NAME} ii %{VERSION}-%{RELEASE}\\n", *names),
        }
        if self.wanted["units"]:
            commands["units"] = ("systemctl", "show", *self.wanted["units"], *SHOWN_UNIT)
        return commands

    def _parsed(self, fact: str, command: str, parse: Callable[[str], Any]) -> Any:
        answer = self.answers[command]
        if not answer.ok:
            self.unknown[fact] = answer.why()
            return None
        return self._understood(fact, answer.stdout, parse)

    def _from_file(self, fact: str, path: str, parse: Callable[[str], Any]) -> Any:
        try:
            text = fact_files.read(path)
        except OSError as error:
            self.unknown[fact] = f"{path}: {error.strerror}"
            return None
        return self._understood(fact, text, parse)

    def _understood(self, fact: str, text: str, parse: Callable[[str], Any]) -> Any:
        try:
            return parse(text)
        except ParseError as error:
            self.unknown[fact] = str(error)
            return None

    def _identity(self) -> dict[str, Any]:
        fqdn, system_release = self.answers["fqdn"], self._from_file("os", "/etc/os-release", system.parse_os_release)
        if not fqdn.ok:
            self.unknown["fqdn"] = fqdn.why()
        empty = dict.fromkeys(("id", "version_id", "codename", "name", "family"))
        command_line = fact_files.read_or_none("/proc/cmdline")
        return {
            "os": {**(system_release or empty), "kernel": platform.release(), "command_line": command_line and command_line.strip()},
            "arch": platform.machine(),
            "hostname": platform.node(),
            "fqdn": fqdn.stdout.strip() or None if fqdn.ok else None,
            "machine_id": (fact_files.read_or_none("/etc/machine-id") or "").strip() or None,
        }

    def _cpu(self) -> Optional[dict[str, Any]]:
        cpu = self._parsed("cpu", "lscpu", system.parse_lscpu)
        now = system.parse_cpuinfo(fact_files.read_or_none("/proc/cpuinfo") or "")
        return {**cpu, "mhz": cpu["mhz"] or now["mhz"], "microcode": now["microcode"]} if cpu else None

    def _network(self) -> dict[str, Any]:
        interfaces = self._parsed("interfaces", "addr", ip_json.parse_interfaces)
        if interfaces is None:
            self.unknown["bridges"] = self.unknown["interfaces"]
        routes = self._parsed("routes", "route", ip_json.parse_routes)
        if routes is None:
            self.unknown["default_interface"] = self.unknown["routes"]
        return {
            "interfaces": [fact_files.with_driver(link) for link in interfaces or []],
            "bridges": ip_json.find_bridges(interfaces or []),
            "routes": routes or [],
            "default_interface": ip_json.default_device(routes or []),
            "listeners": [each for name in ("tcp", "tcp6") for each in system.parse_listeners(fact_files.read_or_none(f"/proc/net/{name}") or "")],
        }

    def _time(self) -> dict[str, Any]:
        tracking = self._parsed("time", "tracking", chronyc.parse_tracking)
        return {**(tracking or NO_TIME), "sources": self._parsed("time.sources", "sources", chronyc.parse_sources)}

    def _libvirt(self) -> Optional[dict[str, Any]]:
        version = self._parsed("libvirt", "libvirtd", system.parse_version)
        if version is None:
            return None
        emulator = next((self.answers[name] for name in ("qemu", "qemu-kvm") if self.answers[name].ok), self.answers["qemu"])
        if not emulator.ok:
            self.unknown["libvirt.qemu_version"] = emulator.why()
        return {
            "version": version,
            "qemu_version": system.parse_version(emulator.stdout) if emulator.ok else None,
            **self._libvirt_settings(),
            "domains": self._domains(),
        }

    def _libvirt_settings(self) -> dict[str, Any]:
        """listen_tls and listen_tcp of libvirtd.conf; None: not set there (libvirt's defaults are 1 and 0) or not readable."""
        path = "/etc/libvirt/libvirtd.conf"
        found = self._from_file("libvirt.settings", path, lambda text: settings.parse_settings(text, "libvirt", path)) or {}
        return {key: found.get(key) for key in ("listen_tls", "listen_tcp", "tls_port")}

    def _domains(self) -> Optional[list[str]]:
        try:
            return fact_files.running_domains()
        except OSError as error:
            self.unknown["libvirt.domains"] = f"/run/libvirt/qemu: {error.strerror}"
            return None

    def _java(self) -> Optional[str]:
        version = system.parse_java_version(fact_files.java_release() or "")
        if version:
            return version
        answer = run(("java", "-version"), timeout=60)
        if not answer.ok:
            self.unknown["java"] = answer.why()
        return system.parse_java_version(answer.stderr + answer.stdout) if answer.ok else None

    def _packages(self) -> dict[str, Optional[str]]:
        """Package -> version, None if it is not installed."""
        names = (*self.wanted["packages"], AGENT_PACKAGE)
        tool = next((name for name in ("dpkg", "rpm") if self.answers[name].status is not None), None)
        if tool is None:
            self.unknown["packages"] = "neither dpkg-query nor rpm is installed"
        return system.parse_packages(self.answers[tool].stdout if tool else "", names)

    def _units(self) -> dict[str, Any]:
        asked = self.wanted["units"]
        return (self._parsed("units", "units", lambda text: system.parse_units(text, asked)) or {}) if asked else {}

    def _files(self) -> dict[str, Any]:
        found = {}
        for path in self.wanted["files"]:
            try:
                found[path] = fact_files.look_at(path)
            except OSError as error:
                self.unknown[f"files.{path}"] = error.strerror or "not readable"
                found[path] = {"exists": None}
        return found
