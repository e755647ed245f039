#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Judge whether hosts are fit to join their cluster
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Runs all checks over the facts that were collected of a cluster's hosts, and writes C(preflight.html),
    C(preflight.json) and C(preflight.junit.xml), and into C(preflight.facts.json) the facts and probes that it judged
    by, for M(cloudstack.kvm.host).
  - Runs on the controller and touches no host. The role P(cloudstack.kvm.preflight#role) collects what it needs and
    calls it.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.controller
options:
  hosts:
    description: Inventory names of all hosts of the cluster, also of those that are not part of this run.
    type: list
    elements: str
    required: true
  live:
    description: Those of them that are part of this run. Of the others only the facts are known, if anything.
    type: list
    elements: str
    required: true
  info:
    description: What M(cloudstack.kvm.cluster_info) returned. Without it the inventory's variables say what the cluster
      should be like.
    type: dict
  management:
    description: Results of M(cloudstack.kvm.management_server_check), one for each management server, each with
      C(item), its name.
    type: list
    elements: dict
    default: []
  policy:
    description: Limits of the checks that differ from the defaults.
    type: dict
    default: {}
  waivers:
    description: Findings to waive, each with C(check), C(hosts), C(reason), C(owner) and C(expires).
    type: list
    elements: dict
    default: []
  report_dir:
    description: Folder on the controller for the files.
    type: path
    required: true
  run_id:
    description: What M(cloudstack.kvm.preflight_mark) was given when this run began; its mark is removed when the
      files are written.
    type: str
  only_paths:
    description:
      - Run only the checks of the paths between the hosts, and of the facts that may explain them.
      - The files are then called C(path_check.html), C(path_check.json) and C(path_check.junit.xml), and are no basis
        for a join.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Judge the hosts
  cloudstack.kvm.preflight:
    hosts: "{{ groups['kvm_hosts'] }}"
    live: "{{ ansible_play_hosts_all }}"
    report_dir: ./reports
"""

RETURN = r"""
hosts:
  description: Host to verdict (pass, fail), member, because (ids of the checks that stop it) and address.
  returned: always
  type: dict
passed:
  description: Whether every candidate may join.
  returned: always
  type: bool
summary:
  description: The result in a few lines for a terminal.
  returned: always
  type: list
  elements: str
report:
  description: Path of the report for reading.
  returned: always
  type: str
html:
  description: Path of C(preflight.html).
  returned: always
  type: str
json:
  description: Path of C(preflight.json).
  returned: always
  type: str
junit:
  description: Path of C(preflight.junit.xml).
  returned: always
  type: str
facts:
  description: Path of C(preflight.facts.json), which only its owner may read.
  returned: when all checks ran
  type: str
"""
