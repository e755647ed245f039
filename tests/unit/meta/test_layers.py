# SPDX-License-Identifier: GPL-3.0-or-later
"""The layer rule of docs/architecture.md: pure code imports values and pure code, nothing that touches the world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UTILS = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.cloudstack.kvm.plugins.module_utils"
FORBIDDEN = {"subprocess", "socket", "os", "time", "random", "ansible", "pathlib", "shutil", "tempfile", "select", "urllib", "http", "cs"}
# layer -> the layers it may import
MAY_IMPORT = {
    "model": {"model", "errors"},
    "parse": {"model", "errors", "parse"},
    "plan": {"model", "errors", "parse", "plan"},
    "checks": {"model", "errors", "parse", "checks"},
    "client": {"model", "errors", "parse", "checks", "client"},
}


def _imports(path: Path) -> list[str]:
    names = []
    package = ".".join([PREFIX, *path.relative_to(UTILS).parts[:-1]])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join(parts[: len(parts) - node.level + 1] + ([base] if base else []))
            names += [f"{base}.{alias.name}" for alias in node.names]
    return names


def _files(layer: str) -> list[Path]:
    return sorted((UTILS / layer).rglob("*.py"))


def _violations(path: Path, layer: str) -> list[str]:
    bad = []
    for name in _imports(path):
        if name.startswith(PREFIX + "."):
            if name[len(PREFIX) + 1 :].split(".")[0] not in MAY_IMPORT[layer]:
                bad.append(name)
        elif layer != "client" and name.split(".")[0] in FORBIDDEN:
            bad.append(name)
    return bad


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT))
def test_a_layer_imports_only_what_lies_below(layer):
    bad = {str(path.relative_to(ROOT)): found for path in _files(layer) if (found := _violations(path, layer))}
    assert not bad


@pytest.mark.parametrize("layer", ["model", "parse", "plan", "checks", "client"])
def test_the_layer_exists(layer):
    assert _files(layer), f"{layer}/ is empty: the rule above would hold for nothing"


def test_the_walk_sees_a_violation(tmp_path, monkeypatch):
    (tmp_path / "parse").mkdir()
    sinner = tmp_path / "parse" / "sinner.py"
    sinner.write_text("import os.path\nfrom ..client import command\nfrom .fine import x\n")
    monkeypatch.setattr("sys.modules", {**__import__("sys").modules})
    monkeypatch.setitem(globals(), "UTILS", tmp_path)
    assert _violations(sinner, "parse") == ["os.path", f"{PREFIX}.client.command"]


def test_only_runtime_leaves_the_process():
    """fail_json, exit_json, sys.exit and print belong to runtime.py alone (and to nothing at all in module_utils else)."""
    bad = []
    for path in sorted(UTILS.rglob("*.py")) + sorted((ROOT / "plugins" / "modules").glob("*.py")):
        if path == UTILS / "runtime.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"fail_json", "exit_json", "print"} or (name == "exit" and isinstance(node.func, ast.Attribute)):
                bad.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert not bad
