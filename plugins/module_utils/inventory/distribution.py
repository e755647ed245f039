# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What differs between distributions: a role keeps it by name of the distribution, and takes what fits the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError


def for_distribution(data: Mapping[str, Mapping[str, Any]], system: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Put together what `data` has for the distribution `system`; the more specific name wins, key by key.

    `data` is by family (debian), id (ubuntu), family and major version (redhat_8), id and version (ubuntu_24.04).
    `system` is `ansible_facts.kvm_host.os`; `host` is for the message. Raises InputError where nothing fits.
    """
    family, name, version = system["family"], system["id"], system["version_id"] or "without a version"
    ladder = [family, name, f"{family}_{version.split('.')[0]}", f"{name}_{version}"]
    fitting = [data[step] for step in ladder if step in data]
    if not fitting:
        raise InputError(
            "its distribution is not supported",
            host=host,
            expected=", ".join(sorted(data)),
            observed=f"{name} {version} (family {family})",
            next_step="install a supported distribution, or add this one to vars/main.yml of the role",
            reproduce="cat /etc/os-release",
        )
    return {key: value for part in fitting for key, value in part.items()}
