#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_drill
short_description: Begin the failure of a drill once, and report about the drill
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - With V(begin) it notes in the file of the drill that the failure is about to be begun, and says whether this run is
    the one to begin it. Of all runs of a drill only one ever is, also after an interruption, so that no host is powered
    off twice.
  - With V(begun) it notes that the failure has been begun by now, which is the time that all others count from.
  - With V(report) it judges the drill, writes its report beside its file, as C(.md), C(.svg), C(.json) and
    C(.junit.xml), and removes the file where the drill is over.
  - Runs on the controller and touches no host. Used by the playbook C(cloudstack.kvm.ha_drill).
extends_documentation_fragment:
  - cloudstack.kvm.attributes.controller
options:
  drill_file:
    description: Path of the file that keeps the drill, written by M(cloudstack.kvm.ha_drill_plan).
    type: path
    required: true
  step:
    description: What to do.
    type: str
    choices: [begin, begun, report]
    required: true
  journal:
    description: What the canary wrote, with V(boots) and V(overlaps). If omitted, the journal was not read.
    type: dict
  boot_id:
    description: Id of the host's boot after the drill. If omitted, it was not asked.
    type: str
    default: ""
  problem:
    description: What went wrong with the drill itself, if something did.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Report
  cloudstack.kvm.ha_drill:
    drill_file: ./reports/cluster1/ha_drill.state.json
    step: report
"""

RETURN = r"""
begin:
  description: Whether this run is to begin the failure. With V(begin).
  returned: when step is begin
  type: bool
passed:
  description: Whether there was no problem. With V(report).
  returned: when step is report
  type: bool
report:
  description: Path of the page.
  returned: when step is report
  type: str
summary:
  description: Lines for the terminal.
  returned: when step is report
  type: list
  elements: str
"""
