# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the report about high availability on the controller. Documented in plugins/modules/ha_report.py."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client import report_folder
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import ha_report
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.controller_action import ControllerAction
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.past_drills import last_drills
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report import who

SPEC = {
    "readiness": {"type": "dict", "required": True},
    "report_dir": {"type": "path", "required": True},
    "drill_dir": {"type": "path"},
}


class ActionModule(ControllerAction):
    """The files and the lines for the terminal."""

    ARGUMENT_SPEC = SPEC

    def outcome(self, options, task_vars):
        now = datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="seconds")
        folder = options["report_dir"]
        drills, unread = last_drills(filter(None, (folder, options.get("drill_dir"))))
        report = ha_report.document(options["readiness"], at=now, by=who(), drills=drills, drills_unread=unread)
        with report_folder.locked(folder):
            report_folder.write_all(folder, ha_report.texts(report))
        page = str(Path(folder) / f"{ha_report.NAME}.html")
        return {"ready": report["ready"], "report": page, "summary": ha_report.summary(report, page)}
