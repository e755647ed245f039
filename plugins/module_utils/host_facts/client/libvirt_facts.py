# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""libvirt and QEMU. The daemon is asked only while its service runs: its sockets would start it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_answers import (
    parsed,
    program,
    read_and_parsed,
    understood,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model import default_fact_selection as checked
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import system, unit_properties
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.libvirt_xml import (
    parse_cpu_models,
    parse_domain_machine,
    parse_host_cpu,
    parse_host_uuid,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.libvirtd_conf import (
    conf_errors,
    parse_arguments,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.machine_types import parse_machine_types
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse import settings

SERVICE = "libvirtd.service"
DAEMON_FILE = "/etc/libvirt/libvirtd.conf"
DAEMON_KEYS = ("listen_tls", "listen_tcp", "tls_port", "listen_addr", "auth_tls", "host_uuid", "host_uuid_source")
UNIT_FILES = ("/etc/default/libvirtd", "/etc/sysconfig/libvirtd")
# With its socket named, virsh talks to libvirtd and to nothing else. Left to choose, it may wake one of the modular
# daemons.
READ_ONLY = ("virsh", "-q", "-r", "-c", "qemu+unix:///system?socket=/run/libvirt/libvirt-sock-ro")
# "read only access prevents virConnectGetDomainCapabilities" (CVE-2019-10167: it runs an emulator that the caller may
# name).
FULL = ("virsh", "-q", "-c", "qemu+unix:///system?socket=/run/libvirt/libvirt-sock")
EMULATORS = (f"qemu-system-{platform.machine()}", "/usr/libexec/qemu-kvm")  # the second on Enterprise Linux
NOT_RUNNING = f"{SERVICE} is not running, and asking would start it"


def commands(_user: str) -> dict[str, Sequence[str]]:
    """What is to be asked for."""
    emulator = next((name for name in EMULATORS if program(name)), EMULATORS[0])
    asked: dict[str, Sequence[str]] = {
        "libvirtd": ("libvirtd", "--version"),
        "qemu": (emulator, "--version"),
        "machines": (emulator, "-machine", "help"),
    }
    if _arguments() is not None:
        asked["domcapabilities"] = (*FULL, "domcapabilities", "--virttype", "kvm")
        asked["capabilities"] = (*READ_ONLY, "capabilities")
    return asked


def collect(answers: Mapping[str, Answer], unknown: dict[str, str], _user: str) -> dict[str, Any]:
    """libvirt, as documented by the module kvm_host_facts."""
    version = parsed("libvirt", answers["libvirtd"], system.parse_version, unknown)
    if version is None:
        unknown.setdefault("libvirt", "libvirtd does not tell its version")
        return {"libvirt": None}
    machines = parsed("libvirt.machine_types", answers["machines"], parse_machine_types, unknown) or {
        "types": None,
        "aliases": None,
    }
    if machines["types"] is None:
        unknown["libvirt.default_machine"] = unknown["libvirt.machine_types"]
    domains = _domains(unknown)
    return {
        "libvirt": {
            "version": version,
            "qemu_version": parsed("libvirt.qemu_version", answers["qemu"], system.parse_version, unknown),
            **_configured(unknown),
            **_service(answers, unknown),
            "domains": domains,
            "domain_machines": _domain_machines(domains or [], unknown),
            **_asked_daemon(answers, unknown),
            "machine_types": machines["types"],
            "default_machine": machines["aliases"],
        }
    }


def _arguments() -> Optional[list[str]]:
    """The arguments of the service's libvirtd, None if it does not run. dnsmasq and others stay in its control group
    when it leaves."""
    for process in fact_files.processes(SERVICE):
        arguments = (fact_files.read_or_none(f"/proc/{process}/cmdline") or "").split("\0")[:-1]
        if arguments and arguments[0].rpartition("/")[2] == "libvirtd":
            return arguments
    return None


def _service(answers: Mapping[str, Answer], unknown: dict[str, str]) -> dict[str, Any]:
    """running, args, sockets_active, modular_active and masked."""
    arguments, reasons = _arguments(), {"args": "its process cannot be seen"}
    units = parsed("units", answers["units"], lambda text: unit_properties.parse_units(text, checked.UNITS), reasons)

    def active(names: Sequence[str]) -> Optional[list[str]]:
        return None if units is None else [name for name in names if units.get(name, {}).get("active") == "active"]

    found = {
        "running": arguments is not None if units is None else bool(active([SERVICE])),
        "args": arguments,
        "sockets_active": active((*checked.LIBVIRT_SOCKETS, *checked.MODULAR_SOCKETS)),
        "modular_active": active(checked.MODULAR_SERVICES),
        "masked": None if units is None else units.get(SERVICE, {}).get("load") == "masked",
    }
    if not found["running"]:
        found["args"] = []
    for fact in (name for name, value in found.items() if value is None):
        unknown[f"libvirt.{fact}"] = reasons.get(fact) or reasons["units"]
    return found


def _configured(unknown: dict[str, str]) -> dict[str, Any]:
    """What libvirtd.conf and qemu.conf say. Null without a reason: not set there (listen_tls is 1 then, listen_tcp
    0)."""
    daemon = _settings(unknown, DAEMON_FILE, DAEMON_KEYS)
    qemu = _settings(unknown, "/etc/libvirt/qemu.conf", ("security_driver", "vnc_listen"))
    drivers = qemu["security_driver"]
    return {
        **daemon,
        **qemu,
        "security_driver": ", ".join(drivers) if isinstance(drivers, list) else drivers,
        "conf_errors": conf_errors(fact_files.read_or_none(DAEMON_FILE) or ""),
        "configured_args": _configured_args(unknown),
    }


def _configured_args(unknown: dict[str, str]) -> Optional[list[str]]:
    """What the unit's file of settings tells libvirtd, empty without one."""
    text = next(filter(None, map(fact_files.read_or_none, UNIT_FILES)), "")
    return understood("libvirt.configured_args", text, parse_arguments, unknown)


def _settings(unknown: dict[str, str], path: str, keys: Sequence[str]) -> dict[str, Any]:
    found = read_and_parsed(
        f"libvirt.{keys[0]}", path, lambda text: settings.parse_settings(text, "libvirt", path), unknown
    )
    for key in keys if found is None else ():
        unknown[f"libvirt.{key}"] = unknown[f"libvirt.{keys[0]}"]
    return {key: (found or {}).get(key) for key in keys}


def _domains(unknown: dict[str, str]) -> Optional[list[str]]:
    try:
        return fact_files.running_domains()
    except OSError as error:
        unknown["libvirt.domains"] = f"/run/libvirt/qemu: {error.strerror}"
        return None


def _domain_machines(domains: Sequence[str], unknown: dict[str, str]) -> dict[str, Optional[str]]:
    """Running guest -> its machine type, None where its file does not tell it (or it has stopped meanwhile)."""
    return {name: _domain_machine(name, unknown) for name in domains}


def _domain_machine(name: str, unknown: dict[str, str]) -> Optional[str]:
    try:
        return parse_domain_machine(fact_files.read_or_none(f"/run/libvirt/qemu/{name}.xml") or "<domstatus/>")
    except ParseError as error:  # not the text that it quotes: it may hold the password of the guest's console
        unknown[f"libvirt.domain_machines.{name}"] = error.message
        return None


def _asked_daemon(answers: Mapping[str, Answer], unknown: dict[str, str]) -> dict[str, Any]:
    """What only the running daemon knows: host_cpu, cpu_models and uuid."""
    questions = {
        "host_cpu": ("domcapabilities", parse_host_cpu),
        "cpu_models": ("domcapabilities", parse_cpu_models),
        "uuid": ("capabilities", parse_host_uuid),
    }
    found: dict[str, Any] = {}
    for fact, (question, parse) in questions.items():
        if question in answers:
            found[fact] = parsed(f"libvirt.{fact}", answers[question], parse, unknown)
        else:
            found[fact], unknown[f"libvirt.{fact}"] = None, NOT_RUNNING
    return found
