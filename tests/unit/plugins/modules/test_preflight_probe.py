# SPDX-License-Identifier: GPL-3.0-or-later
"""preflight_probe gives what each module gives by itself, and a probe that goes wrong takes no other one along."""

from __future__ import annotations

import socket

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import cpu_compare as cpu_client
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import libnfs, storage_pools
from ansible_collections.cloudstack.kvm.plugins.modules import (
    cpu_compare,
    multicast_check,
    nfs_export_check,
    path_mtu,
    port_check,
    preflight_probe,
    storage_pool_check,
)

from tests.unit.plugins.modules.edge import run_module

MODULES = {
    "path_mtu": path_mtu,
    "port_check": port_check,
    "cpu_compare": cpu_compare,
    "nfs_export_check": nfs_export_check,
    "storage_pool_check": storage_pool_check,
    "multicast_check": multicast_check,
}
NETWORK = {"name": "net", "device": "nosuchdev0"}
PROBE = {"network": "net", "peer": "host2", "address": "198.51.100.77", "size": 1500}
GIVEN = {
    "path_mtu": {"host": "host1", "networks": [NETWORK], "probes": [PROBE]},
    "port_check": {"targets": [{"to": "myself", "address": "127.0.0.1", "port": 0}]},
    "cpu_compare": {"cpus": {"host2": "<cpu"}},
    "nfs_export_check": {"exports": ["192.0.2.60:/a"], "report_only": True},
    "storage_pool_check": {
        "pools": [{"name": "san1", "kind": "IscsiLUN", "server": "127.0.0.1", "path": "/iqn.2026-01.test:san/1"}]
    },
    "multicast_check": {
        "host": "host1",
        "networks": [{"name": "nosuchdev0", "source": "127.0.0.1"}],
        "seconds": 0,
    },
}
BAD = {
    "path_mtu": ({"count": 0}, "count is out of bounds"),
    "port_check": ({"targets": [{"to": "host2", "address": "127.0.0.1", "port": 65536}]}, "correct the target host2"),
    "cpu_compare": ({"cpu": {}}, "cpu"),
    "nfs_export_check": ({"exports": ["/export"]}, "not an NFS export"),
    "storage_pool_check": ({"pools": [{"name": "san1"}]}, "missing required arguments"),
    "multicast_check": ({"networks": [{"name": "lo", "source": "::1"}]}, "not an IPv4 address"),
}
OF_ANSIBLE = {"changed", "diff", "invocation", "warnings", "deprecations"}
VARIES = {"seconds", "ms", "began", "ended"}


@pytest.fixture
def given(monkeypatch):
    """Options of each probe; a port that is open, no libvirt that may be asked, an NFS server that can be reached."""
    monkeypatch.setattr(cpu_client, "asleep", lambda: "libvirtd.service is not active")
    monkeypatch.setattr(libnfs, "library", object)
    monkeypatch.setattr(
        libnfs, "try_export", lambda *_arguments: libnfs.Attempt(3, dict.fromkeys(libnfs.STEPS, 1.5), uid_seen=0)
    )
    monkeypatch.setattr(storage_pools, "PORTS", {"iscsi": (1,)})
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = {**GIVEN["port_check"]["targets"][0], "port": server.getsockname()[1]}
        yield {**GIVEN, "port_check": {"targets": [target]}}


def steady(value):
    """Without what is never the same twice."""
    if isinstance(value, dict):
        return {key: steady(each) for key, each in value.items() if key not in VARIES}
    return [steady(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("check", [True, False])
def test_each_result_is_that_of_its_module(given, capsys, check):
    results = run_module(preflight_probe, capsys, check=check, **given)["probes"]
    assert list(results) == list(MODULES)
    for name, module in MODULES.items():
        alone = {
            key: value
            for key, value in run_module(module, capsys, check=check, **given[name]).items()
            if key not in OF_ANSIBLE
        }
        assert steady(results[name]) == steady(alone), name


@pytest.mark.parametrize("bad", MODULES)
def test_a_bad_probe_takes_no_other_along(given, capsys, bad):
    options, words = BAD[bad]
    result = run_module(preflight_probe, capsys, **{**given, bad: {**given[bad], **options}})
    assert "failed" not in result
    assert {name for name, each in result["probes"].items() if each.get("failed")} == {bad}
    assert words in result["probes"][bad]["msg"]


def test_a_defect_takes_no_other_along(given, capsys, monkeypatch):
    monkeypatch.setattr(libnfs, "try_export", lambda *_arguments: 1 / 0)
    result = run_module(preflight_probe, capsys, **given)["probes"]
    assert "unexpected ZeroDivisionError: division by zero" in result["nfs_export_check"]["msg"]
    assert "defect of cloudstack.kvm" in result["nfs_export_check"]["msg"]
    assert result["port_check"]["ports"][0]["state"] == "open"


def test_a_host_without_paths_does_not_listen(capsys):
    nothing = {"host": "host1", "networks": [], "probes": [], "count": 0}
    assert run_module(preflight_probe, capsys, path_mtu=nothing)["probes"] == {"path_mtu": {"skipped": True}}


def test_only_what_is_given(given, capsys):
    assert list(run_module(preflight_probe, capsys, port_check=given["port_check"])["probes"]) == ["port_check"]


def test_every_probe_is_an_option():
    options = list(yaml.safe_load(preflight_probe.DOCUMENTATION)["options"])
    assert options == [*MODULES, preflight_probe.ACCOUNTS]


def test_accounts_reach_their_probe_and_no_log(capsys, monkeypatch):
    seen = []

    def check_all(options, *, check_mode):
        seen.append(options["accounts"])
        return {"pools": [], "text": "the account ops:s3cret"}

    monkeypatch.setattr(storage_pools, "check_all", check_all)
    given = {"storage_pool_check": {"pools": []}, "storage_pool_accounts": {"ceph1": "ops:s3cret"}}
    result = run_module(preflight_probe, capsys, **given)
    assert seen == [{"ceph1": "ops:s3cret"}]
    assert "ops:s3cret" not in str(result)
