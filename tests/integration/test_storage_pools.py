# SPDX-License-Identifier: GPL-3.0-or-later
"""storage_pool_check against what it is for: targets of tgtd, and (marker full) a Ceph cluster of one monitor and one
OSD in memory. Both run as ordinary processes on this machine, with no kernel module."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.fixes import POOL, POOL_ELSE, fix_for
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.pool_tries import failure
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libiscsi, storage_pools

from tests.integration.simulator import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="packages and ports below 1024 need root")
CONTROL = 1000 + os.getpid() % 30000  # number of tgtd's channel to tgtadm: that of no other tgtd of this machine
INITIATOR = "iqn.1993-08.org.debian:01:4711"
CEPH = Path(__file__).parent / "ceph.sh"
LONGEST = 120  # seconds until a Ceph cluster is there


def packages(*names: str) -> None:
    subprocess.run([ROOT / "scripts" / "ensure-packages", *names], check=True, timeout=280)


def check(name: str, kind: str, path: str, account: str = "", *, check_mode: bool = False, timeout: int = 5):
    pool = {"name": name, "kind": kind, "server": "127.0.0.1", "path": path}
    options = {"pools": [pool], "accounts": {name: account}, "timeout": timeout}
    (found,) = storage_pools.check_all(options, check_mode=check_mode)["pools"]
    return found


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> Iterator[int]:
    """tgtd with a LUN for everybody, one for another initiator, and one behind CHAP; gives its port."""
    packages("tgt", "libiscsi7")
    folder = tmp_path_factory.mktemp("tgt")
    disk, initiator = folder / "disk", folder / "initiatorname.iscsi"
    disk.write_bytes(bytes(1 << 20))
    initiator.write_text(f"InitiatorName={INITIATOR}\n")
    port = free_port()
    command = ["tgtd", "-f", "-C", str(CONTROL), "--iscsi", f"portal=127.0.0.1:{port}"]
    with pytest.MonkeyPatch.context() as patch, (folder / "log").open("wb") as log:
        patch.setattr(libiscsi, "PORT", port)
        patch.setattr(storage_pools, "PORTS", {**storage_pools.PORTS, "iscsi": (port,)})
        patch.setattr(storage_pools, "INITIATOR_FILE", str(initiator))
        daemon = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            await_answer(lambda: tgtadm("--op", "show", "--mode", "target").returncode == 0)
            fill(disk)
            yield port
        finally:
            daemon.kill()
            daemon.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def tgtadm(*arguments: str) -> subprocess.CompletedProcess:
    command = ["tgtadm", "-C", str(CONTROL), "--lld", "iscsi", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def fill(disk: Path) -> None:
    acl = {"all": ("-I", "ALL"), "others": ("-Q", "iqn.2026-01.test:another"), "chap": ("-I", "ALL")}
    steps = [("--op", "new", "--mode", "account", "--user", "ops", "--password", "only-of-this-test")]
    for number, (name, allowed) in enumerate(acl.items(), 1):
        tid = ("--tid", str(number))
        steps.append(("--op", "new", "--mode", "target", *tid, "-T", f"iqn.2026-01.test:{name}"))
        steps.append(("--op", "new", "--mode", "logicalunit", *tid, "--lun", "1", "-b", str(disk)))
        steps.append(("--op", "bind", "--mode", "target", *tid, *allowed))
    steps.append(("--op", "bind", "--mode", "account", "--tid", str(len(acl)), "--user", "ops"))
    for step in steps:
        done = tgtadm(*step)
        assert done.returncode == 0, done.stderr


def await_answer(answers) -> None:
    ends = time.monotonic() + LONGEST
    while not answers():
        assert time.monotonic() < ends, "the daemon does not answer"


@pytest.mark.parametrize(
    ("path", "ok", "step", "text", "fix"),
    [
        ("/iqn.2026-01.test:all/1", True, "", "", ""),
        ("/iqn.2026-01.test:all/7", False, "lun", "LOGICAL_UNIT_NOT_SUPPORTED", "map the LUN"),
        ("/iqn.2026-01.test:gone/1", False, "login", "Target not found", "iscsi-ls"),
        ("/iqn.2026-01.test:others/1", False, "login", "Target not found", "access list"),
        ("/iqn.2026-01.test:chap/1", None, "", "the target wants CHAP", ""),
    ],
)
def test_luns(targets, path, ok, step, text, fix):
    found = check("san1", "IscsiLUN", path)
    assert (found["ok"], found["failed_step"]) == (ok, step)
    assert text in found["text"]
    assert list(found["steps"]) == (["connect", "login", "lun"] if ok else [])
    if step:
        assert fix in fix_for(POOL, failure(found), POOL_ELSE)


def test_a_session_that_runs_stays(targets):
    """The same initiator name from a second session: the target keeps the first one."""
    lib = libiscsi.library()
    with libiscsi._context(lib, INITIATOR, "iqn.2026-01.test:all", 5) as session:
        assert lib.iscsi_connect_sync(session, f"127.0.0.1:{targets}".encode()) == 0
        assert lib.iscsi_login_sync(session) == 0
        assert check("san1", "IscsiLUN", "/iqn.2026-01.test:all/1")["ok"]
        libiscsi._await_ready(lib, session, 1)
        lib.iscsi_logout_sync(session)


# --- Ceph ---


@pytest.fixture(scope="module")
def ceph(tmp_path_factory) -> Iterator[Path]:
    """A folder with the processes' numbers and the keyrings of two accounts: cloudstack, and ro, which only reads."""
    packages("ceph-mon", "ceph-osd", "ceph-common", "librados2")
    folder = tmp_path_factory.mktemp("ceph")
    try:
        subprocess.run(["bash", CEPH, folder], check=True, timeout=LONGEST * 2)
        yield folder
    finally:
        for number in folder.glob("*.number"):
            os.kill(int(number.read_text()), 9)
        shutil.rmtree(folder)


