#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_mark
short_description: Mark that a pre-flight has begun
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Writes a mark beside the report of a cluster. M(cloudstack.kvm.preflight) removes it when the report of the same
    run is written, and M(cloudstack.kvm.host) adds no host while there is one. So an older report does not look
    current after a run that never ended.
  - Runs on the controller and touches no host. The role P(cloudstack.kvm.preflight#role) calls it.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.controller
options:
  report_dir:
    description: Folder of the report on the controller.
    type: path
    required: true
  run_id:
    description: Identifier of the run, such as a UUID.
    type: str
    required: true
  state:
    description: V(absent) removes the mark of this run if there turned out to be nothing to judge. The older report
      then stays valid.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Mark that a pre-flight has begun
  cloudstack.kvm.preflight_mark:
    report_dir: ./reports
    run_id: 5ad2b2c8-3c3d-5f5c-9a8d-5d9a6d1f7f10
"""

RETURN = r""" # """
