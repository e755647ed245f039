# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The last drill of each host, out of the files that drills have left in the report folders of the controller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.past_drill import PastDrill
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.past_drill import read_past_drill

PATTERNS = ("ha-drill-*.json", "ha_drill.*.*.json")  # the second is of the playbook ha_drill: host, failure


def last_drills(folders: Iterable[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """By the name of the host, and in words which files cannot be read."""
    last: dict[str, PastDrill] = {}
    problems = []
    for path in _files(folders):
        try:
            drill = read_past_drill(path.read_text(encoding="utf-8"))
        except (KvmError, OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: {error}")
            continue
        if drill.host not in last or drill.finished > last[drill.host].finished:
            last[drill.host] = drill
    return {name: asdict(drill) for name, drill in sorted(last.items())}, problems


def _files(folders: Iterable[str]) -> list[Path]:
    return sorted({path for folder in folders for pattern in PATTERNS for path in Path(folder).glob(pattern)})
