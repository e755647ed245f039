# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(wanted packages, what is installed) -> what must be installed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.model.package import Installed

# A name, and behind = (dpkg) or - (rpm) a version, in which * stands for anything. Never an option of the package
# manager.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(=[A-Za-z0-9.+:~*-]+)?\*?")


def plan_packages(names: Sequence[str], installed: Iterable[Installed]) -> Plan:
    """One change for each package that is missing, or is there in another version. Raises InputError for what is not a
    name."""
    for name in names:
        if not NAME.fullmatch(name):
            raise InputError(
                "this is not the name of a package",
                expected="a name such as chrony or cloudstack-agent=4.22.1.0*",
                observed=name,
            )
    there = list(installed)
    versions = {package.name: package.version for package in there}
    missing = [name for name in dict.fromkeys(names) if not any(package.satisfies(name) for package in there)]
    return Plan.of(Change("install", name, before=_before(name, versions), after=name) for name in missing)


def _before(wanted: str, versions: Mapping[str, str]) -> str:
    name = wanted.partition("=")[0]
    return f"{name}={versions[name]}" if name in versions else ""
