# SPDX-License-Identifier: GPL-3.0-or-later
"""Each role says in its own vars/main.yml which facts it requires; a play collects them once for all, without naming a
role twice."""

from __future__ import annotations

import pytest
import yaml

from tests.unit.roles.conftest import ROOT, run_plays
from tests.unit.roles.test_distributions import ROLES

COLLECT = {"name": "Collect", "cloudstack.kvm.kvm_host_facts": {"required": "{{ facts_required }}"}}
[PREPARE] = [each for each in yaml.safe_load((ROOT / "playbooks" / "prepare_hosts.yml").read_text()) if "roles" in each]
HOST = {
    "ansible_connection": "local",
    "kvm_host_extra_packages": ["extra"],
    "kvm_host_sysctl": {"kernel.ostype": "Linux"},
}
# one thing of each role that nothing else asks for
OF_EACH = {
    "packages": {"libvirt", "extra", "bridge-utils", "nftables", "nfs-utils", "cloudstack-common", "seventh-package"},
    "units": {"virtqemud.socket", "openntpd.service", "cloudstack-kvm-firewall.service", "cloudstack-agent.service"},
    "sysctl": {"kernel.ostype"},
    "kernel_modules": {"br_netfilter"},
    "files": {"/etc/pki/libvirt/servercert.pem", "/etc/cloudstack/agent/cloud.jks"},
}


@pytest.fixture(scope="module")
def union(collection, tmp_path_factory):
    """What the module is asked for in a play of all host roles and a seventh one."""
    folder = tmp_path_factory.mktemp("required")
    (folder / "roles" / "seventh" / "vars").mkdir(parents=True)
    (folder / "roles" / "seventh" / "vars" / "main.yml").write_text(
        yaml.safe_dump({"__seventh_required_facts": {"packages": ["seventh-package"]}})
    )
    roles = [*(f"cloudstack.kvm.{role}" for role in ROLES), "seventh"]
    end = {"name": "Nothing else is of interest", "ansible.builtin.meta": "end_play"}
    play = {
        "hosts": "kvm_hosts",
        "gather_facts": False,
        "vars": {"facts_required": PREPARE["vars"]["facts_required"]},
        "pre_tasks": [COLLECT, end],
        "roles": roles,
    }
    run = run_plays(collection, folder, {"kvm_hosts": {"hosts": {"host1": HOST}}}, [play])
    assert run.status == 0, run.output
    assert [call["module"] for call in run.calls] == ["kvm_host_facts"]
    return run.calls[0]["args"]["required"]


@pytest.mark.parametrize("kind", sorted(OF_EACH))
def test_the_facts_of_all_roles_of_the_play_are_collected_in_one_run(union, kind):
    assert {each for part in union for each in part.get(kind, [])} >= OF_EACH[kind]


def test_prepare_hosts_collects_by_it():
    collecting = [
        task["cloudstack.kvm.kvm_host_facts"]
        for task in PREPARE["pre_tasks"]
        if "cloudstack.kvm.kvm_host_facts" in task
    ]
    assert collecting == [COLLECT["cloudstack.kvm.kvm_host_facts"]]
