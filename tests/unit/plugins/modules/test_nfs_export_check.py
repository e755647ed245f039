# SPDX-License-Identifier: GPL-3.0-or-later
"""nfs_export_check fails for a role, reports for a pre-flight, and writes nothing in check mode."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libnfs
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.libnfs import STEPS, Attempt
from ansible_collections.cloudstack.kvm.plugins.modules import nfs_export_check

from tests.unit.plugins.modules.edge import run_module

ALL = dict.fromkeys(STEPS, 1.5)
GOOD = Attempt(3, ALL, uid_seen=0)
SQUASHED = Attempt(3, {**ALL, "chown": None, "read": None, "remove": None}, "chown", "NFS3ERR_PERM", 65534)
CLOSED = Attempt(0, dict.fromkeys(STEPS), "mount", "NFSv3: NFS3ERR_ACCES; NFSv4: NFS4ERR_NOENT")
READ_ONLY = Attempt(3, {**dict.fromkeys(STEPS), "mount": 2.0}, "write", "NFS3ERR_ROFS")


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the module against servers that give these attempts in turn; `tried` holds what they were asked for."""

    def run(*attempts, exports=("192.0.2.60:/export/a",), **options):
        script = list(attempts)
        tried = []

        def try_export(*arguments):
            tried.append(arguments)
            return script.pop(0)

        monkeypatch.setattr(libnfs, "library", object)
        monkeypatch.setattr(libnfs, "try_export", try_export)
        return run_module(nfs_export_check, capsys, exports=list(exports), **options), tried

    return run


def test_good_export(run):
    result, tried = run(GOOD)
    assert result["exports"] == [
        {
            "export": "192.0.2.60:/export/a",
            "ok": True,
            "version": 3,
            "steps": ALL,
            "failed_step": "",
            "text": "",
            "uid_seen": 0,
        }
    ]
    assert (result["changed"], result["unknown"]) == (False, {})
    assert tried[0][:2] == ("192.0.2.60", "/export/a")
    assert tried[0][3:] == (15, True)


def test_check_mode_writes_nothing(run):
    assert run(GOOD, check=True)[1][0][4] is False


@pytest.mark.parametrize(
    ("seen", "parts"),
    [
        (SQUASHED, ["uid 65534", "squashes root", "no_root_squash"]),
        (CLOSED, ["mount: NFSv3: NFS3ERR_ACCES", "storage network"]),
        (READ_ONLY, ["write: NFS3ERR_ROFS", "rw,no_root_squash"]),
    ],
)
def test_refused_export(run, seen, parts):
    result, tried = run(GOOD, seen, exports=["192.0.2.60:/export/a", "192.0.2.60:/export/b", "192.0.2.60:/export/c"])
    assert result["failed"]
    assert len(tried) == 2
    for part in ("192.0.2.60:/export/b", "Expected", "Observed", "Next", *parts):
        assert part in result["msg"]


def test_report_only(run):
    result, _tried = run(
        SQUASHED, CLOSED, GOOD, exports=["192.0.2.60:/a", "192.0.2.60:/b", "[2001:db8::60]:/c"], report_only=True
    )
    assert [each["ok"] for each in result["exports"]] == [False, False, True]
    assert [each["uid_seen"] for each in result["exports"]] == [65534, None, 0]


@pytest.mark.parametrize(
    ("export", "server", "path"),
    [("[2001:db8::60]:/c", "2001:db8::60", "/c"), ("nfs.example.org:/", "nfs.example.org", "/")],
)
def test_server_and_path(run, export, server, path):
    assert run(GOOD, exports=[export])[1][0][:2] == (server, path)


@pytest.mark.parametrize("bad", ["/export", "nfs://192.0.2.60/export", "192.0.2.60:export", ":/export"])
def test_bad_export(run, bad):
    assert "not an NFS export" in run(exports=[bad])[0]["msg"]


@pytest.mark.parametrize(("options", "failed"), [({"check": True}, False), ({"report_only": True}, False), ({}, True)])
def test_without_the_library(capsys, monkeypatch, options, failed):
    monkeypatch.setattr(libnfs, "library", lambda: None)
    result = run_module(nfs_export_check, capsys, exports=["192.0.2.60:/a"], **options)
    assert bool(result.get("failed")) == failed
    if failed:
        assert "libnfs is not installed" in result["msg"]
    else:
        assert (result["exports"], result["unknown"]) == (None, {"exports": "libnfs is not installed"})
