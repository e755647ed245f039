# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated pages are current, and what the README names exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("script", ["role_docs.py", "check_docs.py", "join_docs.py"])
def test_generated_pages_are_current(script):
    done = subprocess.run([sys.executable, ROOT / "scripts" / script, "--check"], check=False)
    assert done.returncode == 0, "run make docs and commit docs/"


def test_the_page_about_checks_says_which_file_collects_each_fact():
    page = (ROOT / "docs" / "add-a-check.md").read_text()
    rows = re.findall(r"^\| `(\w+_facts\.py)`[^|]*\| (.*) \|$", page, re.MULTILINE)
    folder = ROOT / "plugins" / "module_utils" / "host_facts" / "client"
    assert {name for name, _facts in rows} == {path.name for path in folder.glob("*_facts.py")}
    told = {fact.split(".")[0] for _name, facts in rows for fact in re.findall(r"`([\w.]+)`", facts)}
    healthy = read_yaml(ROOT / "tests" / "fixtures" / "profiles" / "healthy.yml")
    assert told == set(healthy["facts"])
    for name, facts in rows:
        source = (folder / name).read_text()
        assert not [fact for fact in re.findall(r"`([\w.]+)`", facts) if f'"{fact.split(".")[0]}' not in source]


def test_links_of_the_readme_resolve():
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_playbooks_and_make_targets_of_the_readme_exist():
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", readme)) <= targets
    named = set(re.findall(r"^\| `([a-z_]+)` \|", readme, re.MULTILINE))
    assert named == {path.stem for path in (ROOT / "playbooks").glob("*.yml")}


def test_documents_that_comments_cite_are_in_the_repository():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if (ROOT / name).is_file()]
    cited = {}
    for path in paths:
        if path.suffix in (".py", ".yml", ".j2", ".cfg", ".toml", "") and path.name != "LICENSE":
            text = path.read_text(encoding="utf-8", errors="replace")
            cited.update(dict.fromkeys(re.findall(r"\b[a-z][\w-]+\.md\b", text), str(path)))
    assert len(cited) > 5
    here = {path.name for path in paths} | {"ha_report.md"}  # which a playbook writes
    assert not {name: path for name, path in cited.items() if name not in here}
