# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as Ansible does, in this process: real argument checking, real exit, the JSON that would be sent
back."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args


def run_module(
    module: ModuleType, capsys: pytest.CaptureFixture[str], *, check: bool = False, **options: Any
) -> dict[str, Any]:
    """The result of one execution with --diff."""
    with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), pytest.raises(SystemExit):
        module.main()
    return json.loads(capsys.readouterr().out)
