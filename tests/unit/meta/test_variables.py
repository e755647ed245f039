# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable that a page or an example inventory names is one of a role, and the pre-flight reads variables that its
role writes."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.role_variables import find_unknown
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.declared import VARIABLES
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.profiles import (
    KEPT,
    NO_PLAN,
    PROBES,
    RESULTS,
)

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("roles/*/README.md"),
    *ROOT.glob("lab/**/*.md"),
    *(path for path in ROOT.glob("inventories/**/*") if path.is_file()),
]
# A word with the prefix of a role that is the name of a file (a module, a filter, a benchmark, a task file) is not a
# variable.
FILES = {
    path.stem
    for folder in ("plugins", "playbooks", "roles", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*.*")
}


@functools.cache
def variables_of_roles():
    """Role -> its public variables, over all entry points."""
    found = {}
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        entries = read_yaml(path)["argument_specs"].values()
        found[path.parts[-3]] = {name for entry in entries for name in entry.get("options", {})}
    return found


def unknown_variables(text):
    words = set(re.findall(r"(?<![\w.])[a-z][a-z0-9_]*\b", text))
    return find_unknown(words - FILES, variables_of_roles())


def test_a_variable_that_no_role_has_is_found():
    [said] = unknown_variables("set `host_registration_preflight_max_age`, and host_registration_address")
    assert said.startswith("host_registration_preflight_max_age is not a variable of the role host_registration")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_name_variables_that_a_role_has(path):
    assert not unknown_variables(path.read_text())


def test_the_preflight_reads_what_its_role_writes():
    """parse/profiles.py has the names of private variables: the role that writes them must use the same."""
    text = "\n".join(path.read_text() for path in ROOT.glob("roles/preflight/tasks/*.yml"))
    written = set(re.findall(r"(?:register: |^\s+)(__preflight_\w+)", text, re.MULTILINE))
    assert {KEPT, PROBES, NO_PLAN, *RESULTS.values()} <= written
    assert not find_unknown(VARIABLES, variables_of_roles())
