#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: ha_report
short_description: Write the report about high availability of a cluster
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Writes what M(cloudstack.kvm.ha_readiness_info) returned as C(ha_report.html), one page with a matrix of the hosts,
    C(ha_report.md), the same as text, C(ha_report.json), whose keys are in C(docs/schema/ha_report.md), and
    C(ha_report.junit.xml).
  - The last drill of a host is that of the newest file C(ha-drill-*.json) or C(ha_drill.*.*.json) in O(report_dir) or
    O(drill_dir), a JSON object with C(host), C(failure), C(finished) (ISO 8601), C(verdict) (V(passed) or V(failed))
    and C(seconds).
  - Runs on the controller and touches no host.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.controller
options:
  readiness:
    description: What M(cloudstack.kvm.ha_readiness_info) returned.
    type: dict
    required: true
  report_dir:
    description: Folder on the controller for the files.
    type: path
    required: true
  drill_dir:
    description: Another folder with the results of drills.
    type: path
"""

EXAMPLES = r"""
- name: Write the report
  cloudstack.kvm.ha_report:
    readiness: "{{ readiness }}"
    report_dir: ./reports/cluster1
"""

RETURN = r"""
ready:
  description: Whether no finding of severity V(error) or worse is there.
  returned: success
  type: bool
report:
  description: Path of the page.
  returned: success
  type: str
summary:
  description: Lines for the terminal.
  returned: success
  type: list
  elements: str
"""
