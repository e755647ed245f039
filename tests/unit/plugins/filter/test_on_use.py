# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter files are cheap to open, as Ansible opens all of them in the process of each task; their rules are there."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.on_use import PLUGINS, on_use

FOLDER = Path(__file__).parents[4] / "plugins" / "filter"
USES = sorted(
    {use for path in FOLDER.glob("*.py") for use in re.findall(r'on_use\("([^"]+)", "([^"]+)"\)', path.read_text())}
)
# subjects with many files, of which no filter needs one before it is used
DEAR = ("preflight", "failover", "path_check", "diagnosis.diagnose")
OPEN = """
import sys
from importlib import import_module
for name in sys.argv[2:]:
    import_module(sys.argv[1] + ".filter." + name).FilterModule().filters()
print("\\n".join(sys.modules))
"""


@pytest.mark.parametrize(("module", "name"), USES)
def test_the_rules_are_there(module, name):
    assert callable(getattr(import_module(f"{PLUGINS}.{module}"), name))


def test_the_rules_are_called_with_what_the_filter_is_given():
    assert on_use("plugin_utils.names", "ranges")(["host1", "host2", "host3"]) == "host[1-3]"


def test_opening_all_filters_imports_no_dear_rules():
    names = sorted(path.stem for path in FOLDER.glob("*.py"))
    argv = [sys.executable, "-c", OPEN, PLUGINS, *names]
    opened = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert f"{PLUGINS}.filter.path_probes" in opened
    dear = tuple(f"{PLUGINS}.module_utils.{each}" for each in DEAR)
    assert [name for name in opened if name.startswith(dear)] == []
