# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that others write too: nothing of theirs is lost in silence, and no link of another account leads us astray."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from pathlib import Path
from time import process_time
from types import SimpleNamespace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, OperationFailed
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import file_plan, files, places
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.files import Step
from ansible_collections.cloudstack.kvm.plugins.modules import agent_properties, host_files

from tests.unit.plugins.scripted import FakeClock

ACCOUNT = 64999  # a uid that is nobody's
FORK = multiprocessing.get_context("fork")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives directories to another account")


@pytest.fixture(autouse=True)
def lock(tmp_path_factory, monkeypatch):
    path = tmp_path_factory.mktemp("lock") / "lock"
    monkeypatch.setattr(files, "_lock_path", lambda: str(path))


def module(**params):
    return SimpleNamespace(params=params, check_mode=False, warn=lambda text: None, no_log_values=set())


def set_key(path, key, value):
    agent_properties.body(module(path=str(path), properties={key: value}, allow_unknown=True, backup=False))


def entry(path, **more):
    names = (
        "content",
        "secret_content",
        "settings",
        "lines",
        "lines_absent",
        "src",
        "mode",
        "owner",
        "group",
        "validate",
    )
    return {
        **dict.fromkeys(names),
        "path": str(path),
        "state": "present",
        "format": "ini_flat",
        "create": True,
        "secret": False,
        **more,
    }


def write(*entries):
    return host_files.body(module(files=list(entries), backup=False))


def state_of(root):
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        found[str(path.relative_to(root))] = (
            info.st_mode,
            info.st_uid,
            path.read_bytes() if path.is_file() and not path.is_symlink() else None,
        )
    return found


