# SPDX-License-Identifier: GPL-3.0-or-later
"""What host_files would do, decided without a file system."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileGoal, FileState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.files import (
    missing_parents,
    parse_mode,
    plan_files,
)

PATH = "/etc/x.conf"
ABSENT = FileState(PATH)
FILE = FileState(PATH, "file", b"a = 1\n", 0o640, 0, 5)
LINK = FileState(PATH, "link", mode=0o777, uid=0, gid=0, target="/dev/null")
FOLDER = FileState(PATH, "directory", mode=0o755, uid=0, gid=0)


def _plan(state, /, **goal):
    return plan_files([FileGoal(PATH, **goal)], {PATH: state})


@pytest.mark.parametrize(
    ("state", "goal"),
    [
        (FILE, {"content": "a = 1\n"}),
        (FILE, {"settings": {"a": 1}, "mode": 0o640, "gid": 5}),
        (FILE, {"lines": ("a = 1",), "lines_absent": ("b",)}),
        (FILE, {}),
        (ABSENT, {"state": "absent"}),
        (ABSENT, {"settings": {"a": 1}, "create": False}),
        (ABSENT, {"settings": {"a": None}}),
        (ABSENT, {"lines_absent": ("b",)}),
        (LINK, {"state": "link", "target": "/dev/null"}),
        (FOLDER, {"state": "directory", "mode": 0o755}),
    ],
)
def test_nothing_to_do(state, goal):
    assert not _plan(state, **goal)


@pytest.mark.parametrize(
    ("state", "goal", "actions"),
    [
        (ABSENT, {"content": "x"}, ["create"]),
        (FILE, {"content": "x"}, ["update"]),
        (FILE, {"content": "x", "mode": 0o600}, ["update", "attributes"]),
        (FILE, {"uid": 7}, ["attributes"]),
        (FILE, {"state": "absent"}, ["delete"]),
        (LINK, {"state": "absent"}, ["delete"]),
        (FOLDER, {"state": "absent"}, ["delete"]),
        (ABSENT, {"state": "link", "target": "/x"}, ["create link"]),
        (LINK, {"state": "link", "target": "/x"}, ["replace by link"]),
        (FILE, {"state": "link", "target": "/x"}, ["replace by link"]),
        (ABSENT, {"state": "directory"}, ["create directory"]),
        (FOLDER, {"state": "directory", "mode": 0o700}, ["attributes"]),
    ],
)
def test_actions(state, goal, actions):
    assert [change.action for change in _plan(state, **goal)] == actions


@pytest.mark.parametrize(
    ("state", "goal"),
    [
        (FOLDER, {"content": "x"}),
        (FILE, {"state": "directory"}),
        (FOLDER, {"state": "link", "target": "/x"}),
        (ABSENT, {"mode": 0o600}),
    ],
)
def test_refused(state, goal):
    with pytest.raises(InputError, match=PATH):
        _plan(state, **goal)


def test_a_new_content_keeps_owner_and_mode():
    [change] = _plan(FILE, content="x")
    assert (change.data.mode, change.data.uid, change.data.gid) == (0o640, 0, 5)
    [change] = _plan(ABSENT, content="x")
    assert (change.data.mode, change.data.uid) == (0o644, None)


def test_a_secret_is_hidden_and_its_new_file_private():
    plan = _plan(ABSENT, content="hunter2", secret=True)
    assert plan.changes[0].data.mode == 0o600
    assert "hunter2" not in str(plan.diff())
    assert plan.diff()[0]["before"] != plan.diff()[0]["after"]


def test_bytes_that_are_no_text_survive():
    state = FileState(PATH, "file", b"\xff\xfe\na = 1\n", 0o644, 0, 0)
    [change] = _plan(state, settings={"a": 2})
    assert change.data.content == b"\xff\xfe\na = 2\n"


def test_a_path_may_appear_once():
    with pytest.raises(InputError, match="more than once"):
        plan_files([FileGoal(PATH, content="a"), FileGoal(PATH, content="b")], {PATH: ABSENT})


def test_missing_parents_counts_what_the_plan_makes():
    paths = ["/a/d", "/a/d/f", "/b/f"]
    goals = [FileGoal("/a/d", state="directory"), FileGoal("/a/d/f", content="x"), FileGoal("/b/f", content="x")]
    plan = plan_files(goals, {path: FileState(path) for path in paths})
    assert missing_parents(plan, {"/a"}) == ["/b"]


@pytest.mark.parametrize(("text", "mode"), [(None, None), ("0644", 0o644), ("600", 0o600), ("4755", 0o4755)])
def test_mode(text, mode):
    assert parse_mode(text, PATH) == mode


@pytest.mark.parametrize("text", ["", "644 ", "u=rw", "0888", "00644", "420 "])
def test_what_is_no_mode(text):
    with pytest.raises(InputError, match="mode"):
        parse_mode(text, PATH)
