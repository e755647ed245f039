# SPDX-License-Identifier: GPL-3.0-or-later
"""path_check.yml over SSH on four hosts that are network namespaces: silent where all is well, the culprit by name
where it is not."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from tests.namespaces import ROOT, missing
from tests.ssh_hosts import SSHD, SWITCH, SshHosts

pytestmark = pytest.mark.skipif(
    bool(missing("ssh")) or not os.path.exists(SSHD), reason=missing("ssh") or "needs openssh-server"
)
PLAYBOOK = ROOT / "playbooks" / "path_check.yml"


@pytest.fixture(scope="module")
def fabric():
    """Four hosts with jumbo frames on a switch that carries them. The folder's path is short: ssh's control sockets are
    in it."""
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), 4, mtu=9000) as hosts:
        yield hosts


def check(fabric, *arguments, **variables):
    done = fabric.play(PLAYBOOK, fabric.inventory(**variables), *arguments)
    path = fabric.folder / "reports" / "path_check.json"
    return done, json.loads(path.read_text()) if path.exists() else None


def culprits(report):
    return [(each["kinds"], each["parts"], each["hosts"]) for each in report["paths"]["culprits"]]


def test_where_all_is_well_every_pair_passes(fabric):
    done, report = check(fabric)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cloudbr2: 6 of 6 pairs of 4 hosts pass at 9000 bytes" in done.stdout
    assert culprits(report) == []
    assert {host["verdict"] for host in report["hosts"].values()} == {"pass"}
    assert report["complete"] is False
    assert not (fabric.folder / "reports" / "preflight.json").exists()
    assert not [line for line in done.stdout.splitlines() if "changed=" in line and "changed=0" not in line]


def test_a_switch_port_that_is_too_small_is_named(fabric):
    fabric.ip(SWITCH, ["link set dev host3eth2 mtu 1400"])
    try:
        done, report = check(fabric)
    finally:
        fabric.ip(SWITCH, ["link set dev host3eth2 mtu 9000"])
    assert done.returncode != 0
    assert [(kinds, hosts) for kinds, _parts, hosts in culprits(report)] == [(["mtu"], ["host3"])]
    [found] = [each for each in report["findings"] if each["id"] == "PTH001"]
    assert found["hosts"] == ["host3"]
    assert "1400 do" in found["observed"]
    assert "PTH001" in done.stdout
    assert "host3" in done.stdout


def test_a_card_that_is_too_small_is_told_by_its_facts_alone(fabric):
    fabric.ip("host2", ["link set dev eth2 mtu 1400"])  # the kernel lowers the bridge with it
    try:
        done, report = check(fabric)
    finally:
        fabric.ip("host2", ["link set dev eth2 mtu 9000", "link set dev cloudbr2 mtu 9000"])
    assert done.returncode != 0
    stopping = {(each["id"], *each["hosts"]) for each in report["findings"] if each["stops"]}
    assert stopping == {("MTU002", "host2")}
    assert [hosts for _kinds, _parts, hosts in culprits(report)] == [["host2"]]


def test_a_host_without_its_switch_port_is_named(fabric):
    fabric.ip(SWITCH, ["link set dev host4eth2 nomaster"])
    try:
        done, report = check(fabric)
    finally:
        fabric.ip(SWITCH, ["link set dev host4eth2 master cloudbr2"])
    assert done.returncode != 0
    assert [(each["id"], each["hosts"]) for each in report["findings"] if each["stops"]] == [("PTH003", ["host4"])]
