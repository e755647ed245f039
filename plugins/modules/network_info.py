#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: The declaration that describes the network of a host as it is
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Reads the files of what configures the host's network, and asks the kernel what it has of it, and says both as a
    value of C(network_bridge_config). Applying that value changes nothing on the host.
  - Declared is only what files and kernel agree on. All else is told in RV(notes), and stays as it is.
  - Changes nothing.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.read_only
options:
  backend:
    description: What configures the network of this host.
    type: str
    choices: [ifupdown, netplan, networkd, networkmanager]
    required: true
"""

EXAMPLES = r"""
- name: What would have to be declared for this host?
  cloudstack.kvm.network_info:
    backend: netplan
  become: true
  register: adopted
"""

RETURN = r"""
config:
  description: A value of C(network_bridge_config), in the long form, without what is the default.
  returned: success
  type: dict
  sample: {bridges: [{name: cloudbr0, port: eth0, address: 192.0.2.11/24, gateway: 192.0.2.1}]}
notes:
  description: A sentence for each thing of the host's network that RV(config) does not say.
  returned: success
  type: list
  elements: str
  sample: ["br7: a bridge with eth5, eth6, which the files do not declare with exactly one port; left out"]
text:
  description: Both as YAML for a file in C(host_vars), the notes as comments.
  returned: success
  type: str
  sample: |
    network_bridge_config:
      bridges:
        - name: cloudbr0
          port: eth0
"""

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.registry import BACKENDS
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.adopt import adopt

SPEC = {"backend": {"type": "str", "choices": sorted(BACKENDS), "required": True}}


def body(module):
    backend = BACKENDS[module.params["backend"]]()
    adopted = adopt(backend.declared(backend.read()), Links().measure())
    return Plan(), {"config": adopted.config, "notes": list(adopted.notes), "text": adopted.text}


def main():
    runtime.run(SPEC, body)


if __name__ == "__main__":
    main()
