# SPDX-License-Identifier: GPL-3.0-or-later
"""host_files on a real file system: all or nothing, twice the same, check mode exact."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files as client
from ansible_collections.cloudstack.kvm.plugins.modules import host_files

from tests.unit.plugins.captured import text
from tests.unit.plugins.modules.edge import run_module

SECRET = "planted-s3cret"


def _tree(root: Path) -> dict[str, tuple]:
    """Everything below `root`: what a run may change."""
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = (info.st_mode, info.st_ino, info.st_mtime_ns, content)
    return found


@pytest.fixture
def run(capsys):
    return lambda entries, **options: run_module(host_files, capsys, files=entries, **options)


def _everything(root: Path) -> list[dict]:
    (root / "libvirtd.conf").write_text(text("libvirtd_conf/as_packaged.conf"))
    (root / "old").write_text("old\n")
    (root / "hosts").write_text("127.0.1.1 host1\n")
    return [
        {
            "path": f"{root}/libvirtd.conf",
            "format": "libvirt",
            "settings": {"listen_tls": 1, "tls_port": 16514},
            "mode": "0600",
        },
        {"path": f"{root}/d", "state": "directory", "mode": "0700"},
        {"path": f"{root}/d/keys", "lines": ["ssh-ed25519 AAAA x"], "mode": "0600"},
        {"path": f"{root}/sysctl.conf", "settings": {"net.ipv4.ip_forward": 1}},
        {"path": f"{root}/default", "format": "shell", "settings": {"LIBVIRTD_ARGS": "--listen"}},
        {"path": f"{root}/hosts", "format": "hosts", "settings": {"10.88.0.11": ["host1.lab.test", "host1"]}},
        {"path": f"{root}/link", "state": "link", "src": "/dev/null"},
        {"path": f"{root}/old", "state": "absent"},
        {"path": f"{root}/sudoers", "content": "root ALL=(ALL) ALL\n", "validate": "grep -q root %s"},
    ]


def test_a_hardened_umask_changes_no_mode(tmp_path, run):
    """Daemons without root (chrony, apt's _apt) read what the roles write: the mode is set, not left to the umask."""
    before = os.umask(0o077)
    try:
        run([{"path": f"{tmp_path}/d", "state": "directory"}, {"path": f"{tmp_path}/d/conf", "content": "x\n"}])
    finally:
        os.umask(before)
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "d", tmp_path / "d" / "conf")] == [
        "0o755",
        "0o644",
    ]


def test_check_real_and_again(tmp_path, run):
    entries = _everything(tmp_path)
    before = _tree(tmp_path)
    predicted = run(entries, check=True)
    assert _tree(tmp_path) == before, "check mode touched something"
    done = run(entries)
    assert done["changed"]
    assert (done["changed_paths"], done["diff"]) == (predicted["changed_paths"], predicted["diff"])
    assert done["changed_paths"] == [
        f"{tmp_path}/{name}"
        for name in ("libvirtd.conf", "d", "d/keys", "sysctl.conf", "default", "hosts", "link", "old", "sudoers")
    ]
    after = _tree(tmp_path)
    again = run(entries)
    assert (again["changed"], again["changed_paths"], again["diff"]) == (False, [], [])
    assert _tree(tmp_path) == after


