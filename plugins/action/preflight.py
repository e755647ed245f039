# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Judges the hosts of a cluster on the controller, where everybody's facts are. Documented in
plugins/modules/preflight.py.
"""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timezone

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import assess, parse_waivers
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import PATH_CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import expected_cluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.profiles import read_hosts, read_variables
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import report
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.controller_action import ControllerAction

SPEC = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "live": {"type": "list", "elements": "str", "required": True},
    "info": {"type": "dict"},
    "management": {"type": "list", "elements": "dict", "default": []},
    "policy": {"type": "dict", "default": {}},
    "waivers": {"type": "list", "elements": "dict", "default": []},
    "report_dir": {"type": "path", "required": True},
    "run_id": {"type": "str"},
    "only_paths": {"type": "bool", "default": False},
}


class ActionModule(ControllerAction):
    """The verdicts of one cluster."""

    ARGUMENT_SPEC = SPEC

    def outcome(self, options, task_vars):
        return judge(options, task_vars)


def judge(options, task_vars):
    """The verdicts, the lines for the terminal and the path of the report."""
    policy = Policy().with_changes(options["policy"])
    waivers = parse_waivers(options["waivers"])
    known = read_variables(options["hosts"], task_vars["hostvars"])
    profiles, cluster = read_hosts(
        options["hosts"],
        known,
        options["live"],
        options["management"],
        expected_cluster(options["info"], task_vars),
    )
    made = datetime.fromtimestamp(time.time(), timezone.utc)
    only, name = (PATH_CHECKS, report.PATH_CHECK) if options["only_paths"] else ((), report.PREFLIGHT)
    assessment = assess(profiles, cluster, policy, waivers, today=made.date().isoformat(), only=only)
    run_id, previous = options["run_id"] or str(uuid.uuid4()), report.read(options["report_dir"], name)
    built = report.build(assessment, profiles, cluster, policy, waivers, made=made, run_id=run_id, previous=previous)
    paths = report.write(built, profiles, cluster, options["report_dir"], name)
    return {
        "hosts": built["hosts"],
        "passed": assessment.passed,
        "summary": report.summary_lines(built, paths),
        "report": paths["html"],
        **paths,
    }
