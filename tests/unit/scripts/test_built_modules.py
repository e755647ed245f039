# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs of ansible-playbook share what they have built of modules: those of the same sources alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.playbooks import ROOT, with_callback

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - cloudstack.kvm.said:
"""
MODULE = """
from ansible_collections.cloudstack.kvm.plugins.module_utils.words import WORD
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={}).exit_json(changed=WORD == "changed")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A collection with one module, and a play of it."""
    monkeypatch.delenv("ANSIBLE_CALLBACK_PLUGINS", raising=False)
    monkeypatch.delenv("ANSIBLE_CALLBACKS_ENABLED", raising=False)
    plugins = tmp_path / "ansible_collections" / "cloudstack" / "kvm" / "plugins"
    (plugins / "modules").mkdir(parents=True)
    (plugins / "modules" / "said.py").write_text(MODULE)
    (plugins / "module_utils").mkdir()
    (plugins / "module_utils" / "words.py").write_text('WORD = "same"\n')
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    return tmp_path


def run(project: Path) -> tuple[str, dict[Path, int]]:
    """What ansible-playbook says, and which modules are then in the folder that runs share, with their times."""
    own = {
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(project),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "BUILT_MODULES": str(project / "shared"),
    }
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local", "play.yml"],
        cwd=project,
        env={**os.environ, **with_callback("built_modules"), **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    built = [path for path in (project / "shared").glob("*/*") if path.suffix != ".lock"]
    return done.stdout, {path: path.stat().st_mtime_ns for path in built}


def test_runs_of_the_same_sources_share_and_others_do_not(project):
    said, first = run(project)
    assert "changed=0" in said
    assert len(first) == 1
    _said, again = run(project)
    assert again == first, "not built a second time"
    [words] = project.rglob("words.py")
    words.write_text('WORD = "changed"\n')
    said, changed = run(project)
    assert "changed=1" in said, "what is imported now is sent"
    assert len(changed) == 2


def test_callbacks_of_a_test_stand_beside_those_of_make(monkeypatch):
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", "/elsewhere")
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "built_modules")
    assert with_callback("fail_task") == {
        "ANSIBLE_CALLBACK_PLUGINS": f"{ROOT / 'tests' / 'callback'}:/elsewhere",
        "ANSIBLE_CALLBACKS_ENABLED": "fail_task,built_modules",
    }
