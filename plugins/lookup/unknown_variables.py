# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
short_description: Variables that start with a role's name but are none of its variables
version_added: 0.1.0
description:
  - Compares the variables of the current host with the argument_specs of the roles of this collection.
  - Ansible ignores a misspelt role variable. This lookup makes it visible before anything was changed.
options:
  _terms:
    description: Names of roles of this collection.
    required: true
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Refuse misspelt variables
  ansible.builtin.assert:
    that: query('cloudstack.kvm.unknown_variables', 'oobm') | length == 0
    fail_msg: "{{ query('cloudstack.kvm.unknown_variables', 'oobm') | join(', ') }}"
"""

RETURN = r"""
_raw:
  description: One sentence for each unknown variable, with the nearest real name if there is one.
  type: list
  elements: str
"""

from pathlib import Path

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.role_variables import find_unknown

ROLES = Path(__file__).parents[2] / "roles"


class LookupModule(LookupBase):
    """Wiring: reads the argument_specs of the named roles beside this plugin."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return find_unknown(variables or {}, {role: _options(role) for role in terms})


def _options(role: str) -> list[str]:
    try:
        specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    except (OSError, KeyError, yaml.YAMLError) as error:
        raise AnsibleLookupError(f"role {role}: cannot read its argument_specs: {error}") from error
    return [name for entry in specs.values() for name in entry.get("options", {})]
