# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to start. What it does: tests/integration/test_path_mtu.py."""

from __future__ import annotations

import subprocess
import sys

from tests.namespaces import python_path

CODE = "import sys; import ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.run; print(*sys.modules)"
DEAR = {
    "typing",
    "dataclasses",
    "enum",
    "collections",
    "contextlib",
    "socket",
    "signal",
    "selectors",
    "re",
    "subprocess",
}


def test_it_imports_nothing_dear():
    """Each of them takes as long as all of the path check's own files together, on every host."""
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", CODE], env=python_path(), capture_output=True, text=True, check=True
    ).stdout.split()
    assert not DEAR & set(loaded)
    assert "_socket" in loaded
