# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps on an export, with a stand-in for the library: what is refused, what is left behind, which buffer comes
first."""

from __future__ import annotations

import ctypes
import ctypes.util

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libnfs

CONTEXT = 4711


class Server:
    """An export in memory behind libnfs's functions. `refuses` are (function, version) or functions that fail; `owner`
    is whose a new file is."""

    def __init__(self, refuses=(), owner=0, buffer_first=False, short=False):
        self.refuses = set(refuses)
        self.owner = owner
        self.buffer_first = buffer_first
        self.short = short
        self.files = {}
        self.called = []
        self.open_handles = 0
        self.contexts = 0

    def __getattr__(self, name):
        def function(*arguments):
            if name not in ("nfs_init_context", "nfs_get_error"):
                assert arguments[0] == CONTEXT
            self.called.append(name.removeprefix("nfs_"))
            if self.called[-1] in self.refuses or (self.called[-1], self.version) in self.refuses:
                return -13
            return getattr(self, f"do_{self.called[-1]}", lambda *_: 0)(*arguments[1:])

        if not name.startswith("nfs_"):
            raise AttributeError(name)
        return function

    version = None

    def do_init_context(self):
        self.contexts += 1
        return CONTEXT

    def do_destroy_context(self):
        self.contexts -= 1

    def do_set_version(self, version):
        self.version = version

    def do_get_error(self):
        return f"NFS: {self.called[-2]} failed with NFS3ERR_ACCES\n".encode()

    def do_creat(self, path, _mode, handle):
        return self.do_open(path, None, handle, {"owner": self.owner, "data": b""})

    def do_open(self, path, _flags, handle, new=None):
        self.files.setdefault(path, new)
        self.path = path
        self.open_handles += 1
        return 0

    def do_close(self, _handle):
        self.open_handles -= 1
        return 0

    def do_write(self, _handle, *sized):
        size, data = reversed(sized) if self.buffer_first else sized
        self.files[self.path]["data"] = data[: size // 2 if self.short else size]
        return len(self.files[self.path]["data"])

    def do_read(self, _handle, *sized):
        size, buffer = reversed(sized) if self.buffer_first else sized
        buffer.raw = self.files[self.path]["data"].ljust(size, b"\0")
        return size

    def do_stat64(self, path, stat):
        stat[libnfs.UID] = self.files[path]["owner"]
        return 0

    def do_rename(self, old, new):
        self.files[new] = self.files.pop(old)
        return 0

    def do_unlink(self, path):
        del self.files[path]
        return 0


@pytest.fixture
def attempt(monkeypatch):
    def run(server, write=True):
        monkeypatch.setattr(libnfs, "library", lambda: server)
        monkeypatch.setattr(libnfs, "reachable", lambda _server, _timeout: "")
        seen = libnfs.try_export("192.0.2.60", "/export/primary", ".probe", 15, write)
        assert (server.open_handles, server.contexts) == (0, 0)
        return seen

    return run


@pytest.mark.parametrize("buffer_first", [False, True])
def test_root_may_do_everything(attempt, buffer_first):
    server = Server(buffer_first=buffer_first)
    seen = attempt(server)
    assert (seen.version, seen.failed_step, seen.text, seen.uid_seen) == (3, "", "", 0)
    assert list(seen.steps) == list(libnfs.STEPS)
    assert all(step >= 0 for step in seen.steps.values())
    assert server.files == {}


def test_nothing_is_written_when_told_so(attempt):
    server = Server()
    seen = attempt(server, write=False)
    assert (seen.failed_step, seen.uid_seen) == ("", None)
    assert [step for step, ms in seen.steps.items() if ms is not None] == ["mount"]
    assert "creat" not in server.called


@pytest.mark.parametrize(
    ("function", "step", "owner"),
    [
        ("creat", "write", None),
        ("write", "write", None),
        ("stat64", "write", None),
        ("rename", "rename", 0),
        ("chown", "chown", 0),
        ("read", "read", 0),
    ],
)
def test_a_refused_step_leaves_nothing_behind(attempt, function, step, owner):
    server = Server(refuses=[function])
    seen = attempt(server)
    assert (seen.failed_step, seen.uid_seen) == (step, owner)
    assert seen.text == f"NFS: {function} failed with NFS3ERR_ACCES"
    assert server.files == {}
    done = libnfs.STEPS.index(step) + (function == "stat64")
    assert [ms is not None for ms in seen.steps.values()] == [number < done for number in range(len(libnfs.STEPS))]


def test_what_is_left_behind_is_named(attempt):
    seen = attempt(Server(refuses=["unlink"]))
    assert seen.failed_step == "remove"
    assert seen.text.endswith("; the file /.probe.renamed is left behind")


def test_a_squashed_root_may_write_but_give_nothing_away(attempt):
    seen = attempt(Server(refuses=["chown"], owner=65534))
    assert (seen.failed_step, seen.uid_seen) == ("chown", 65534)


def test_owners_by_name_are_not_the_exports_fault(attempt, monkeypatch):
    monkeypatch.setattr(Server, "do_get_error", lambda self: b"chown call failed with NFS4ERR_BADOWNER")
    assert attempt(Server(refuses=["chown"])).failed_step == ""


def test_half_a_file(attempt):
    server = Server(short=True)
    seen = attempt(server)
    assert (seen.failed_step, server.files) == ("write", {})
    assert "only a part" in seen.text


def test_content_that_changed(attempt, monkeypatch):
    monkeypatch.setattr(Server, "do_read", lambda self, handle, size, buffer: size)
    assert attempt(Server()).failed_step == "read"


def test_version_4_where_3_is_not_offered(attempt):
    seen = attempt(Server(refuses=[("mount", 3)]))
    assert (seen.version, seen.failed_step, seen.uid_seen) == (4, "", None)


def test_no_version_opens_it(attempt):
    seen = attempt(Server(refuses=["mount"]))
    assert (seen.version, seen.failed_step) == (0, "mount")
    assert seen.text == "NFSv3: NFS: mount failed with NFS3ERR_ACCES; NFSv4: NFS: mount failed with NFS3ERR_ACCES"


def test_server_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(libnfs, "library", Server)
    monkeypatch.setattr(libnfs, "PORT", 1)
    seen = libnfs.try_export("127.0.0.1", "/export", ".probe", 5, write=True)
    assert (seen.failed_step, set(seen.steps.values())) == ("mount", {None})
    assert "port 1 of 127.0.0.1" in seen.text
    assert "refused" in seen.text


def test_no_library(monkeypatch):
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    assert libnfs.library() is None
    with pytest.raises(CommandError, match="libnfs-utils"):
        libnfs.try_export("127.0.0.1", "/export", ".probe", 5, write=True)


class Declared:
    """Any function; remembers what is declared of it."""

    def __init__(self, _name):
        self.functions = {}

    def __getattr__(self, name):
        return self.functions.setdefault(name, type(name, (), {})())


@pytest.mark.parametrize(
    ("name", "buffer_first"),
    [
        ("libnfs.so.13", False),
        ("libnfs.so.14", False),
        ("libnfs.so.16", True),
        ("libnfs.so.17", True),
        ("libnfs.so", False),
    ],
)
def test_the_order_of_the_arguments_follows_the_version(monkeypatch, name, buffer_first):
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: name)
    monkeypatch.setattr(ctypes, "CDLL", Declared)
    lib = libnfs.library()
    assert lib.buffer_first is buffer_first
    assert (lib.nfs_write.argtypes[2] is ctypes.c_char_p) is buffer_first