def run_in_processes(*works):
    processes = [FORK.Process(target=work) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def test_two_runs_at_once_lose_no_key_of_each_other(tmp_path):
    path = tmp_path / "agent.properties"
    path.write_text("workers=5\n")

    def some(name):
        return lambda: [set_key(path, f"{name}.{number}", number) for number in range(25)]

    assert run_in_processes(some("a"), some("b")) == [0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(
        ["workers=5", *(f"{name}.{number}={number}" for name in "ab" for number in range(25))]
    )
    assert [each.name for each in tmp_path.iterdir()] == ["agent.properties"]


def test_two_runs_at_once_lose_no_line_of_each_other(tmp_path):
    def some(name):
        return lambda: [write(entry(tmp_path / "keys", lines=[f"{name}{number}"])) for number in range(25)]

    assert run_in_processes(some("a"), some("b")) == [0, 0]
    assert len((tmp_path / "keys").read_text().splitlines()) == 50


def test_who_waits_too_long_for_another_run_is_told():
    clock = FakeClock()
    with (
        files.locked(SystemClock()),
        pytest.raises(OperationFailed, match="another run is writing files") as caught,
        files.locked(clock, 5),
    ):
        pass
    assert "fuser" in str(caught.value)
    assert 5 <= clock.time < 6


@pytest.mark.parametrize("times", [1, 2, 9])
def test_what_another_program_writes_meanwhile_is_kept(tmp_path, monkeypatch, times):
    path = tmp_path / "agent.properties"
    path.write_text("workers=5\n")
    left, compare = [times], files.Staged.compare

    def meddle(staged):
        if left[0]:
            left[0] -= 1
            path.write_text(f"{path.read_text()}foreign.{left[0]}=x\n")
        compare(staged)

    monkeypatch.setattr(files.Staged, "compare", meddle)
    if times > 2:
        with pytest.raises(files.ChangedMeanwhile, match="was changed by something else"):
            set_key(path, "workers", 8)
        assert "workers=5" in path.read_text()
    else:
        set_key(path, "workers", 8)
        assert sorted(path.read_text().splitlines()) == sorted(
            ["workers=8", *(f"foreign.{number}=x" for number in range(times))]
        )


def test_nothing_is_replaced_where_one_file_of_many_was_changed(tmp_path):
    states = {str(tmp_path / name): files.FileState(str(tmp_path / name)) for name in "ab"}
    (tmp_path / "b").write_text("foreign\n")
    steps = [Step("write", path, b"new\n", 0o644) for path in states]
    with pytest.raises(files.ChangedMeanwhile, match="/b was changed"):
        file_plan.apply(steps, states)
    assert [each.name for each in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_text() == "foreign\n"


@pytest.mark.parametrize("kind", ["remove", "link"])
def test_what_was_changed_is_neither_removed_nor_made_a_link(tmp_path, kind):
    path = tmp_path / "f"
    path.write_text("as read")
    state = files.inspect(str(path))
    path.write_text("foreign")
    with pytest.raises(files.ChangedMeanwhile):
        file_plan.apply([Step(kind, str(path), target="/dev/null")], {str(path): state})
    assert path.read_text() == "foreign"


def _victims(tmp_path):
    """root's things, and the home of another account beside them."""
    secret = tmp_path / "root" / "secret"
    secret.parent.mkdir(mode=0o700)
    secret.write_text("root's\n")
    secret.chmod(0o600)
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    for each in (home, home / ".ssh"):
        os.chown(each, ACCOUNT, ACCOUNT)
    return secret, home


def _directory_link(secret, home):
    (home / ".ssh").rmdir()
    (home / ".ssh").symlink_to(secret.parent)


def _file_link(secret, home):
    (home / ".ssh" / "keys").symlink_to(secret)


def _relative_link(secret, home):
    (home / ".ssh" / "keys").symlink_to("../../root/secret")


def _dangling_link(secret, home):
    (home / ".ssh" / "keys").symlink_to(secret.parent / "new")


def _hard_link(secret, home):
    (home / ".ssh" / "keys").hardlink_to(secret)


def _root_directory_in_it(secret, home):
    (home / ".ssh" / "keys").symlink_to(secret)
    for each in (home / ".ssh", home / ".ssh" / "keys"):  # root's own, but in a directory whose owner can put it there
        os.chown(each, 0, 0, follow_symlinks=False)


def _group_writable(secret, home):
    _file_link(secret, home)
    for each in (home, home / ".ssh"):
        os.chown(each, 0, ACCOUNT)
        each.chmod(0o775)


@needs_root
@pytest.mark.parametrize(
    "attack",
    [_directory_link, _file_link, _relative_link, _dangling_link, _hard_link, _root_directory_in_it, _group_writable],
)
@pytest.mark.parametrize(
    "wanted",
    [
        {"lines": ["ssh-ed25519 AAAA"], "owner": str(ACCOUNT)},
        {"content": "x", "owner": str(ACCOUNT)},
        {"owner": str(ACCOUNT), "create": False},
    ],
)
def test_no_link_of_another_account_is_followed(tmp_path, attack, wanted):
    secret, home = _victims(tmp_path)
    attack(secret, home)
    before = state_of(tmp_path)
    with pytest.raises(InputError, match="link that another account may have put there") as caught:
        write(entry(home / ".ssh" / "keys", **wanted))
    assert state_of(tmp_path) == before
    assert "namei -l" in str(caught.value)


@needs_root
@pytest.mark.parametrize("moment", ["directory", "file"])
def test_a_link_that_comes_after_the_look_is_not_followed(tmp_path, monkeypatch, moment):
    secret, home = _victims(tmp_path)
    before = state_of(secret.parent)
    compare = files.Staged.compare

    def swap(staged):
        if moment == "directory":
            (home / ".ssh").rename(home / "moved")
            (home / ".ssh").symlink_to(secret.parent)
        else:
            (home / ".ssh" / "keys").symlink_to(secret)
        monkeypatch.setattr(files.Staged, "compare", compare)
        compare(staged)

    monkeypatch.setattr(files.Staged, "compare", swap)
    with contextlib.suppress(InputError, OperationFailed):
        write(entry(home / ".ssh" / "keys", lines=["ssh-ed25519 AAAA"], owner=str(ACCOUNT), mode="0600"))
    assert state_of(secret.parent) == before
    assert secret.stat().st_uid == 0


@needs_root
def test_a_plain_file_of_another_account_is_edited(tmp_path):
    _secret, home = _victims(tmp_path)
    write(
        entry(home / ".ssh" / "keys", lines=["ssh-ed25519 AAAA"], owner=str(ACCOUNT), group=str(ACCOUNT), mode="0600")
    )
    path = home / ".ssh" / "keys"
    assert (path.read_text(), path.stat().st_uid, path.stat().st_mode & 0o777) == ("ssh-ed25519 AAAA\n", ACCOUNT, 0o600)


@needs_root
def test_a_pipe_of_another_account_does_not_hold_us(tmp_path):
    _secret, home = _victims(tmp_path)
    os.mkfifo(home / ".ssh" / "keys")
    with pytest.raises(InputError, match="is a other"):
        write(entry(home / ".ssh" / "keys", lines=["x"]))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("real/f", "real/f"),
        ("link/f", "real/f"),
        ("up/f", "real/f"),
        ("file", "real/f"),
        ("missing/f", "missing/f"),
        ("real/./../real//f", "real/f"),
    ],
)
def test_links_of_root_are_followed(tmp_path, given, expected):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "up").symlink_to("real/../real")
    (tmp_path / "file").symlink_to("link/f")
    assert places.resolve(f"{tmp_path}/{given}") == str(tmp_path / expected)


