# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The beginning of the failure and the end of a drill, on the controller. Documented in plugins/modules/ha_drill.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.drill_file import DrillFile, who
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import BACK, FAILING
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.verdict import verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client import report_folder
from ansible_collections.cloudstack.kvm.plugins.plugin_utils import ha_drill
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.controller_action import ControllerAction

SPEC = {
    "drill_file": {"type": "path", "required": True},
    "step": {"type": "str", "choices": ["begin", "begun", "report"], "required": True},
    "journal": {"type": "dict"},
    "boot_id": {"type": "str", "default": ""},
    "problem": {"type": "str", "default": ""},
}


class ActionModule(ControllerAction):
    """One of three steps."""

    ARGUMENT_SPEC = SPEC

    def outcome(self, options, task_vars):
        file = DrillFile(options["drill_file"])
        if options["step"] == "begin":
            begins = begin(file, self._task.check_mode)
            return {"begin": begins, "changed": begins}
        if options["step"] == "begun":
            return begun(file)
        return report(file, options)


def begin(file, check):
    """Whether this run is the one that begins the failure: never more than one is."""
    if check or file.need().reached(FAILING):
        return False
    with file.locked():
        drill = file.need()
        if drill.reached(FAILING):
            return False
        file.save(replace(drill, stage=FAILING, failed_at=SystemClock().now().timestamp()))
        return True


def begun(file):
    """The failure has come about by now: a login and a BMC's answer may have taken seconds since it was noted."""
    with file.locked():
        file.save(replace(file.need(), failed_at=SystemClock().now().timestamp()))
    return {"changed": False}


def told_by(journal):
    """What the canary wrote, without what Ansible says of the task that has read it; None where it was not read."""
    return {key: journal[key] for key in ("boots", "overlaps")} if journal and "boots" in journal else None


def report(file, options):
    """Write the files of the drill; it is over where the host is back, or nothing was done to it."""
    drill = file.need()
    if options["problem"]:
        drill = replace(drill, problems=(*drill.problems, options["problem"]))
    journal = told_by(options["journal"])
    judged = verdict(drill, journal, options["boot_id"])
    now = SystemClock().now().isoformat(timespec="seconds")
    made = ha_drill.document(drill, judged, journal, at=now, by=who())
    folder, name = str(Path(file.path).parent), ha_drill.name_of(drill)
    with report_folder.locked(folder):
        report_folder.write_all(folder, ha_drill.texts(made, name))
    if not drill.failed_at or drill.reached(BACK):
        file.remove()
    page = str(Path(folder) / f"{name}.md")
    return {"passed": judged.passed, "report": page, "summary": ha_drill.summary(made, page)}
