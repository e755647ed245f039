# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that talks to CloudStack says `delegate_to: localhost` and no more: plugins/action/host.py does the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]
GROUP = read_yaml(ROOT / "meta" / "runtime.yml")["action_groups"]["cloudstack"]
MODULES = {f"cloudstack.kvm.{name}" for name in GROUP}
SAID_BY_THE_PLUGIN = {"become", "become_user", "connection", "remote_user", "port"}
FILES = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/**/*.yml")]


def tasks_of(content, inherited=None):
    """Every task of a file, those of blocks and plays too, with the keywords that it has from its block."""
    for each in content or []:
        if isinstance(each, dict):
            yield {**(inherited or {}), **each}
            own = {name: each[name] for name in ("delegate_to", *SAID_BY_THE_PLUGIN) if name in each}
            for name in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks"):
                yield from tasks_of(each.get(name), {**(inherited or {}), **own})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tasks_that_talk_to_cloudstack(path):
    for task in tasks_of(read_yaml(path)):
        if MODULES & task.keys():
            assert task.get("delegate_to") == "localhost", task
            assert not SAID_BY_THE_PLUGIN & task.keys(), task
            assert not [name for name in task.get("vars", {}) if name.startswith("ansible_")], task


def test_there_are_such_tasks():
    found = [task for path in FILES for task in tasks_of(read_yaml(path)) if MODULES & task.keys()]
    assert len(found) > 8
