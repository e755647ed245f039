# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-playbook as a user does and read what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RECAP = re.compile(r"^(?P<host>\S+)\s+: (?P<counts>(?:\w+=\d+\s*)+)$", re.MULTILINE)
ONE_BY_ONE = {
    "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"
}  # the callback of ansible.cfg folds hosts that have the same result
LIMIT = 900  # seconds; a run that needs longer hangs


@dataclass(frozen=True)
class Run:
    """One finished ansible-playbook."""

    code: int
    output: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """host -> {ok, changed, unreachable, failed, ...} of the play recap."""
        return {
            match["host"]: {name: int(count) for name, count in (pair.split("=") for pair in match["counts"].split())}
            for match in RECAP.finditer(self.output)
        }

    @property
    def changed(self) -> dict[str, int]:
        """host -> number of changed tasks, for hosts that changed at all."""
        return {host: counts["changed"] for host, counts in self.recap.items() if counts["changed"]}

    @property
    def failures(self) -> list[str]:
        """The text of every failure that ended a host's run: one message each, on one line."""
        blocks = re.split(r"^(?=TASK|PLAY|fatal:|failed:)", self.output, flags=re.MULTILINE)
        fatal = [block for block in blocks if block.startswith(("fatal:", "failed:")) and "...ignoring" not in block]
        return [" ".join(block.split()) for block in fatal]


def command(playbook: str, inventory: Path, extra: Mapping[str, Any], arguments: tuple[str, ...]) -> list[str]:
    """The command line. Extra variables that are secret belong in the inventory, not here: arguments are visible to
    everybody."""
    return [
        str(Path(sys.executable).parent / "ansible-playbook"),
        *("-i", str(inventory)),
        *(["-e", json.dumps(dict(extra))] if extra else []),
        *arguments,
        playbook if "." in playbook and not playbook.endswith(".yml") else str(ROOT / "playbooks" / playbook),
    ]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The test's environment without colours, and with the project's ansible.cfg, but for each host told by itself."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        **ONE_BY_ONE,
        **extra,
    }


def with_callback(name: str, folder: Path = ROOT / "tests" / "callback") -> dict[str, str]:
    """The environment that enables a callback plugin of the tests, beside the one that `make` has enabled."""
    ours = {"ANSIBLE_CALLBACK_PLUGINS": (str(folder), ":"), "ANSIBLE_CALLBACKS_ENABLED": (name, ",")}
    return {
        variable: separator.join(filter(None, (value, os.environ.get(variable))))
        for variable, (value, separator) in ours.items()
    }


def play(
    playbook: str,
    inventory: Path,
    *arguments: str,
    extra: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    alone: bool = False,
) -> Run:
    """Run `playbook` (a file of playbooks/ or an FQCN) to its end. `alone`: in a process group of its own, which a
    callback may kill.
    """
    done = subprocess.run(
        command(playbook, inventory, extra or {}, arguments),
        cwd=ROOT,
        env=environment(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT,
        start_new_session=alone,
    )
    return Run(done.returncode, done.stdout)
