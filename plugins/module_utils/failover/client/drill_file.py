# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file of a drill on the controller: there before the failure is begun, and gone when the drill is over.

Only its owner can read it. It is written beside its place and renamed, so that it is whole whenever a run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.account import user
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, OperationFailed, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import Drill
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.drill import mapping_of, read_drill
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files

MODE = 0o600


class DrillFile:
    """The drill of a cluster. All methods raise InputError where the file cannot be read or written."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> Optional[Drill]:
        """The drill that is not finished; None if there is none."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return read_drill(file.read())
        except FileNotFoundError:
            return None
        except (OSError, ParseError, ValueError) as error:
            raise self._wrong("read", str(error)) from error

    def need(self) -> Drill:
        """The drill, which must be there."""
        drill = self.load()
        if drill is None:
            raise InputError(
                "there is no drill to go on with",
                expected=f"{self.path}, which ha_drill_plan writes",
                observed="no such file",
                next_step="run ansible-playbook cloudstack.kvm.ha_drill",
            )
        return drill

    def save(self, drill: Drill) -> None:
        """Returns only when the drill is on the disk."""
        # JSON of our own values: nothing in it is infinite, and surrogates of foreign text are escaped.
        text = _json(mapping_of(drill))
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            files.write(self.path, text.encode("ascii"), MODE)
        except (OSError, OperationFailed) as error:
            observed = error.observed if isinstance(error, OperationFailed) else error.strerror
            raise self._wrong("written", str(observed)) from error

    def remove(self) -> None:
        """The drill is over."""
        files.remove(self.path)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Between reading the drill and writing it, only one run is at it."""
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            handle = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
        except OSError as error:
            raise self._wrong("locked", str(error.strerror)) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _wrong(self, what: str, observed: str) -> InputError:
        return InputError(
            f"the file of the drill cannot be {what}",
            expected=f"{self.path}, on a disk with room, for the user who runs the drill",
            observed=observed,
            next_step=(
                "set preflight_report_dir to a folder that you may write; if the file of a drill is lost, bring"
                " the host back by hand: power on, agent, cancelHostMaintenance, cloudstack.kvm.enable_ha"
            ),
        )


def who() -> str:
    """Who runs the drill, and where."""
    return f"{user()}@{platform.node()}"


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"
