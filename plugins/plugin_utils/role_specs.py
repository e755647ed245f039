# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables that the roles of this collection document, read from the roles beside these plugins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.common.yaml import yaml_load

ROLES = Path(__file__).parents[2] / "roles"


def read_variables(roles: Iterable[str]) -> dict[str, list[str]]:
    """Role -> its public variables, of all its entry points. No role named means every role.

    Raises AnsibleError where the specification of a role is missing or cannot be read.
    """
    wanted = list(roles) or [path.name for path in ROLES.iterdir() if path.is_dir()]
    return {role: _variables(role) for role in sorted(wanted)}


def _variables(role: str) -> list[str]:
    try:
        specs = yaml_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    except Exception as error:  # the YAML library has errors of its own, which depend on how it was built
        raise AnsibleError(f"role {role}: cannot read its argument_specs: {error}") from error
    return sorted({name for entry in specs.values() for name in entry.get("options", {})})
