# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as Ansible would, in this process: its own argument parsing, no_log and exit, without a playbook's
second of overhead."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.testing import patch_module_args

PACKAGE = "ansible_collections.cloudstack.kvm.plugins.modules."


@dataclass(frozen=True)
class Result:
    """What a module printed: `text` as it came, `data` read."""

    text: str

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.text)

    @property
    def failed(self) -> bool:
        return bool(self.data.get("failed"))

    @property
    def changed(self) -> bool:
        """Whether it changed, or would change, something. A failure is none: it ends the test with its message."""
        assert not self.failed, self.data["msg"]
        return bool(self.data["changed"])

    @property
    def message(self) -> str:
        """The message of a failure."""
        assert self.failed, self.text
        return self.data["msg"]


def run_module(name: str, options: Mapping[str, Any], check: bool = False) -> Result:
    """Run `name` with these options; check mode if wanted, diff always."""
    module = importlib.import_module(PACKAGE + name)
    given = {
        **options,
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        "_ansible_remote_tmp": "/tmp",
        "_ansible_keep_remote_files": False,
    }
    printed = io.StringIO()
    with patch_module_args(given), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        module.main()
    return Result(printed.getvalue())
