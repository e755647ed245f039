# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""CPUs of other hosts compared with this host's by its libvirt, for the modules cpu_compare and preflight_probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.cpu_xml import (
    describe,
    named_features,
    parse_compare,
    parse_cpu,
)

OPTIONS = {"cpus": {"type": "dict", "required": True}}
COMPARE = ("virsh", "-c", "qemu:///system", "hypervisor-cpu-compare", "--error", "/dev/stdin")


def compare_all(options: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module cpu_compare. Each different CPU is asked for once."""
    cpus = {host: str(xml or "").strip() for host, xml in options["cpus"].items()}
    why = asleep() if any(cpus.values()) else ""
    if why:
        return {"cpu_compare": None, "unknown": {"cpu_compare": why}}
    compared = {xml: compare(xml) for xml in dict.fromkeys(cpus.values()) if xml}
    compared[""] = (None, "its CPU is not known")
    answers = {host: compared[xml] for host, xml in cpus.items()}
    return {
        "cpu_compare": {host: verdict for host, (verdict, _reason) in answers.items() if verdict},
        "unknown": {f"cpu_compare.{host}": reason for host, (verdict, reason) in answers.items() if not verdict},
    }


def asleep() -> str:
    """Why libvirt must not be asked, "" if it may: its client would start a daemon that is not running."""
    answer = command.run(["systemctl", "is-active", "libvirtd.service"])
    state = answer.stdout.strip()
    return "" if state == "active" else f"libvirtd.service is not active ({state or answer.why()}), and was not started"


def compare(xml: str) -> tuple[Optional[str], str]:
    """The verdict in one line and "", or None and why there is none."""
    try:
        parse_cpu(xml)
    except ParseError as error:
        return None, str(error)
    answer = command.run(COMPARE, stdin=xml)
    if answer.problem:
        return None, answer.problem
    verdict, reason = parse_compare(answer.status, answer.stdout, answer.stderr)
    return (describe(verdict, named_features(reason), reason), "") if verdict else (None, reason)
