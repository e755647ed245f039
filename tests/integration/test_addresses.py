# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as operators have them, over SSH on hosts that are network namespaces: Ansible comes over another network
than CloudStack, through a jump host or by IPv6, the group has another name, and --limit leaves the members out."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.firewall_peers import with_peers

from tests.namespaces import ROOT, missing
from tests.ssh_hosts import CONTROL, SSHD, SWITCH, SshHosts

pytestmark = pytest.mark.skipif(
    bool(missing("ssh", "nft")) or not os.path.exists(SSHD), reason=missing("ssh", "nft") or "needs openssh-server"
)
GROUP = "hypervisors"
FORGET = "-o UserKnownHostsFile=/dev/null"
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
    path = fabric.inventory(ansible_ssh_common_args=FORGET, **variables)
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
    """The file that the role would write on host3, and all that the run printed."""
    play = fabric.folder / "firewall.yml"
    play.write_text(yaml.safe_dump(FIREWALL))
    done = fabric.play(play, inventory, "--check", "--diff", "--limit", "host3", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    [diff] = re.findall(
        r"^\+\+\+ after: [^\n]*\.nft[^\n]*\n(.*?)(?=^--- before|^changed:)", done.stdout, re.MULTILINE | re.DOTALL
    )
    text = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line.startswith("+"))
    return text, done.stdout


def sets(text):
    """Set -> its elements."""
    return dict(re.findall(r"^  set (\w+) \{[^}]*elements = \{ (.*?) \}$", text, re.MULTILINE))


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
        way = f"ssh -i {fabric.folder / 'user'} -o StrictHostKeyChecking=no {FORGET} -W %h:%p root@10.89.0.11"
        # without the connection that the cases before have left open
        host = {
            "ansible_ssh_common_args": f'{FORGET} -o ProxyCommand="{way}"',
            "ansible_ssh_args": "-o ControlPath=none",
        }
    inventory = written(fabric, hosts={"host3": host}, cloudstack_kvm_group=GROUP, host_registration_ssh_port=2222)
    text, output = rules(fabric, inventory)
    found = sets(text)
    assert {name: text for name, text in found.items() if name.startswith("ansible_")} == ansible
    assert found["management_ipv4"] == "10.88.255.253"
    assert found["peers_ipv4"] == "10.88.0.11, 10.88.0.12/31"
    assert found["console_ipv4"] == "10.88.0.0/16", "the networks of the management interface, not of Ansible's"
    assert "ip saddr @management_ipv4 tcp dport { 22, 2222, 16514 } accept" in text
    assert "accept the hosts of its cluster" in output, "the others are told too"


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
        inventory, arguments = written(fabric), ("-e", f"cloudstack_kvm_group={GROUP}", "--tags", "preflight")
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


def elsewhere(fabric, content):
    """A file for the rules, apart from this machine's own, and the argument that makes it the role's."""
    path = fabric.folder / "kept.nft"
    path.write_text(content)
    return path, ("-e", json.dumps({"__firewall_distributions": {"debian": {"file": str(path)}}}))


def test_addresses_that_ansible_came_from_before_are_not_shut_out(fabric):
    """Three at the most; what the file says besides is not believed."""
    kept = "# Ansible has come from, the newest first: 192.0.2.1 2001:db8::1 192.0.2.3;drop 192.0.2.4"
    _path, arguments = elsewhere(fabric, f"{kept}\n")
    text, _output = rules(fabric, written(fabric, cloudstack_kvm_group=GROUP), *arguments)
    assert "# Ansible has come from, the newest first: 10.89.255.254 192.0.2.1 2001:db8::1\n" in text
    assert sets(text)["ansible_ipv4"] == "10.89.255.254, 192.0.2.1"
    assert sets(text)["ansible_ipv6"] == "2001:db8::1"


def test_a_member_that_limit_leaves_out_learns_of_a_new_peer(fabric):
    """Its file and its rules are then what the role would make for it, and a second time nothing changes."""
    inventory = written(fabric, cloudstack_kvm_group=GROUP)
    wanted, _output = rules(fabric, inventory)
    content = json.loads(inventory.read_text())
    del content[GROUP]["hosts"]["host2"]
    inventory.write_text(json.dumps(content))
    before, _output = rules(fabric, inventory)
    assert "10.88.0.12" not in before
    assert with_peers(before, ["10.88.0.12"], "x") == wanted
    path, _arguments = elsewhere(fabric, before)
    fabric.nft("host1", before)
    play = fabric.folder / "peers.yml"
    task = {"cloudstack.kvm.firewall_peers": {"files": ["/nowhere", str(path)], "addresses": ["10.88.0.12"]}}
    play.write_text(yaml.safe_dump([{"hosts": "host1", "gather_facts": False, "tasks": [task]}]))
    for arguments, changed, text in ((("--check",), 1, before), ((), 1, wanted), ((), 0, wanted)):
        done = fabric.play(play, written(fabric), *arguments)
        assert done.returncode == 0, done.stdout
        assert f"changed={changed}" in done.stdout
        assert path.read_text() == text
    assert re.search(r"set peers_ipv4 \{[^}]*10\.88\.0\.12", fabric.rules("host1"))
    fabric.run("host1", ["nft", "flush", "ruleset"])
