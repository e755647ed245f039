#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: host_join_evidence
short_description: Collect evidence about a failed join on a host
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Collects the ends of setup.log, agent.log, agent.out and the journal, the state of the units and of the programs
    that a join needs.
  - Reads only. Passphrases and keys, which addHost leaves in the journal, are removed on the host.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  lines:
    description: How many lines of each log to collect.
    type: int
    default: 400
  username:
    description: Account that CloudStack logs in with.
    type: str
    default: root
"""

EXAMPLES = r"""
- name: Collect evidence about the failed join
  cloudstack.kvm.host_join_evidence:
  register: found
"""

RETURN = r"""
evidence:
  description: Logs as lists of lines, units, programs and files.
  returned: success
  type: dict
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.client.evidence import collect


def body(module):
    return Plan(), {"evidence": collect(module.params["lines"], module.params["username"])}


def main():
    runtime.run({"lines": {"type": "int", "default": 400}, "username": {"type": "str", "default": "root"}}, body)


if __name__ == "__main__":
    main()
