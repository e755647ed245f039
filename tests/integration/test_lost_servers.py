# SPDX-License-Identifier: GPL-3.0-or-later
"""Management servers that refuse SSH take no host along: what can be asked is asked, what could not be is said, over
SSH on namespaces."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import pytest

from tests.namespaces import ROOT, missing
from tests.ssh_hosts import SSHD, SshHosts

pytestmark = pytest.mark.skipif(
    bool(missing("ssh")) or not os.path.exists(SSHD), reason=missing("ssh") or "needs openssh-server"
)
REFUSES = "10.88.255.254"  # the controller's own address, where no sshd runs
KEY = "cloudstack_management_public_key"


@pytest.fixture(scope="module")
def hosts():
    """Two hosts, and a third machine that is a management server. The folder's path is short: ssh's control sockets are
    in it."""
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), 3) as fabric:
        yield fabric


def with_servers(hosts, *addresses, **variables):
    """The inventory with management servers mgmt1, mgmt2 ... at these addresses."""
    path = hosts.inventory(**{KEY: str(hosts.folder / "user.pub")}, preflight_path_check=False, **variables)
    inventory = json.loads(path.read_text())
    common = inventory["kvm_hosts"]["vars"]
    del inventory["kvm_hosts"]["hosts"]["host3"]
    login = {
        name: common[name]
        for name in ("ansible_user", "ansible_ssh_private_key_file", "ansible_python_interpreter", KEY)
    }
    inventory["management_servers"] = {
        "hosts": {f"mgmt{number}": {"ansible_host": each} for number, each in enumerate(addresses, 1)},
        "vars": login,
    }
    path.write_text(json.dumps(inventory))
    return path


def preflight(hosts, inventory, *arguments, **options):
    report = hosts.folder / "reports" / "preflight.json"
    report.unlink(missing_ok=True)
    done = hosts.play(ROOT / "playbooks" / "preflight.yml", inventory, *arguments, **options)
    return done, json.loads(report.read_text())


def test_the_first_management_server_refuses_ssh(hosts):
    done, report = preflight(hosts, with_servers(hosts, REFUSES, hosts.address(3)))
    assert done.returncode == 2, done.stdout
    assert set(report["hosts"]) == {"host1", "host2"}
    for name, host in json.loads((hosts.folder / "reports" / "preflight.facts.json").read_text())["hosts"].items():
        asked = {"clock", "ports"} - set(host["probes"]["unknown"])
        assert asked == {"clock", "ports"}, f"{name}: clock and ports were probed"
    assert done.stdout.index("Pre-flight of zone1/pod1/cluster1") > done.stdout.rindex("may not join because of"), (
        "the summary comes last"
    )
    unknown = [
        each
        for each in report["findings"]
        if each["kind"] == "unknown" and "mgmt1" in each["observed"] + each["expected"]
    ]
    assert unknown, "what mgmt1 could not be asked is a finding"
    assert any("refused" in each["observed"] for each in unknown)
    login = done.stdout[done.stdout.index("Log in from a management server as CloudStack does") :]
    assert re.search(r"^ok: \[host1 -> mgmt2", login, re.MULTILINE), "mgmt2 was asked"
    assert not [
        each
        for each in report["findings"]
        if each["kind"] == "unknown" and "mgmt2" in each["observed"] + each["expected"]
    ]


def test_no_management_server_can_be_reached(hosts):
    done, report = preflight(hosts, with_servers(hosts, REFUSES, REFUSES))
    assert done.returncode == 2, done.stdout
    assert set(report["hosts"]) == {"host1", "host2"}
    said = [each["expected"] for each in report["findings"] if each["kind"] == "unknown"]
    assert any("mgmt1" in each for each in said)
    assert any("mgmt2" in each for each in said)
    assert not [line for line in done.stdout.splitlines() if "failed=0" in line and line.startswith("host")], (
        "each host has its message"
    )


PREPARE = {
    "kvm_host_fqdn": "",
    "storage_client_verify": False,
}


def prepare(hosts, inventory, tags):
    """prepare_hosts.yml in check mode."""
    return hosts.play(ROOT / "playbooks" / "prepare_hosts.yml", inventory, "--check", "--tags", tags)


def test_prepare_hosts_takes_the_key_of_the_next_server(hosts):
    done = prepare(hosts, with_servers(hosts, REFUSES, hosts.address(3), **PREPARE), "cloudstack_agent")
    assert "Write repository, authorized key and sudo rule" in done.stdout, done.stdout
    assert "expected the management server's public key" not in done.stdout


def test_prepare_hosts_without_any_key_says_so_for_each_host_and_after_all_else(hosts):
    """The role that comes right before the agent's, for those that come before it."""
    done = prepare(hosts, with_servers(hosts, REFUSES, REFUSES, **PREPARE), "storage_client,cloudstack_agent")
    assert done.returncode == 2, done.stdout
    said = " ".join(done.stdout.split())
    for host in ("host1", "host2"):
        assert f"{host}: expected the management server's public key in cloudstack_agent_management_keys" in said
    assert "mgmt2: " in said
    assert done.stdout.index("storage_client") < done.stdout.index("expected the management server's public key"), (
        "all that needs no key was done"
    )
