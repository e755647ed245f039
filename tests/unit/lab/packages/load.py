# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the stand-in packages as modules; they have no .py and live outside the import path."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[4]
PACKAGES = ROOT / "lab" / "packages"
SCRIPTS = PACKAGES / "cloudstack-common" / "root" / "usr" / "share" / "cloudstack-common" / "scripts" / "util"
FIXTURES = ROOT / "tests" / "fixtures"


def setup_agent() -> ModuleType:
    """/usr/bin/cloudstack-setup-agent."""
    path = PACKAGES / "cloudstack-agent" / "root" / "usr" / "bin" / "cloudstack-setup-agent"
    loader = SourceFileLoader("cloudstack_setup_agent", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("cloudstack_setup_agent", loader))
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = writes
    return module


def agent(name: str) -> ModuleType:
    """A module of the stand-in agent."""
    return importlib.import_module(
        f"lab.packages.cloudstack-agent.root.usr.share.cloudstack-agent.lib.cloudstack_agent.{name}"
    )
