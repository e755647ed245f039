# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks systemd about units and has it carry out the plan for a daemon."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError, OperationFailed
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client.fact_files import read
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.daemon import Moment, ReadFile, UnitState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.unit_properties import (
    parse_unit_properties,
    unit_state,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import ENCODING, was_stored

SHOWN = (
    "Id,Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload,"
    "ExecMainStartTimestamp,ExecMainStartTimestampMonotonic"
)
TIMEOUT = 120  # seconds for one start or stop: systemd itself gives up after 90


def now() -> Moment:
    """This moment by both clocks."""
    return Moment(time.time(), time.monotonic())


def units(names: Iterable[str]) -> dict[str, UnitState]:
    """Name, as asked for, -> its state. Raises CommandError where systemd does not answer."""
    asked = tuple(names)
    answer = command.run(("env", "TZ=UTC", "systemctl", "show", *asked, "-p", SHOWN))
    if not answer.ok:
        raise CommandError("systemd does not answer", observed=answer.why(), reproduce=f"systemctl show {asked[0]}")
    found = parse_unit_properties(answer.stdout)
    return {name: unit_state(found[name]) for name in asked if name in found}


def read_files(paths: Iterable[str]) -> list[ReadFile]:
    """When each was changed last, a link itself and not what it leads to. Raises OperationFailed."""
    return [_read_file(path) for path in paths]


def _read_file(path: str) -> ReadFile:
    try:
        found = os.lstat(path)
        stored = path.endswith(".properties") and was_stored(read(path, ENCODING), found.st_mtime)
    except (FileNotFoundError, NotADirectoryError):
        return ReadFile(path, None)
    except OSError as error:
        raise OperationFailed(f"{path} cannot be read", observed=error.strerror, next_step="run with become") from error
    return ReadFile(path, found.st_ctime, stored)


def apply(plan: Plan, verify: Sequence[str]) -> None:
    """Carry out the steps, then have `verify` show that the daemon answers. Raises CommandError with the daemon's last
    words."""
    for step in plan:
        if step.action == "start":
            # Else one that failed five times within ten seconds is refused.
            command.run(("systemctl", "reset-failed", step.target))
        target = () if step.action == "daemon-reload" else (step.target,)
        argv = ("systemctl", step.action, *target)
        _must(argv, step.target)
    if verify and any(step.action in ("start", "restart") for step in plan):
        _must(verify, next(step.target for step in plan if step.action in ("start", "restart")))


def _must(argv: Sequence[str], unit: str) -> None:
    answer = command.run(argv, timeout=TIMEOUT)
    if answer.ok:
        return
    words = command.run(("journalctl", "--unit", unit, "--lines", "5", "--no-pager", "--output", "cat")).stdout.split(
        "\n"
    )
    raise CommandError(
        f"{unit} is not as it shall be",
        expected=f"`{' '.join(argv)}` ends with 0",
        observed="; ".join([answer.why(), *(line.strip() for line in words if line.strip())]),
        next_step=f"repair what the journal of {unit} names, then run again",
        reproduce=f"{' '.join(argv)}; journalctl --unit {unit}",
    )
