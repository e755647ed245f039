# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as operators have them, over SSH on hosts that are network namespaces: Ansible comes over another network
than CloudStack, through a jump host or by IPv6, the group has another name, and --limit leaves the members out."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
import yaml

from tests.namespaces import ROOT, missing
from tests.ssh_hosts import CONTROL, SSHD, SWITCH, SshHosts

pytestmark = pytest.mark.skipif(
    bool(missing("ssh", "nft")) or not os.path.exists(SSHD), reason=missing("ssh", "nft") or "needs openssh-server"
)
GROUP = "hypervisors"
FILE = "/etc/nftables.d/cloudstack-kvm.nft"
# Nothing of these hosts but their network is their own, so the role is run in check mode and shows what it would write.
FIREWALL = [{"hosts": GROUP, "gather_facts": False, "roles": ["cloudstack.kvm.firewall"]}]


@pytest.fixture(scope="module")
def fabric():
    """Three hosts. The controller is on the storage network, has IPv6 there, and is on the management network too, as
    nothing here may depend on that it is not."""
    with tempfile.TemporaryDirectory() as folder, SshHosts(Path(folder), 3) as hosts:
        hosts.plug(SWITCH, "cloudbr2", CONTROL, "eth1")
        hosts.ip(CONTROL, ["addr add 10.89.255.254/16 dev eth1", "link set eth1 up"])
        hosts.ip(CONTROL, ["addr add fd00:89::ffff/64 dev eth1 nodad"])
        for place, name in enumerate(hosts.names, 1):
            hosts.ip(name, [f"addr add fd00:89::{place}/64 dev cloudbr2 nodad"])
        yield hosts


def written(fabric, group=GROUP, hosts=None, **variables):
    """An inventory in which Ansible logs in over the storage network, and CloudStack uses the management network."""
    path = fabric.inventory(**variables)
    content = json.loads(path.read_text())["kvm_hosts"]
    for place, name in enumerate(fabric.names, 1):
        content["hosts"][name] = {
            "ansible_host": fabric.address(place, "10.89"),
            "cloudstack_host_address": fabric.address(place),
            **(hosts or {}).get(name, {}),
        }
    server = {"ansible_host": "10.89.255.253", "cloudstack_management_address": "10.88.255.253"}
    path.write_text(json.dumps({group: content, "management_servers": {"hosts": {"mgmt1": server}}}))
    return path


def rules(fabric, inventory, *arguments):
    """Set -> its elements, in the rules that the role would write on host3."""
    play = fabric.folder / "firewall.yml"
    play.write_text(yaml.safe_dump(FIREWALL))
    done = fabric.play(play, inventory, "--check", "--diff", "--limit", "host3", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    found, name = {}, ""
    for line in done.stdout.splitlines():
        word = line.removeprefix("+").split()
        if word[:1] == ["set"]:
            name = word[1]
        elif word[:2] == ["elements", "="]:
            found[name] = " ".join(word[3:-1])
    return found, done.stdout


@pytest.mark.parametrize(
    ("host", "ansible"),
    [
        ({}, {"ansible_ipv4": "10.89.255.254"}),
        ({"ansible_host": "fd00:89::3"}, {"ansible_ipv6": "fd00:89::ffff"}),
        ("jump", {"ansible_ipv4": "10.89.0.11"}),
    ],
    ids=["another network", "IPv6", "jump host"],
)
def test_the_firewall_names_management_addresses_and_where_ansible_comes_from(fabric, host, ansible):
    if host == "jump":
        way = f"ssh -i {fabric.folder / 'user'} -o StrictHostKeyChecking=no -W %h:%p root@10.89.0.11"
        # without the connection that the cases before have left open
        host = {"ansible_ssh_common_args": f'-o ProxyCommand="{way}"', "ansible_ssh_args": "-o ControlPath=none"}
    inventory = written(fabric, hosts={"host3": host}, cloudstack_kvm_group=GROUP)
    found, output = rules(fabric, inventory)
    assert {name: text for name, text in found.items() if name.startswith("ansible_")} == ansible
    assert found["management_ipv4"] == "10.88.255.253"
    assert found["peers_ipv4"] == "10.88.0.11, 10.88.0.12/31"
    assert found["console_ipv4"] == "10.88.0.0/16", "the networks of the management interface, not of Ansible's"
    assert "accept the hosts of its cluster" in output


def test_a_play_on_another_group_is_refused_with_the_reason(fabric):
    play = fabric.folder / "firewall.yml"
    play.write_text(yaml.safe_dump(FIREWALL))
    done = fabric.play(play, written(fabric), "--check")
    said = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stdout
    assert "host1: expected the hosts of the play in the inventory's group kvm_hosts" in said
    assert "observed: it is in hypervisors. Next: set cloudstack_kvm_group in the inventory" in said


@pytest.mark.parametrize("where", ["inventory", "command line"])
def test_playbooks_work_on_another_group_and_limit_reads_the_members_anew(fabric, where):
    if where == "inventory":
        inventory, arguments = written(fabric, cloudstack_kvm_group=GROUP), ()
        content = json.loads(inventory.read_text())
        content["all"] = {"vars": {"cloudstack_kvm_group": GROUP}}
        inventory.write_text(json.dumps(content))
    else:
        inventory, arguments = written(fabric), ("-e", f"cloudstack_kvm_group={GROUP}")
    done = fabric.play(ROOT / "playbooks" / "path_check.yml", inventory, "--limit", "host3", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "host[1-2] of cluster1: not part of this run. The facts are read anew" in " ".join(done.stdout.split())
    report = json.loads((fabric.folder / "reports" / "path_check.json").read_text())
    assert "cloudbr0: 2 of 2 pairs of 3 hosts pass" in done.stdout, done.stdout
    assert [each["id"] for each in report["findings"]] == []
    assert set(report["hosts"]) == {"host1", "host2", "host3"}


def test_a_member_that_limit_leaves_out_and_that_does_not_answer_is_named(fabric):
    inventory = written(fabric, cloudstack_kvm_group=GROUP, hosts={"host1": {"ansible_port": 2}})
    done = fabric.play(
        ROOT / "playbooks" / "preflight.yml", inventory, "--limit", "host3", "-e", f"cloudstack_kvm_group={GROUP}"
    )
    assert done.returncode != 0
    report = json.loads((fabric.folder / "reports" / "preflight.json").read_text())
    [found] = [each for each in report["findings"] if each["id"] == "FCT001"]
    assert {"host1", "host3"} <= set(found["hosts"])
    assert "port 2" in found["observed"]
    facts = json.loads((fabric.folder / "reports" / "preflight.facts.json").read_text())
    addresses = {name: host["declared"]["address"] for name, host in facts["hosts"].items()}
    assert addresses == {"host2": "10.88.0.12", "host3": "10.88.0.13"}


def test_the_preflight_in_batches_is_refused(fabric):
    play = fabric.folder / "serial.yml"
    play.write_text(
        yaml.safe_dump([{"hosts": GROUP, "serial": 1, "gather_facts": False, "roles": ["cloudstack.kvm.preflight"]}])
    )
    done = fabric.play(play, written(fabric, cloudstack_kvm_group=GROUP))
    assert done.returncode == 2
    assert "leave serial out of the play that has the role preflight" in " ".join(done.stdout.split())