def account(folder: Path, user: str, of: str = "") -> str:
    text = (folder / f"{of or user}.keyring").read_text()
    return f"{user}:{text.partition('key = ')[2].split()[0]}"


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("user", "of", "path", "ok", "step", "fix"),
    [
        ("cloudstack", "", "cloudstack", True, "", ""),
        ("cloudstack", "", "/cloudstack", True, "", ""),
        ("cloudstack", "", "gone", False, "pool", "correct the pool's name"),
        ("cloudstack", "ro", "cloudstack", False, "login", "correct user and key"),
        ("gone", "ro", "cloudstack", False, "login", "correct user and key"),
        ("ro", "", "cloudstack", False, "write", "profile rbd"),
    ],
)
def test_pools(ceph, capfd, user, of, path, ok, step, fix):
    found = check("ceph1", "RBD", path, account(ceph, user, of))
    assert (found["ok"], found["failed_step"]) == (ok, step), found
    if step:
        assert fix in fix_for(POOL, failure(found), POOL_ELSE)
    assert capfd.readouterr() == ("", "")


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("daemon", "step", "fix"), [("osd", "write", "the OSDs do not"), ("mon", "login", "have a quorum")]
)
def test_a_daemon_that_hangs(ceph, daemon, step, fix):
    number = int((ceph / f"{daemon}.number").read_text())
    os.kill(number, 19)  # SIGSTOP
    try:
        found = check("ceph1", "RBD", "cloudstack", account(ceph, "cloudstack"), timeout=3)
    finally:
        os.kill(number, 18)  # SIGCONT
    assert (found["ok"], found["failed_step"]) == (False, step)
    assert fix in fix_for(POOL, failure(found), POOL_ELSE)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_nothing_is_left_in_the_pool(ceph):
    assert check("ceph1", "RBD", "cloudstack", account(ceph, "cloudstack"))["ok"]
    command = ["rados", "-c", ceph / "ceph.conf", "-p", "cloudstack", "ls"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == ""
