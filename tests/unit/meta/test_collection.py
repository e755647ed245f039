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
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [
        ROOT / name
        for name in listed.split("\0")
        if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink()
    ]


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert project == _load(ROOT / "galaxy.yml")["version"]
    assert re.search(rf"^v{re.escape(project)}$", (ROOT / "CHANGELOG.rst").read_text(), re.MULTILINE)


def test_an_execution_environment_gets_what_the_wheel_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    listed = [
        line for line in (ROOT / "meta" / "ee-requirements.txt").read_text().splitlines() if not line.startswith("#")
    ]
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


def _entry_points(tasks) -> list[tuple[str, str]]:
    """(role, tasks_from) of every import_role and include_role in plays or tasks."""
    found = []
    for task in tasks or []:
        for verb in ("import_role", "include_role"):
            call = task.get(f"ansible.builtin.{verb}", {})
            if "tasks_from" in call:
                found.append((call["name"].removeprefix("cloudstack.kvm."), call["tasks_from"]))
        for part in ("pre_tasks", "tasks", "post_tasks", "block", "rescue", "always"):
            found += _entry_points(task.get(part))
    return found


USED = sorted({call for path in [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").glob("*/tasks/**/*.yml")]
               if isinstance(_load(path), list) for call in _entry_points(_load(path))})  # fmt: skip


def test_entry_points_of_roles_are_found():
    assert ("cluster", "primary_storage") in USED
    assert ("cloudstack_agent", "repair_certificate") in USED, "inside a block of a file of tasks"


@pytest.mark.parametrize(("role", "entry_point"), USED, ids=lambda value: value)
def test_an_entry_point_says_what_it_takes(role, entry_point):
    """Ansible looks the specification up by the very text of tasks_from: with a suffix .yml nothing is validated."""
    specs = _load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    assert (ROOT / "roles" / role / "tasks" / f"{entry_point}.yml").is_file()
    assert entry_point in specs, f"roles/{role}/meta/argument_specs.yml has no entry {entry_point}"
    assert specs[entry_point]["short_description"] and specs[entry_point]["description"]
    assert specs[entry_point]["options"].items() <= specs["main"]["options"].items()


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_every_entry_point_of_a_specification_is_a_file(role):
    names = _load(role / "meta" / "argument_specs.yml")["argument_specs"]
    assert not [name for name in names if not (role / "tasks" / f"{name}.yml").is_file()]


def test_the_action_group_holds_every_module_with_api_options():
    runtime = _load(ROOT / "meta" / "runtime.yml")
    group = set(runtime["action_groups"]["cloudstack"])
    with_api = {path.stem for path in MODULES if "cloudstack.kvm.cloudstack" in path.read_text()}
    assert group == with_api
    routes = runtime["plugin_routing"]["modules"].items()
    routed = {name for name, route in routes if route == {"action_plugin": "cloudstack.kvm.host"}}
    assert routed | {"host"} == with_api, "delegate_to: localhost has to mean the controller for all of them"


def test_headers():
    skip = {".json", ".xml", ".txt", ".properties", ".log", ".csv", ".png", ".out", ".err", ".gz"}
    missing = []
    for path in _tracked():
        if (
            path.name in ("LICENSE", "conffiles")
            or path.name in ("CHANGELOG.rst", "changelog.yaml")  # written by antsibull-changelog; REUSE.toml says it
            or not path.stat().st_size
            or path.suffix in skip
            or "fixtures" in path.parts
            or "fragments" in path.parts
        ):
            continue
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in path.read_text(errors="replace")[:600]:
            missing.append(str(path.relative_to(ROOT)))
    assert missing == []


def test_no_path_of_a_developers_machine():
    bad = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if re.search(r"(^|[\s\"'=(])/(work|farm)/", path.read_text(errors="replace"))
    ]
    assert not bad
