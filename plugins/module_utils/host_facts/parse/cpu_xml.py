# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""CPUs as libvirt describes them, what one lacks of the other, and what `virsh hypervisor-cpu-compare` answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional
from xml.etree import ElementTree

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

IDENTICAL, SUPERSET, INCOMPATIBLE = "identical", "superset", "incompatible"
HAS = ("require", "force")  # policies of a feature that the CPU has; `disable` and `forbid` are those that it has not
# virsh-host.c, cmdHypervisorCPUCompare, since libvirt 4.4
_SENTENCES = {
    "is identical to the CPU provided by hypervisor": IDENTICAL,
    "provided by hypervisor on the host is a superset of": SUPERSET,
    "is incompatible with the CPU provided by hypervisor": INCOMPATIBLE,
}
# With --error it fails in place of saying incompatible, and gives the reason (VIR_ERR_CPU_INCOMPATIBLE; texts of
# cpu_x86.c).
_REASON = re.compile(r"the CPU is incompatible with host CPU(?:: (?P<reason>.+))?")
_FEATURES = re.compile(r"does not provide required features: (?P<names>.+)")


@dataclass(frozen=True)
class Cpu:
    """A CPU as a model and what differs from it. `features` maps a name to its policy: require, disable, ..."""

    model: str
    vendor: Optional[str] = None
    fallback: Optional[str] = None
    features: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """`missing`: features of the guest's CPU that the host's lacks; `extra`: the other way round.

    Not `complete` where the models differ: what belongs to a model is not in its description, so that only features
    stand here about which both sides say something."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    complete: bool


def parse_cpu(text: str, source: str = "CPU") -> Cpu:
    """A <cpu> element, or the CPU in domcapabilities (the host-model) or capabilities (the host's). Raises
    ParseError."""
    element = _cpu_element(_root(text, source), source)
    model = element.find("model")
    name = (model.text or "").strip() if model is not None else ""
    if model is None or not name:
        raise ParseError(source, "the CPU has no model", text=text)
    features = {
        each.get("name", ""): each.get("policy", "require") for each in element.findall("feature") if each.get("name")
    }
    return Cpu(name, (element.findtext("vendor") or "").strip() or None, model.get("fallback"), features)


def difference(host: Cpu, guest: Cpu) -> Difference:
    """What the CPU of a host lacks of a guest's, and has besides."""
    complete = host.model == guest.model
    return Difference(_lacks(host, guest, complete), _lacks(guest, host, complete), complete)


def parse_compare(status: Optional[int], stdout: str, stderr: str) -> tuple[Optional[str], str]:
    """Verdict and libvirt's reason of `virsh hypervisor-cpu-compare --error`. The verdict is None where it could not
    compare."""
    text = " ".join(f"{stdout}\n{stderr}".split())
    verdict = next((verdict for sentence, verdict in _SENTENCES.items() if sentence in text), None)
    reason = _REASON.search(text)
    if verdict and (verdict == INCOMPATIBLE) == (status != 0):
        return verdict, ""
    if reason and status != 0:
        return INCOMPATIBLE, (reason["reason"] or "").strip()
    lines = [line.strip().removeprefix("error: ") for line in f"{stderr}\n{stdout}".splitlines() if line.strip()]
    return None, ": ".join(lines) or f"ended with {status} and without a word"


def named_features(reason: str) -> tuple[str, ...]:
    """The features that libvirt names as missing in its reason."""
    match = _FEATURES.search(reason)
    return tuple(sorted({name.strip() for name in match["names"].split(",") if name.strip()})) if match else ()


def describe(verdict: str, features: Sequence[str], reason: str) -> str:
    """The verdict in one line: `identical`, `superset`, or `incompatible: ` with the features, or else the reason."""
    why = ", ".join(features) or reason
    return f"{verdict}: {why}" if verdict == INCOMPATIBLE and why else verdict


def _root(text: str, source: str) -> ElementTree.Element:
    if "<!" in text.replace("<!--", ""):
        raise ParseError(source, "XML with declarations of its own, which libvirt never writes", text=text)
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - without a DTD nothing can be expanded
    except ElementTree.ParseError as error:
        raise ParseError(source, f"not XML: {error}", line=error.position[0], text=text) from error
    except (ValueError, LookupError) as error:
        raise ParseError(source, f"not XML: {error}", text=text) from error


def _cpu_element(root: ElementTree.Element, source: str) -> ElementTree.Element:
    found = {"cpu": ".", "domainCapabilities": "./cpu/mode[@name='host-model']", "capabilities": "./host/cpu"}.get(
        root.tag
    )
    element = root.find(found) if found else None
    if element is None or element.get("supported") == "no":
        raise ParseError(
            source, "no CPU in it", expected="<cpu>, or domcapabilities with a host-model", observed=f"<{root.tag}>"
        )
    return element


def _lacks(one: Cpu, other: Cpu, same_model: bool) -> tuple[str, ...]:
    """Features that `other` has and `one` has not. With one model for both, what neither lists belongs to both or to
    none."""
    needed = {name for name, policy in other.features.items() if policy in HAS}
    has = {name for name, policy in one.features.items() if policy in HAS}
    without = {name for name, policy in one.features.items() if policy not in HAS}
    if same_model:
        part_of_the_model = without - {name for name, policy in other.features.items() if policy not in HAS}
        return tuple(sorted((needed - has) | part_of_the_model))
    return tuple(sorted(needed & without))
