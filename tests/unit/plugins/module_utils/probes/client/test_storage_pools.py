# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of a pool without a library, without an account, without an answer; and that librados's steps leave
nothing behind. tests/integration/test_storage_pools.py has real targets and a real Ceph cluster."""

from __future__ import annotations

import ctypes.util
import socket

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libiscsi, librados, storage_pools
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.model.pools import PoolRefused

from tests.unit.plugins.module_utils.probes.parse.test_pool_address import KEY

SAN = {"name": "san1", "kind": "IscsiLUN", "server": "127.0.0.1", "path": "/iqn.2026-01.test:san/1"}
CEPH = {"name": "ceph1", "kind": "RBD", "server": "127.0.0.9,127.0.0.1", "path": "cloudstack"}


@pytest.fixture
def answering(monkeypatch):
    """A server that takes connections at the ports of both kinds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(storage_pools, "PORTS", {"iscsi": (port,), "rbd": (1, port)})
        yield server


def check(pool, accounts=None, *, check_mode=False):
    options = {"pools": [pool], "accounts": accounts or {}, "timeout": 2}
    (found,) = storage_pools.check_all(options, check_mode=check_mode)["pools"]
    return found


@pytest.mark.parametrize("pool", [SAN, CEPH])
def test_nothing_listens(monkeypatch, pool):
    monkeypatch.setattr(storage_pools, "PORTS", {"iscsi": (1,), "rbd": (1,)})
    found = check(pool)
    assert (found["ok"], found["failed_step"], found["steps"]) == (False, "connect", {})
    assert "port 1 of 127.0.0.1: [Errno 111] Connection refused" in found["text"]


@pytest.mark.parametrize(("pool", "library"), [(SAN, "libiscsi"), (CEPH, "librados")])
def test_without_the_library_nothing_is_said(monkeypatch, answering, pool, library):
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    found = check(pool, {"ceph1": f"cloudstack:{KEY}"})
    assert (found["ok"], found["failed_step"]) == (None, "")
    assert found["text"] == f"{library} is not installed on this host"


@pytest.mark.parametrize(
    ("account", "ok", "words"),
    [("", None, "without an account"), ("ops", None, "without an account"), ("ops:abc", False, "not a Ceph key")],
)
def test_without_a_key_the_pool_is_not_judged(monkeypatch, answering, account, ok, words):
    monkeypatch.setattr(librados, "library", object)
    found = check(CEPH, {"ceph1": account})
    assert (found["ok"], words in found["text"], "abc" in found["text"]) == (ok, True, False)


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("Failed to log in to target. Status: Target not found(515)", False),
        ("Failed to log in to target. Status: Authorization failure(514)", False),
        ("Failed to log in to target. Status: Authentication failure(513)", None),
    ],
)
def test_what_a_target_says_to_the_login(monkeypatch, answering, tmp_path, text, ok):
    def refuse(*_arguments):
        raise PoolRefused("login", text)

    initiator = tmp_path / "initiatorname.iscsi"
    initiator.write_text("## iSCSI\nInitiatorName=iqn.1993-08.org.debian:01:4\n")
    monkeypatch.setattr(storage_pools, "INITIATOR_FILE", str(initiator))
    monkeypatch.setattr(libiscsi, "library", object)
    monkeypatch.setattr(libiscsi, "try_lun", refuse)
    found = check(SAN)
    assert (found["ok"], "CHAP" in found["text"]) == (ok, ok is None)


def test_without_an_initiator_name_nothing_is_said(monkeypatch, answering, tmp_path):
    monkeypatch.setattr(storage_pools, "INITIATOR_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(libiscsi, "library", object)
    assert (check(SAN)["ok"], "no initiator name" in check(SAN)["text"]) == (None, True)


def test_a_path_that_is_none():
    found = check({**SAN, "path": "/pool"})
    assert found["ok"] is None
    assert "the path of an iSCSI pool" in found["text"]
    assert "such as /iqn.2026-01.org.example:san/1" in found["text"]


class Rados:
    """A pool in memory; `refuses` fail with EPERM."""

    def __init__(self, *refuses):
        self.refuses = refuses
        self.objects = {}
        self.open = 0
        self.options = {}

    def __getattr__(self, name):
        def function(*arguments):
            if name.removeprefix("rados_") in self.refuses:
                return -1
            return getattr(self, name.replace("rados_", "do_"), lambda *_: 0)(*arguments)

        if not name.startswith("rados_"):
            raise AttributeError(name)
        return function

    def do_create(self, _cluster, user):
        self.open += 1
        self.options["user"] = user.decode()
        return 0

    def do_conf_set(self, _cluster, name, value):
        self.options[name.decode()] = value.decode()
        return 0

    def do_shutdown(self, _cluster):
        self.open -= 1

    def do_ioctx_create(self, *_):
        self.open += 1
        return 0

    def do_ioctx_destroy(self, _opened):
        self.open -= 1

    def do_write_full(self, _opened, name, content, _length):
        self.objects[name] = content
        return 0

    def do_read(self, _opened, name, buffer, length, _offset):
        buffer.raw = self.objects[name].ljust(length, b"\0")
        return length

    def do_remove(self, _opened, name):
        del self.objects[name]
        return 0


def test_an_object_is_written_read_and_removed(monkeypatch, answering):
    lib = Rados()
    monkeypatch.setattr(librados, "library", lambda: lib)
    found = check(CEPH, {"ceph1": f"ops:{KEY}"})
    assert (found["ok"], list(found["steps"])) == (True, ["connect", "login", "pool", "write", "read", "remove"])
    assert (lib.options["user"], lib.options["key"], lib.options["mon_host"]) == ("ops", KEY, CEPH["server"])
    assert (lib.objects, lib.open) == ({}, 0)


def test_check_mode_writes_nothing(monkeypatch, answering):
    monkeypatch.setattr(librados, "library", lambda: Rados("write_full"))
    found = check(CEPH, {"ceph1": f"ops:{KEY}"}, check_mode=True)
    assert (found["ok"], list(found["steps"])) == (True, ["connect", "login", "pool"])


@pytest.mark.parametrize(
    ("refuses", "step"), [("connect", "login"), ("ioctx_create", "pool"), ("write_full", "write"), ("read", "read")]
)
def test_a_refused_step_leaves_nothing_behind(monkeypatch, answering, refuses, step):
    lib = Rados(refuses)
    monkeypatch.setattr(librados, "library", lambda: lib)
    found = check(CEPH, {"ceph1": f"ops:{KEY}"})
    assert (found["ok"], found["failed_step"], found["text"]) == (False, step, "Operation not permitted (librados: -1)")
    assert (lib.objects, lib.open) == ({}, 0)
