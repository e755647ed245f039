# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the agent of CloudStack can do with a value of agent.properties, and which key was meant by one that it does
not know.

How it reads them: AgentPropertiesFileHandler.getPropertyValue of 4.22.1. A number that is none becomes the key's
default, a truth value that is none becomes false, both without a word; a text is taken with the blanks at its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.agent_keys import (
    ANY_CASE,
    CHOICES,
    FALSE,
    KEY_PREFIXES,
    KEY_RANGES,
    KEY_TYPES,
    NEWER_KEYS,
    NO_SUCH_KEYS,
    RANGES,
    READ_TOO,
    TRUE,
)

NUMBER = re.compile(r"[+-]?[0-9]{1,19}")  # what Java's parseLong takes; int() of Python takes more
SIMILAR = 0.87  # of difflib: one wrong, missing or swapped letter in a key of ten


def wrong_value(key: str, text: str) -> str:
    """What the agent expects for the key, "" if it can use `text`. Blanks around a number do not matter to it."""
    kind = KEY_TYPES.get(key, "str")
    if kind in RANGES:
        low, high = KEY_RANGES.get(key, RANGES[kind])
        number = text.strip()
        good = NUMBER.fullmatch(number) and low <= int(number) <= high
        return "" if good else f"a whole number from {low} to {high}"
    if kind == "bool":
        return "" if text.lower() in (*TRUE, *FALSE) else "true or false"
    choices = CHOICES.get(key)
    if choices and not _chosen(key, text, choices):
        return f"one of {', '.join(choices)}"
    return "no blanks at its end" if text != text.rstrip() else ""


def _chosen(key: str, text: str, choices: tuple[str, ...]) -> bool:
    if key == "guest.cpu.mode" and text.lower() == "custom":  # CpuModeDef: equalsIgnoreCase for this one alone
        return True
    return (text.lower() if key in ANY_CASE else text) in choices


def known(key: str) -> bool:
    """Whether an agent of 4.22 or 4.23 reads the key."""
    return key in KEY_TYPES or key in READ_TOO or key in NEWER_KEYS or key.startswith(KEY_PREFIXES)


def meant(key: str) -> str:
    """The key, or the setting elsewhere, that was most likely meant by one that no agent reads; "" for a name of the
    operator's own.
    """
    if key in NO_SUCH_KEYS:
        return NO_SUCH_KEYS[key]
    same = {_plain(name): name for name in KEY_TYPES}
    if _plain(key) in same:
        return same[_plain(key)]
    near = get_close_matches(_plain(key), same, n=2, cutoff=SIMILAR)
    return " or ".join(same[name] for name in near)


def _plain(key: str) -> str:
    """The key without what hands and keyboards change: case, and which sign stands between its words."""
    return re.sub(r"[-_.\s]+", ".", key.strip().lower())


def contradictions(found: Mapping[str, str]) -> list[str]:
    """Settings that do nothing, or break guests, because of another one (LibvirtVMDef.CpuModeDef, agent.properties)."""
    mode, model, features = (found.get(f"guest.cpu.{name}") or "" for name in ("mode", "model", "features"))
    custom = mode.lower() == "custom"
    said = []
    if custom and not model.strip():
        said.append("guest.cpu.mode=custom without guest.cpu.model: guests get QEMU's default CPU")
    if model.strip() and not custom:
        said.append(
            f"guest.cpu.model={model} without guest.cpu.mode=custom (it is {mode or 'not set'}): the model is not used"
        )
    if features.strip() and (not mode or (custom and not model.strip())):
        said.append(f"guest.cpu.features={features} without a CPU model: libvirt refuses to start guests with it")
    if found.get("openvswitch.dpdk.enabled", "").lower() in TRUE and not _openvswitch(found):
        said.append("openvswitch.dpdk.enabled without network.bridge.type=openvswitch: it is not used")
    return said


def _openvswitch(found: Mapping[str, str]) -> bool:
    return found.get("network.bridge.type", "").lower() == "openvswitch"
