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


# The roles' file for the rules on hosts of this machine's distribution.
RULES = yaml.safe_load((ROOT / "roles" / "firewall" / "vars" / "main.yml").read_text())["__firewall_distributions"]
# Ansible has come from there before; what the file says besides is not believed.
KEPT = "# Ansible has come from, the newest first: 192.0.2.1 2001:db8::1 192.0.2.3;drop 192.0.2.4\n"


def cases(fabric):
    """Cluster -> what the inventory says of its host3, and of a file for the rules apart from this machine's own."""
    way = f"ssh -i {fabric.folder / 'user'} -o StrictHostKeyChecking=no {FORGET} -W %h:%p root@10.89.0.11"
    kept = fabric.folder / "kept.nft"
    kept.write_text(KEPT)
    return {
        "network": {},
        "ipv6": {"ansible_host": "fd00:89::3"},
        # without the connection that another case has open
        "jump": {
            "ansible_ssh_common_args": f'{FORGET} -o ProxyCommand="{way}"',
            "ansible_ssh_args": "-o ControlPath=none",
        },
        "before": {},
        "kept": {"rules_file": str(kept)},
    }


def with_cases(fabric):
    """An inventory of a cluster for each case, all of the same three hosts; host2 isn't in the cluster `before`. Only
    those of the first are told that --limit leaves out."""
    path = written(fabric, cloudstack_kvm_group=GROUP, host_registration_ssh_port=2222)
    content = json.loads(path.read_text())
    members, hosts = content[GROUP]["hosts"], {}
    for case, own in cases(fabric).items():
        quiet = {} if case == "network" else {"firewall_cluster_peers": []}
        for name, host in members.items():
            hosts[f"{case}-{name}"] = {**host, "cloudstack_cluster": case, **(own if name == "host3" else quiet)}
    del hosts["before-host2"]
    content[GROUP]["hosts"] = hosts
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def firewalls(fabric):
    """Case -> the file that the role would write on its host3, and all that the run printed."""
    play = fabric.folder / "firewall.yml"
    play.write_text(yaml.safe_dump(FIREWALL))
    file = {"file": f"{{{{ rules_file | default('{RULES['debian']['file']}') }}}}"}
    extra = json.dumps({"__firewall_distributions": {**RULES, "debian": file}})
    limit = ",".join(f"{case}-host3" for case in cases(fabric))
    done = fabric.play(play, with_cases(fabric), "--check", "--diff", "--limit", limit, "-e", extra)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(
        r"^\+\+\+ after: [^\n]*\.nft[^\n]*\n(.*?)(?:^--- before.*?)?^changed: \[(\w+)-host3\]",
        done.stdout,
        re.MULTILINE | re.DOTALL,
    )
    texts = {case: _added(diff) for diff, case in found}
    assert set(texts) == set(cases(fabric)), done.stdout
    return texts, done.stdout


def _added(diff):
    """What a diff adds, and what it leaves."""
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line.startswith("+"))


