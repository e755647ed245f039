# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which back end configures the network of a host, and does another one have the same links? Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

_NETPLAN_FOLDERS = ("/etc/netplan", "/run/netplan", "/lib/netplan")
_NETPLAN_PACKAGES = ("netplan.io", "netplan")
_UNITS = {"networkmanager": "NetworkManager.service", "networkd": "systemd-networkd.service"}
_IFUPDOWN = ("networking.service", "/etc/network/interfaces", "ifupdown")


def network_backend(facts: Mapping[str, Any]) -> dict[str, str]:
    """`ansible_facts.kvm_host` -> {"backend": ..., "evidence": ...}; the back end is "" where none is in charge, or
    several are.

    netplan comes first: it writes the files of networkd and NetworkManager at each boot. ifupdown comes last: Debian
    installs it everywhere, and it does nothing without a stanza. Whether two have the same link is asked of the files
    (`require_alone`).
    """
    plans = [f"{folder}/{name}" for folder in _NETPLAN_FOLDERS for name in _yaml_files(facts, folder)]
    if plans and any(facts["packages"].get(name) for name in _NETPLAN_PACKAGES):
        return _choice("netplan", ", ".join(plans))
    running = {backend: unit for backend, unit in _UNITS.items() if _is_active(facts, unit)}
    if len(running) > 1:
        return _choice("", f"both {' and '.join(running.values())} are active")
    for backend, unit in running.items():
        return _choice(backend, f"{unit} is active")
    unit, path, package = _IFUPDOWN
    found = [f"{unit} is active"] if _is_active(facts, unit) else []
    found += [path] if (facts["files"].get(path) or {}).get("exists") else []
    found += [f"package {package}"] if facts["packages"].get(package) else []
    if found:
        return _choice("ifupdown", found[0])
    known = ["netplan's files", *_UNITS.values(), *_IFUPDOWN]
    return _choice("", f"none of {', '.join(known)}")


def _choice(backend: str, evidence: str) -> dict[str, str]:
    return {"backend": backend, "evidence": evidence}


def _yaml_files(facts: Mapping[str, Any], folder: str) -> list[str]:
    entries = (facts["files"].get(folder) or {}).get("entries") or []
    return [name for name in entries if name.endswith(".yaml")]


def _is_active(facts: Mapping[str, Any], unit: str) -> bool:
    return bool((facts["units"].get(unit) or {}).get("active") in ("active", "activating", "reloading"))


def require_alone(backend: str, names: Sequence[str], others: Mapping[str, Mapping[str, str]]) -> None:
    """Raise InputError where another back end that is in force has one of these links in its files too.

    `others` is back end -> (name or pattern of links -> file that configures them).
    """
    for other, links in others.items():
        for pattern, path in links.items():
            found = [name for name in names if fnmatchcase(name, pattern)]
            if found:
                raise _two_in_charge(backend, other, found[0], path)


def _two_in_charge(backend: str, other: str, name: str, path: str) -> InputError:
    return InputError(
        f"{other} configures {name} too, which {backend} is to configure",
        expected=f"{name} in the files of {backend} alone",
        observed=f"{path} configures {name}, and {other} is in force on this host",
        next_step=f"take {name} out of {path}, or set network_bridge_backend to {other} if that is what configures the "
        "network of this host; nothing was changed",
        reproduce=f"grep -n {name} {path}",
    )
