# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
short_description: Variables that start with a role's name and are not among its variables
version_added: 0.1.0
description:
  - Compares the variables of the current host with the argument_specs of the roles of this collection.
  - Ansible ignores a misspelt role variable. This lookup makes it visible before anything was changed.
options:
  _terms:
    description: Names of roles of this collection; none means all of them.
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

from ansible.plugins.lookup import LookupBase
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.role_variables import find_unknown
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.role_specs import read_variables


class LookupModule(LookupBase):
    """Wiring: compares the host's variables with the argument_specs of the named roles."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        return find_unknown(variables or {}, read_variables(terms))