def sets(text):
    """Set -> its elements."""
    return dict(re.findall(r"^  set (\w+) \{[^}]*elements = \{ (.*?) \}$", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("case", "ansible"),
    [
        ("network", {"ansible_ipv4": "10.89.255.254"}),
        ("ipv6", {"ansible_ipv6": "fd00:89::ffff"}),
        ("jump", {"ansible_ipv4": "10.89.0.11"}),
    ],
    ids=["another network", "IPv6", "jump host"],
)
def test_the_firewall_names_management_addresses_and_where_ansible_comes_from(firewalls, case, ansible):
    text = firewalls[0][case]
    found = sets(text)
    assert {name: text for name, text in found.items() if name.startswith("ansible_")} == ansible
    assert found["management_ipv4"] == "10.88.255.253"
    assert found["peers_ipv4"] == "10.88.0.11, 10.88.0.12/31"
    assert found["console_ipv4"] == "10.88.0.0/16", "the networks of the management interface, not of Ansible's"
    assert "ip saddr @management_ipv4 tcp dport { 22, 2222, 16514 } accept" in text


def test_the_members_that_limit_leaves_out_are_told_too(firewalls):
    told = firewalls[1][firewalls[1].index("accept the hosts of its cluster") :]
    for member in ("network-host1", "network-host2"):
        assert re.search(rf"^ok: \[network-host3 -> {member}\b", told, re.MULTILINE), told


def test_a_play_on_another_group_is_refused_with_the_reason(fabric):
    play = fabric.folder / "firewall.yml"
    play.write_text(yaml.safe_dump(FIREWALL))
    done = fabric.play(play, written(fabric), "--check")
    said = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stdout
    assert "host1: expected the hosts of the play in the inventory's group kvm_hosts" in said
    assert "observed: it is in hypervisors. Next: set cloudstack_kvm_group in the inventory" in said


def everywhere(inventory):
    """The name of the group in the inventory, for all machines of it."""
    content = json.loads(inventory.read_text())
    content["all"] = {"vars": {"cloudstack_kvm_group": GROUP}}
    inventory.write_text(json.dumps(content))
    return inventory


# The variable in the inventory alone: test_a_member_that_limit_leaves_out_and_that_does_not_answer_is_named.
@pytest.mark.parametrize("where", [pytest.param("inventory", marks=pytest.mark.full), "command line"])
def test_playbooks_work_on_another_group_and_limit_reads_the_members_anew(fabric, where):
    if where == "inventory":
        inventory, arguments = everywhere(written(fabric)), ()
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
    inventory = everywhere(written(fabric, hosts={"host1": {"ansible_port": 2}}, preflight_path_check=False))
    done = fabric.play(ROOT / "playbooks" / "preflight.yml", inventory, "--limit", "host3")
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


def test_addresses_that_ansible_came_from_before_are_not_shut_out(firewalls):
    """Three at the most."""
    text = firewalls[0]["kept"]
    assert "# Ansible has come from, the newest first: 10.89.255.254 192.0.2.1 2001:db8::1\n" in text
    assert sets(text)["ansible_ipv4"] == "10.89.255.254, 192.0.2.1"
    assert sets(text)["ansible_ipv6"] == "2001:db8::1"


def test_a_member_that_limit_leaves_out_learns_of_a_new_peer(fabric, firewalls):
    """Its file and its rules are then what the role would make for it, and a second time nothing changes."""
    wanted, before = firewalls[0]["network"], firewalls[0]["before"]
    assert "10.88.0.12" not in before
    assert with_peers(before, ["10.88.0.12"], "x") == wanted
    path, looked = fabric.folder / "told.nft", fabric.folder / "looked.nft"
    path.write_text(before)
    fabric.nft("host1", before)
    play = fabric.folder / "peers.yml"
    tell = {"cloudstack.kvm.firewall_peers": {"files": ["/nowhere", str(path)], "addresses": ["10.88.0.12"]}}
    tasks = [
        {**tell, "register": "checked", "check_mode": True},
        {"ansible.builtin.command": f"cp {path} {looked}"},
        {**tell, "register": "done"},
        {"ansible.builtin.command": f"cp {path} {looked}.done"},
        {**tell, "register": "again"},
        {"ansible.builtin.assert": {"that": ["checked is changed", "done is changed", "again is not changed"]}},
    ]
    play.write_text(yaml.safe_dump([{"hosts": "host1", "gather_facts": False, "tasks": tasks}]))
    done = fabric.play(play, written(fabric))
    assert done.returncode == 0, done.stdout
    assert [looked.read_text(), Path(f"{looked}.done").read_text(), path.read_text()] == [before, wanted, wanted]
    assert re.search(r"set peers_ipv4 \{[^}]*10\.88\.0\.12", fabric.rules("host1"))
    fabric.run("host1", ["nft", "flush", "ruleset"])
