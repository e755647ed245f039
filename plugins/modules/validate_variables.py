#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: validate_variables
short_description: Refuse variables that a role of this collection cannot work with
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Fails if a variable of the host starts with the name of a role but is not a variable of that role (a typo, which
    Ansible ignores), or if a rule is broken. One message names everything that is wrong.
  - Runs on the controller and touches no host. The roles of this collection call it before they do anything else.
options:
  role:
    description: Role of this collection whose variables are checked. If omitted, those of all roles.
    type: str
  rules:
    description:
      - What the values must be besides their types, which Ansible compares with the argument_specs of the role.
    type: list
    elements: dict
    default: []
    suboptions:
      that:
        description: Whether the value follows the rule.
        type: bool
        required: true
      expected:
        description: What was expected, as it follows the word expected, without a full stop.
        type: str
        required: true
      observed:
        description: What is there instead.
        type: str
        required: true
      next:
        description: What to do, without a full stop.
        type: str
        required: true
extends_documentation_fragment:
  - cloudstack.kvm.attributes.controller
"""

EXAMPLES = r"""
- name: Check the variables
  cloudstack.kvm.validate_variables:
    role: oobm
    rules:
      - that: "{{ oobm_address | length > 0 }}"
        expected: the address of the BMC in oobm_address
        observed: an empty one
        next: set it in the host's variables
"""

RETURN = r""" # """
