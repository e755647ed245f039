# SPDX-License-Identifier: GPL-3.0-or-later
"""The two rules of docs/architecture.md: pure code touches nothing of the world, and a subject imports only subjects
below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UTILS = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.cloudstack.kvm.plugins.module_utils"
FORBIDDEN = {
    "subprocess",
    "socket",
    "os",
    "time",
    "random",
    "ansible",
    "pathlib",
    "shutil",
    "tempfile",
    "select",
    "urllib",
    "http",
    "cs",
}
PURE = ("urllib.parse.",)  # parts of these that touch nothing
# From the ground floor up; subjects of one line do not import each other.
FLOORS = (
    ("core",),
    ("host_files", "cloudstack", "inventory"),
    ("host_facts", "host_join"),
    ("probes", "host_network", "host_services", "diagnosis", "bmc"),
    ("path_check",),
    ("preflight",),
    ("failover",),
)
FLOOR = {subject: floor for floor, subjects in enumerate(FLOORS) for subject in subjects}
VALUES, TEXTS, DECISIONS, WORLD = range(4)
# A file belongs to the folder (or has the name) of its layer below the subject. Any other file of a subject decides,
# and is pure.
LAYERS = {
    "model": VALUES,
    "parse": TEXTS,
    "plan": DECISIONS,
    "checks": DECISIONS,
    "blame": DECISIONS,
    "client": WORLD,
    "backends": WORLD,
}
# What touches the world outside of a folder that says so.
WORLDLY = {
    "core/account.py",
    "core/runtime.py",
    "core/command.py",
    "core/clock.py",
    "path_check/run.py",
    "cloudstack/converge.py",
}
# The ground floor's values, which every layer may import.
GROUND = {"core/errors.py": VALUES, "core/plan.py": VALUES, "core/numbers.py": TEXTS}


class NoPlace(Exception):
    """The file stands in no subject, or in a folder that is not a layer."""


def place(name: str) -> tuple[str, int]:
    """Subject and layer of a file, by its path below module_utils. Raises NoPlace."""
    subject, *inside = name.split("/")
    if subject not in FLOOR or not inside:
        raise NoPlace(name)
    if name in WORLDLY:
        return subject, WORLD
    if name in GROUND:
        return subject, GROUND[name]
    folder = inside[0] if len(inside) > 1 else ""
    if folder and folder not in LAYERS or len(inside) > 2 or subject == "core":
        raise NoPlace(name)
    return subject, LAYERS.get(folder or inside[0].removesuffix(".py"), DECISIONS)


def imported(tree: ast.AST) -> list[str]:
    """Every dotted name that a file imports; a relative import counts as one of an unknown place."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names += [base if _file(base) else f"{base}.{alias.name}" for alias in node.names]
    return names


def _file(dotted: str) -> str:
    """The path below module_utils of a module's dotted name; empty where it is not one of ours."""
    path = dotted.removeprefix(PREFIX + ".").replace(".", "/") + ".py"
    return path if dotted.startswith(PREFIX + ".") and (UTILS / path).is_file() else ""


def violations(name: str, text: str) -> list[str]:
    subject, layer = place(name)
    bad = []
    for each in imported(ast.parse(text)):
        if not each.startswith((PREFIX, ".")):
            if layer != WORLD and each.split(".")[0] in FORBIDDEN and not each.startswith(PURE):
                bad.append(each)
            continue
        try:
            other, its_layer = place(_file(each) or each)
        except NoPlace:
            bad.append(each)
            continue
        if its_layer > layer or (other != subject and FLOOR[other] >= FLOOR[subject]):
            bad.append(each)
    return bad


def files() -> list[str]:
    return sorted(str(path.relative_to(UTILS)) for path in UTILS.rglob("*.py"))


@pytest.mark.parametrize("name", files())
def test_a_file_imports_only_what_lies_below_it(name):
    assert violations(name, (UTILS / name).read_text()) == []


def test_every_file_that_touches_the_world_is_there():
    assert set(files()) >= WORLDLY | set(GROUND)


def test_every_subject_is_there():
    assert {name.split("/")[0] for name in files()} == set(FLOOR)


@pytest.mark.parametrize(
    "name, line",
    [
        ("probes/parse/sinner.py", "import os.path"),
        ("probes/sinner.py", "from time import sleep"),
        ("probes/parse/sinner.py", f"from {PREFIX}.core import command"),
        ("probes/model/sinner.py", f"from {PREFIX}.core.numbers import whole"),
        ("probes/plan/sinner.py", f"from {PREFIX}.probes.client import port_probe"),
        ("host_files/plan/sinner.py", f"from {PREFIX}.host_facts.parse.system import x"),
        ("host_files/client/sinner.py", f"from {PREFIX}.cloudstack.converge import x"),
        ("preflight/sinner.py", f"from {PREFIX}.nowhere import x"),
        ("preflight/sinner.py", "from .gate import x"),
    ],
)
def test_a_violation_is_seen(name, line):
    assert violations(name, line + "\n")


@pytest.mark.parametrize(
    "name", ["sinner.py", "new_subject/model/x.py", "probes/helpers/x.py", "probes/client/deep/x.py", "core/x.py"]
)
def test_a_file_without_a_place_is_seen(name):
    with pytest.raises(NoPlace):
        place(name)


def test_only_runtime_leaves_the_process():
    """fail_json, exit_json, sys.exit and print belong to core/runtime.py alone (and to nothing else in module_utils or
    modules)."""
    bad = []
    for path in sorted(UTILS.rglob("*.py")) + sorted((ROOT / "plugins" / "modules").glob("*.py")):
        if path == UTILS / "core" / "runtime.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"fail_json", "exit_json", "print"} or (name == "exit" and isinstance(node.func, ast.Attribute)):
                bad.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert not bad
