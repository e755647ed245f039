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
  - Collects the ends of setup.log, agent.log, agent.out, agent.err and the journal, the state of the units, files and
    programs that a join needs, the certificate, where agent.properties sends the agent, and how long the host needs for
    its own name.
  - Lets Python load the modules of cloudstack-setup-agent, because what it says there is told to the management server
    only. Nothing is set up by that.
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
  seconds:
    description: How far back the journal is read. What is older than the join is of another one, and misleads.
    type: int
    default: 3600
"""

EXAMPLES = r"""
- name: Collect evidence about the failed join
  cloudstack.kvm.host_join_evidence:
    seconds: "{{ result.join.seconds | int + 300 }}"
  register: found
"""

RETURN = r"""
evidence:
  description: Logs as lists of lines, units, programs, files, keys of agent.properties, the certificate, single facts.
  returned: success
  type: dict
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.client.evidence import collect

ARGUMENT_SPEC = {
    "lines": {"type": "int", "default": 400},
    "username": {"type": "str", "default": "root"},
    "seconds": {"type": "int", "default": 3600},
}


def body(module):
    return Plan(), {"evidence": collect(**module.params)}


def main():
    runtime.run(ARGUMENT_SPEC, body)


if __name__ == "__main__":
    main()
