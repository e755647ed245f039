# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts name a playbook as somebody types it who installed the collection: there is no playbooks/site.yml in their
folder.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
AS_FILE = re.compile(rf"(?<![\w.-])({'|'.join(PLAYBOOKS)})\.yml\b")
SHIPPED = ("plugins", "roles", "playbooks", "docs", "inventories/production.example", "README.md")
# Lines that are right to name the file.
FILE_IS_MEANT = (
    re.compile(r"or `ansible-playbook playbooks/site\.yml`"),  # README, about a checkout
    re.compile(r"`playbooks/prepare_hosts\.yml` collects"),  # docs/architecture.md, about the source
    re.compile(r"^ *ansible\.builtin\.import_playbook: \w+\.yml$"),  # Galaxy's importer finds no collection by its name
)


def shipped_files():
    """What an installed user gets of the repository's own texts."""
    listed = subprocess.run(["git", "ls-files", "-z", *SHIPPED], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def named_as_files(text):
    """Lines that name a playbook by its file."""
    found = []
    for line in text.splitlines():
        if AS_FILE.search(line) and not any(meant.search(line) for meant in FILE_IS_MEANT):
            found.append(line.strip())
    return found


def test_every_text_names_playbooks_by_fqcn():
    wrong = []
    for path in shipped_files():
        wrong += [f"{path.relative_to(ROOT)}: {line}" for line in named_as_files(path.read_text(encoding="utf-8"))]
    assert not wrong, "write ansible-playbook cloudstack.kvm.NAME"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("run playbooks/prepare_hosts.yml (role time_sync)", True),
        ("ansible-playbook site.yml --check", True),
        ("then run add_hosts.yml again", True),
        ("run ansible-playbook cloudstack.kvm.prepare_hosts", False),
        ("writes preflight.junit.xml and path_check.html", False),
        ("`tests/integration/test_site.yml`", False),
    ],
)
def test_what_counts_as_a_file_name(line, wrong):
    assert bool(named_as_files(line)) is wrong


def test_names_of_playbooks_in_texts_exist():
    named = set()
    for path in shipped_files():
        named.update(re.findall(r"ansible-playbook cloudstack\.kvm\.(\w+)", path.read_text(encoding="utf-8")))
    assert named - {"NAME"} <= set(PLAYBOOKS)
    assert {"init", "site", "preflight", "prepare_hosts", "add_hosts", "register_cluster", "path_check"} <= named


@pytest.mark.parametrize(
    ("system", "repository", "release"),
    [("Ubuntu 24.04", "ubuntu", "noble"), ("EL 9", "el/9", "4.22"), ("Debian 12", "debian", "bookworm")],
)
def test_the_template_has_the_repository_of_each_system_beside_its_name(system, repository, release):
    lines = (ROOT / "inventories/production.example/group_vars/kvm_hosts.yml").read_text().splitlines()
    index = next(number for number, line in enumerate(lines) if line.startswith(f"# {system}:"))
    beside = lines[index] if "https:" in lines[index] else lines[index + 1]
    assert f"https://download.cloudstack.org/{repository}" in beside
    assert release in beside
