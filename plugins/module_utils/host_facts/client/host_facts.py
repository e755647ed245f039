# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collects the facts of a host in one go: independent commands side by side, everything else read from files.

A tool that is missing or fails is no healthy host: its part of the facts is empty, and `unknown` says why.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer, run, run_all
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import (
    access_facts,
    agent_facts,
    cpu_facts,
    fact_files,
    libvirt_facts,
    machine_facts,
    network_facts,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_answers import (
    parsed,
    read_and_parsed,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model import default_fact_selection as checked
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import (
    chronyc,
    ip_json,
    system,
    unit_properties,
)

SCHEMA_VERSION = "2"
COMMANDS = {
    "addr": ("ip", "-j", "-d", "addr"),
    "route": ("ip", "-j", "-4", "route"),
    "fqdn": ("hostname", "--fqdn"),
    "tracking": ("chronyc", "-c", "-n", "tracking"),
    "sources": ("chronyc", "-c", "-n", "sources"),
}
# Each has commands(user), what it wants to be answered, and collect(answers, unknown, user), its part of the facts.
PARTS = (machine_facts, cpu_facts, network_facts, libvirt_facts, agent_facts, access_facts)
SHOWN_UNIT = ("-p", "Id,Names,LoadState,ActiveState,SubState,UnitFileState,NRestarts")
NO_TIME = dict.fromkeys(("synchronised", "source", "reference_id", "stratum", "offset_s", "leap"))


class Collector:
    """One collection. `wanted` is what the caller wants to know beyond what is always looked at, `user` the account
    that CloudStack logs in with."""

    def __init__(self, wanted: Mapping[str, Sequence[str]], user: str) -> None:
        always = {
            "packages": checked.PACKAGES,
            "units": checked.UNITS,
            "sysctl": checked.SYSCTL,
            "kernel_modules": checked.KERNEL_MODULES,
            "files": checked.FILES,
        }
        self.wanted = {name: tuple(dict.fromkeys((*wanted[name], *names))) for name, names in always.items()}
        self.user = user
        self.unknown: dict[str, str] = {}
        self.answers: dict[str, Answer] = {}

    def collect(self) -> dict[str, Any]:
        """All facts, as documented by the module kvm_host_facts."""
        self.answers.update(run_all(self._questions()))
        self.answers["units"] = replace(
            self.answers["units"], argv=("systemctl", "show")
        )  # a reason shall not list them all
        packages = self._packages()
        facts = {
            "schema_version": SCHEMA_VERSION,
            "collected_at": round(time.time(), 3),
            **self._identity(),
            **self._network(),
            "time": self._time(),
            "java": {"version": self._java()},
            "nfs": {"mounts": read_and_parsed("nfs", "/proc/mounts", system.parse_nfs_mounts, self.unknown) or []},
            "iscsi": {
                "initiator": system.parse_initiator(fact_files.read_or_none("/etc/iscsi/initiatorname.iscsi") or "")
            },
            "nvme": {"hostnqn": (fact_files.read_or_none("/etc/nvme/hostnqn") or "").strip() or None},
            "mounts": read_and_parsed("mounts", "/proc/mounts", system.parse_mounts, self.unknown) or [],
            "agent": {
                **agent_facts.collect_agent(packages["cloudstack-agent"], self.unknown),
                "common_version": packages["cloudstack-common"],
            },
            "packages": packages,
            "units": self._parsed(
                "units", "units", lambda text: unit_properties.parse_units(text, self.wanted["units"])
            )
            or {},
            "sysctl": {key: fact_files.sysctl(key) for key in self.wanted["sysctl"]},
            "kernel_modules": fact_files.kernel_modules(self.wanted["kernel_modules"]),
            "files": self._files(),
            "unknown": self.unknown,
        }
        for part in PARTS:
            facts = _merged(facts, part.collect(self.answers, self.unknown, self.user))
        return facts

    def _questions(self) -> dict[str, Sequence[str]]:
        questions: dict[str, Sequence[str]] = {
            **COMMANDS,
            "dpkg": (
                "dpkg-query",
                "-W",
                "-f",
                "${Package} ${db:Status-Abbrev} ${Version}\\n",
                *self.wanted["packages"],
            ),
            "rpm": ("rpm", "-q", "--qf", "%{NAME} ii %{VERSION}-%{RELEASE}\\n", *self.wanted["packages"]),
            "units": ("systemctl", "show", *self.wanted["units"], *SHOWN_UNIT),
        }
        for part in PARTS:
            questions.update(part.commands(self.user))
        return questions

    def _parsed(self, fact: str, command: str, parse: Callable[[str], Any]) -> Any:
        return parsed(fact, self.answers[command], parse, self.unknown)

    def _identity(self) -> dict[str, Any]:
        release = read_and_parsed("os", "/etc/os-release", system.parse_os_release, self.unknown)
        empty = dict.fromkeys(("id", "version_id", "codename", "name", "family"))
        command_line = fact_files.read_or_none("/proc/cmdline")
        return {
            "os": {
                **(release or empty),
                "kernel": platform.release(),
                "command_line": command_line and command_line.strip(),
            },
            "hostname": platform.node(),
            "fqdn": self._parsed("fqdn", "fqdn", str.strip) or None,
            "machine_id": read_and_parsed("machine_id", "/etc/machine-id", str.strip, self.unknown) or None,
        }

    def _network(self) -> dict[str, Any]:
        interfaces = self._parsed("interfaces", "addr", ip_json.parse_interfaces)
        if interfaces is None:
            self.unknown["bridges"] = self.unknown["interfaces"]
        routes = self._parsed("routes", "route", ip_json.parse_routes)
        if routes is None:
            self.unknown["default_interface"] = self.unknown["routes"]
        return {
            "interfaces": network_facts.complete(
                [fact_files.with_driver(link) for link in interfaces or []], self.answers, self.unknown
            ),
            "bridges": ip_json.find_bridges(interfaces or []),
            "routes": routes or [],
            "default_interface": ip_json.default_device(routes or []),
            "listeners": [
                each
                for name in ("tcp", "tcp6")
                for each in system.parse_listeners(fact_files.read_or_none(f"/proc/net/{name}") or "")
            ],
        }

    def _time(self) -> dict[str, Any]:
        tracking = self._parsed("time", "tracking", chronyc.parse_tracking)
        return {**(tracking or NO_TIME), "sources": self._parsed("time.sources", "sources", chronyc.parse_sources)}

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
        tool = next((name for name in ("dpkg", "rpm") if self.answers[name].status is not None), None)
        if tool is None:
            self.unknown["packages"] = "neither dpkg-query nor rpm is installed"
        return system.parse_packages(self.answers[tool].stdout if tool else "", self.wanted["packages"])

    def _files(self) -> dict[str, Any]:
        found = {}
        for path in self.wanted["files"]:
            try:
                found[path] = fact_files.look_at(path)
            except OSError as error:
                self.unknown[f"files.{path}"] = error.strerror or "not readable"
                found[path] = {"exists": None}
        return found


def _merged(old: Any, new: Any) -> Any:
    """Parts may add to one dictionary (agent, java, nfs ...)."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{key: _merged(old[key], value) if key in old else value for key, value in new.items()}}
