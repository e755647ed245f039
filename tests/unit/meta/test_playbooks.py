# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook works on cloudstack_kvm_group, and with --tags of each role that it runs no task of it is left out."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.yaml_files import read_yaml

FOLDER = Path(__file__).parents[3] / "playbooks"
PLAYS = {path.stem: read_yaml(path) for path in FOLDER.glob("*.yml") if path.stem != "init"}
FIRST = "Note that --tags chooses something of this playbook"
SUMMARY = "Summary"  # of the whole run
IMPORT = "ansible.builtin.import_playbook"
CHECK_API = "tasks/check_api.yml"
WITHOUT_API = {"adopt_network", "configure_bmc", "path_check", "prepare_hosts"}


def tasks(play: dict) -> list[dict]:
    return [each for part in ("pre_tasks", "tasks", "post_tasks") for each in play.get(part) or ()]


def roles(play: dict) -> Iterator[str]:
    """The roles that a play runs, by their short names."""
    for each in play.get("roles") or ():
        yield each["role"].rpartition(".")[2]
    for task in tasks(play):
        for kind in ("import", "include"):
            if f"ansible.builtin.{kind}_role" in task:
                yield task[f"ansible.builtin.{kind}_role"]["name"].rpartition(".")[2]


def all_roles(name: str) -> set[str]:
    found = set()
    for play in PLAYS[name]:
        found |= all_roles(Path(play[IMPORT]).stem) if IMPORT in play else set(roles(play))
    return found


@pytest.mark.parametrize("name", sorted(PLAYS))
def test_tags_that_choose_something_are_those_of_the_roles(name):
    [note] = [task for task in tasks(PLAYS[name][0]) if task["name"] == FIRST]
    assert set(note["tags"]) == all_roles(name)
    assert len(note["tags"]) == len(set(note["tags"]))


def start(name: str) -> dict:
    """The first play of a playbook, without what may differ: its name, the tags, whom the pre-flight asks CloudStack
    for."""
    play = copy.deepcopy(PLAYS[name][0])
    del play["name"]
    for task in play["tasks"]:
        if task["name"] == FIRST:
            del task["tags"]
        elif name == "preflight":
            task.pop("vars", None)
    return play


@pytest.mark.parametrize("name", sorted(PLAYS))
def test_every_playbook_begins_as_site_does(name):
    """So what test_no_hosts_no_api.py shows of some holds for each: without hosts, or without a CloudStack where it is
    asked, nothing else is done."""
    wanted = start("site")
    if name in WITHOUT_API:
        wanted["tasks"] = [task for task in wanted["tasks"] if task.get("ansible.builtin.import_tasks") != CHECK_API]
    assert len(wanted["tasks"]) == 3 - (name in WITHOUT_API)
    assert start(name) == wanted


@pytest.mark.parametrize("name", sorted(PLAYS))
def test_no_task_is_left_out_by_the_tags_of_its_role(name):
    own = all_roles(name)
    for play in PLAYS[name]:
        for task in [] if IMPORT in play else tasks(play):
            if task["name"] == SUMMARY:
                continue
            assert set(task["tags"]) <= {"always", *own}, task["name"]
            included = task.get("ansible.builtin.include_role") or task.get("ansible.builtin.include_tasks")
            assert included is None or included["apply"]["tags"] == task["tags"], task["name"]


GROUP = "{{ hostvars | default({}) | cloudstack.kvm.kvm_group(groups, cloudstack_kvm_group | default('', true)) }}"


@pytest.mark.parametrize("name", sorted(PLAYS))
def test_every_play_works_on_the_group_of_the_inventory(name):
    first, *others = [play for play in PLAYS[name] if IMPORT not in play]
    assert first["hosts"] == "{{ 'all' if groups['all'] else 'localhost' }}"
    assert first["vars_files"] == ["vars/kvm_group.yml"]
    assert {play["hosts"] for play in others} <= {GROUP}
    assert not any("vars_files" in play for play in others), "Ansible reads such a file for each host before each task"