def test_what_is_written(tmp_path, run):
    run(_everything(tmp_path))
    assert (tmp_path / "hosts").read_text() == "10.88.0.11\thost1.lab.test host1\n"
    assert (tmp_path / "sysctl.conf").read_text() == "net.ipv4.ip_forward = 1\n"
    assert (tmp_path / "default").read_text() == 'LIBVIRTD_ARGS="--listen"\n'
    assert (tmp_path / "d").stat().st_mode & 0o7777 == 0o700
    assert (tmp_path / "d" / "keys").stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "sudoers").stat().st_mode & 0o7777 == 0o644
    assert os.readlink(tmp_path / "link") == "/dev/null"
    assert not (tmp_path / "old").exists()


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({"path": "{root}/nowhere/f", "content": "x"}, "a directory is not there"),
        ({"path": "{root}/f", "content": "x", "validate": "false %s"}, "is refused"),
        ({"path": "{root}/f", "content": "x", "validate": "true"}, "names no file"),
        ({"path": "{root}/f", "content": "x", "validate": "no-such-program %s"}, "cannot be validated"),
        ({"path": "{root}/f", "content": "x", "mode": "rw"}, "mode is not usable"),
        ({"path": "{root}/f", "content": "x", "owner": "no-such-user"}, "has no user"),
        ({"path": "{root}/f", "settings": {"a": "b"}, "content": "x"}, "mutually exclusive"),
        ({"path": "{root}/f", "state": "link"}, "src"),
        ({"path": "f", "content": "x"}, "not absolute"),
    ],
)
def test_one_bad_entry_stops_all(tmp_path, run, entry, part):
    entry = {key: value.format(root=tmp_path) if isinstance(value, str) else value for key, value in entry.items()}
    good = {"path": f"{tmp_path}/good", "content": "x"}
    result = run([good, entry])
    assert result["failed"]
    assert part in result["msg"]
    assert _tree(tmp_path) == {}


def test_check_mode_does_not_miss_what_is_not_installed_yet(tmp_path, run):
    entry = {"path": f"{tmp_path}/nowhere/f", "content": "x", "owner": "no-such-user", "validate": "no-such-program %s"}
    result = run([entry], check=True)
    assert result["changed"]
    assert "no-such-program is not installed" in str(result["warnings"])


def test_a_disk_that_fills_up_leaves_everything_as_it_was(tmp_path, run, monkeypatch):
    (tmp_path / "first").write_text("old\n")
    before = _tree(tmp_path)
    real = os.fsync
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(client.os, "fsync", full)
    result = run(
        [
            {"path": f"{tmp_path}/d", "state": "directory"},
            {"path": f"{tmp_path}/first", "content": "a"},
            {"path": f"{tmp_path}/second", "content": "b"},
        ]
    )
    assert result["failed"]
    assert "No space left" in result["msg"]
    assert f"{tmp_path}/second" in result["msg"]
    assert _tree(tmp_path) == before


def test_a_file_that_is_a_mount_point_is_written_in_place(tmp_path, run, monkeypatch):
    (tmp_path / "hosts").write_text("old\n")
    inode = (tmp_path / "hosts").stat().st_ino

    def busy(_source, _target, **_directories):
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(client.os, "replace", busy)
    assert run([{"path": f"{tmp_path}/hosts", "content": "new\n"}])["changed"]
    assert (tmp_path / "hosts").read_text() == "new\n"
    assert (tmp_path / "hosts").stat().st_ino == inode
    assert [path.name for path in tmp_path.iterdir()] == ["hosts"]


def test_a_link_is_followed(tmp_path, run):
    (tmp_path / "real").write_text("a = 1\n")
    (tmp_path / "link").symlink_to("real")
    result = run([{"path": f"{tmp_path}/link", "settings": {"a": 2}}])
    assert result["changed_paths"] == [f"{tmp_path}/real"]
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "a = 2\n"


def test_backup(tmp_path, run):
    (tmp_path / "f").write_text("old\n")
    (tmp_path / "f").chmod(0o600)
    result = run(
        [{"path": f"{tmp_path}/f", "content": "new\n"}, {"path": f"{tmp_path}/new", "content": "x"}], backup=True
    )
    [(path, copy)] = result["backups"].items()
    assert path == f"{tmp_path}/f"
    assert Path(copy).read_text() == "old\n"
    assert Path(copy).stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("validate", [None, "grep -v planted %s"])
def test_a_secret_leaves_no_trace_in_the_result(tmp_path, run, check, validate):
    (tmp_path / "f").write_text("older-s3cret\n")
    entry = {"path": f"{tmp_path}/f", "secret_content": SECRET, "validate": validate}
    result = run([entry], check=check)
    assert SECRET not in str(result)
    assert "older-s3cret" not in str(result)
    assert bool(result.get("failed")) == bool(validate)


def test_nothing_to_do_for_no_entries(run):
    assert run([])["changed"] is False
