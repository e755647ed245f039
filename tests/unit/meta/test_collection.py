# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds the collection together: one version, the link shell, headers, role arguments, the action group."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SHELL = ROOT / "collections" / "ansible_collections" / "cloudstack" / "kvm"
LINKED = ["README.md", "docs", "galaxy.yml", "inventories", "meta", "playbooks", "plugins", "roles"]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))


def _load(path: Path):
    return yaml.safe_load(path.read_text())


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert project == _load(ROOT / "galaxy.yml")["version"]
    assert re.search(rf"^v{re.escape(project)}$", (ROOT / "CHANGELOG.rst").read_text(), re.MULTILINE)


def test_an_execution_environment_gets_what_the_wheel_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    listed = [line for line in (ROOT / "meta" / "ee-requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert listed == [each for each in project if not each.startswith("ansible-core")]


def test_the_link_shell_is_links_to_siblings():
    assert sorted(path.name for path in SHELL.iterdir()) == LINKED
    for name in LINKED:
        assert (SHELL / name).is_symlink()
        assert (SHELL / name).readlink() == Path("../../../..") / name
        assert (SHELL / name).resolve() == ROOT / name


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_defaults_and_argument_specs_have_the_same_keys_and_values(role):
    defaults = _load(role / "defaults" / "main.yml") or {}
    options = _load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    required = {name for name, spec in options.items() if spec.get("required")}
    assert set(defaults) | required == set(options)
    assert not set(defaults) & required
    for name, spec in options.items():
        assert name.startswith(f"{role.name}_"), f"{name}: a public variable is named {role.name}_*"
        assert spec.get("description"), f"{name} is not described"
        literal = not (isinstance(defaults.get(name), str) and "{{" in defaults[name])
        if name in defaults and literal:
            assert spec.get("default", None) == defaults[name], f"{name}: default differs"


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_every_default_has_a_comment(role):
    lines = (role / "defaults" / "main.yml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"^[a-z_]+:", line):
            assert number and lines[number - 1].startswith("#"), f"{role.name}: no comment above {line.split(':')[0]}"


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_a_role_is_whole(role):
    for part in ["README.md", "tasks/main.yml", "meta/main.yml", "meta/argument_specs.yml", "defaults/main.yml"]:
        assert (role / part).is_file(), part
    assert (ROOT / "molecule" / role.name / "molecule.yml").is_file(), "no molecule scenario"
    assert len((role / "tasks" / "main.yml").read_text().splitlines()) <= 60, "tasks/main.yml is a table of contents"


def test_the_action_group_holds_every_module_with_api_options():
    group = set(_load(ROOT / "meta" / "runtime.yml")["action_groups"]["cloudstack"])
    with_api = {path.stem for path in MODULES if "cloudstack.kvm.cloudstack" in path.read_text()}
    assert group == with_api


def test_headers():
    skip = {".json", ".xml", ".txt", ".properties", ".log", ".csv", ".png", ".out", ".err", ".gz"}
    missing = []
    for path in _tracked():
        if path.name in ("LICENSE", "conffiles") or not path.stat().st_size or path.suffix in skip or "fixtures" in path.parts or "fragments" in path.parts:
            continue
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in path.read_text(errors="replace")[:600]:
            missing.append(str(path.relative_to(ROOT)))
    assert missing == []


def test_no_path_of_a_developers_machine():
    bad = [str(path.relative_to(ROOT)) for path in _tracked() if re.search(r"(^|[\s\"'=(])/(work|farm)/", path.read_text(errors="replace"))]
    assert not bad