def test_a_circle_of_links_is_told(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="in circles"):
        places.resolve(str(tmp_path / "a"))


def test_a_directory_that_is_not_empty_stops_everything_before(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "in").write_text("x")
    before = state_of(tmp_path)
    with pytest.raises(InputError, match="not empty"):
        write(entry(tmp_path / "f", content="x"), entry(tmp_path / "d", state="absent"))
    assert state_of(tmp_path) == before
    write(entry(tmp_path / "d" / "in", state="absent"), entry(tmp_path / "d", state="absent"))
    assert state_of(tmp_path) == {}


def test_a_crash_between_two_files_leaves_whole_ones_and_the_next_run_ends_it(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).write_text("old\n")
    entries = [entry(tmp_path / name, content="new\n") for name in "ab"]
    commit = files.Staged.commit

    def crash(staged):
        if staged.path.endswith("b"):
            os.kill(os.getpid(), signal.SIGKILL)
        commit(staged)

    def work():
        files.Staged.commit = crash
        write(*entries)

    assert run_in_processes(work) == [-signal.SIGKILL]
    assert [(tmp_path / name).read_text() for name in "ab"] == ["new\n", "old\n"]
    assert write(*entries)[1]["changed_paths"] == [str(tmp_path / "b")]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new\n", "b": "new\n"}, (
        "what the killed run left is gone"
    )


def test_names_of_temporary_files_are_unique_and_not_too_long(tmp_path):
    path = str(tmp_path / ("n" * 255))
    first, second = (files.Staged(path, b"x", 0o600, None, None) for _ in range(2))
    second.commit()
    first.discard()
    assert [each.name for each in tmp_path.iterdir()] == ["n" * 255]


def test_ten_megabytes_of_properties_are_no_matter(tmp_path):
    """The quadratic part is gone: ten times the keys take about ten times as long."""

    def seconds(count):
        path = tmp_path / "agent.properties"
        path.write_text("".join(f"some.key.{number}=value \\\n  and more\n" for number in range(count)))
        start = process_time()
        agent_properties.body(
            module(
                path=str(path),
                properties={f"new.{number}": 1 for number in range(20)},
                allow_unknown=True,
                backup=False,
            )
        )
        return process_time() - start

    seconds(100)
    assert seconds(40000) < 40 * max(seconds(4000), 0.01)


def test_the_file_is_as_root_left_it(tmp_path):
    path = Path(tmp_path / "f")
    path.write_text("a\n")
    path.chmod(0o640)
    write(entry(path, lines=["b"]))
    assert path.stat().st_mode & 0o7777 == 0o640
