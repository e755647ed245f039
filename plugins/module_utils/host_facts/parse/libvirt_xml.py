# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What libvirt tells of a host as XML."""

from __future__ import annotations

from typing import Any, Optional
from xml.etree import ElementTree

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError


def parse_host_cpu(text: str) -> dict[str, Any]:
    """`virsh domcapabilities` -> the CPU that a guest gets with host-model: model, vendor, fallback, features (name ->
    require, disable ...).

    `xml` is the same as one line `<cpu>...</cpu>`, as `virsh hypervisor-cpu-compare` and `-baseline` take it. Raises
    ParseError."""
    source = "virsh domcapabilities"
    mode = _root(text, "domainCapabilities", source).find("./cpu/mode[@name='host-model']")
    model = None if mode is None else mode.find("model")
    if mode is None or model is None or not model.text:
        raise ParseError(source, "no host-model CPU, as without usable KVM", text=text)
    features = {feature.get("name"): feature.get("policy", "") for feature in mode.findall("feature")}
    if None in features:
        raise ParseError(source, "a feature without a name", text=text)
    return {
        "model": model.text,
        "vendor": mode.findtext("vendor"),
        "fallback": model.get("fallback"),
        "features": dict(sorted(features.items(), key=str)),
        "xml": _one_line(mode),
    }


def parse_tsc_mhz(text: str) -> int:
    """`virsh capabilities` -> frequency of the time stamp counter in MHz, as CloudStack's agent reads it; 0 where there
    is none. Raises ParseError."""
    source = "virsh capabilities"
    cpu = _root(text, "capabilities", source).find("./host/cpu")
    found = 0
    for counter in [] if cpu is None else cpu.iter("counter"):
        frequency = counter.get("frequency") or ""
        if counter.get("name") != "tsc" or not frequency:
            continue
        if not (frequency.isascii() and frequency.isdigit() and len(frequency) < 16):
            raise ParseError(source, "the frequency of the TSC is not a number", text=frequency)
        found = int(frequency) // 1000000
    return found


def parse_host_uuid(text: str) -> str:
    """`virsh capabilities` -> the UUID by which libvirt knows the host, in lower case. Two hosts with one refuse each
    other's guests. Raises ParseError."""
    source = "virsh capabilities"
    uuid = (_root(text, "capabilities", source).findtext("./host/uuid") or "").strip().lower()
    if not uuid:
        raise ParseError(source, "no UUID of the host", text=text)
    return uuid


def parse_cpu_models(text: str) -> dict[str, str]:
    """`virsh domcapabilities` -> CPU models for mode custom, each with yes, no or unknown: whether this host can give
    it to guests. Raises ParseError."""
    source = "virsh domcapabilities"
    mode = _root(text, "domainCapabilities", source).find("./cpu/mode[@name='custom']")
    if mode is None:
        raise ParseError(source, "no CPU models for mode custom", text=text)
    models = {(model.text or "").strip(): model.get("usable") or "unknown" for model in mode.findall("model")}
    return dict(sorted(models.items()))


def parse_domain_machine(text: str) -> Optional[str]:
    """A guest's status file of libvirt (/run/libvirt/qemu/NAME.xml) -> its machine type, such as pc-q35-7.2; None where
    it has none. Raises ParseError."""
    kind = _root(text, "domstatus", "libvirt's status of a guest").find("./domain/os/type")
    return None if kind is None else kind.get("machine")


def _root(text: str, tag: str, source: str) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(text)
    except (
        ElementTree.ParseError,
        ValueError,
        LookupError,
    ) as error:  # ValueError: no text that UTF-8 can hold; LookupError: no such encoding
        raise ParseError(source, f"not its XML: {error}", text=text) from error
    if root.tag != tag:
        raise ParseError(source, f"{tag} expected, not {root.tag}", text=text)
    return root


def _one_line(mode: ElementTree.Element) -> str:
    """virsh's own conversion: the element gets another name and loses its attributes. Its children are flat."""
    cpu = ElementTree.Element("cpu")
    for child in mode:
        ElementTree.SubElement(cpu, child.tag, child.attrib).text = (child.text or "").strip() or None
    return ElementTree.tostring(cpu, encoding="unicode")
