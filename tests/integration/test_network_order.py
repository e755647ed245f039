# SPDX-License-Identifier: GPL-3.0-or-later
"""The role network_bridge on several hosts: one after the other, none after one that was put back, and few module runs
where nothing changes. The hosts are namespaces with the real ifupdown; Ansible enters them by their interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ifupdown_host
from tests.ifupdown_host import IfupdownHost
from tests.integration.playbooks import ROOT, Run, play
from tests.integration.test_bridge_rollback import MANAGEMENT, STATIC
from tests.namespaces import Namespaces
from tests.namespaces import missing as no_namespaces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces()),
    pytest.mark.skipif(bool(ifupdown_host.missing()), reason=ifupdown_host.missing()),
]
NAMES = ("host1", "host2", "host3")
SILENT = {**MANAGEMENT, "gateway": "10.88.0.250"}
FACTS = {
    "packages": {"ifupdown": "0.8.41", "bridge-utils": "1.7.1-1"},
    **{part: {} for part in ("units", "sysctl", "kernel_modules", "files")},
}
# As prepare_hosts.yml: facts, what is refused before anything is touched, the role. The back end is given.
ROLE = {"name": "cloudstack.kvm.network_bridge"}
TASKS = [
    {"cloudstack.kvm.kvm_host_facts": {"required": []}},
    {"ansible.builtin.set_fact": {"kvm_host": FACTS, "cacheable": True}},
    {"ansible.builtin.include_role": {**ROLE, "tasks_from": "refuse"}},
    {"ansible.builtin.include_role": ROLE},
]
PLAY = [{"hosts": "kvm_hosts", "gather_facts": False, "tasks": TASKS}]
Hosts = Mapping[str, IfupdownHost]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ifupdown_host.make_root(tmp_path_factory.mktemp("root"))


@pytest.fixture
def hosts(root: Path, tmp_path: Path) -> Iterator[Hosts]:
    with Namespaces() as spaces:
        yield {name: IfupdownHost(spaces, root, tmp_path / name, STATIC) for name in NAMES}


@pytest.fixture
def declare(hosts: Hosts, tmp_path: Path) -> Callable[..., Run]:
    """declare({host: bridge}) -> the role's run on these hosts; the module runs of each are counted in `modules`."""

    def run(declared: Mapping[str, Any], *arguments: str, **variables: Any) -> Run:
        common = {"facts_required": [], "network_bridge_backend": "ifupdown", "network_bridge_rollback_timeout": 2}
        inventory = {
            name: {
                "ansible_connection": "local",
                "ansible_become": False,
                "ansible_python_interpreter": str(hosts[name].interpreter()),
                "network_bridge_config": [bridge],
                **common,
                **variables,
            }
            for name, bridge in declared.items()
        }
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"kvm_hosts": {"hosts": inventory}}))
        (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAY))
        (tmp_path / "modules").write_text("")
        counting = {
            "ANSIBLE_PIPELINING": "1",  # the hosts see none of the controller's files
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "benchmarks" / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "count_modules",
            "COUNT_MODULES_FILE": str(tmp_path / "modules"),
        }
        return play(str(tmp_path / "play.yml"), tmp_path / "hosts.yml", *arguments, env=counting)

    return run


def modules(folder: Path) -> dict[str, list[str]]:
    """host -> modules that were run there."""
    found: dict[str, list[str]] = {}
    for line in (folder / "modules").read_text().splitlines():
        host, module, *_ = line.split("\t")
        found.setdefault(host, []).append(module)
    return found


def test_no_host_is_changed_after_one_that_was_put_back(hosts, declare):
    before = {name: (one.links(), one.files()) for name, one in hosts.items()}
    run = declare({"host1": MANAGEMENT, "host2": SILENT, "host3": MANAGEMENT})
    assert run.code == 2, run.output
    assert len(run.failures) == 2, run.output
    second, third = run.failures
    assert "the gateway of cloudbr0 does not answer; the network was put back as it was" in second
    assert "host3: its network was not changed, because the change of host2 was put back" in third
    assert run.changed == {"host1": 1}
    assert "cloudbr0" in hosts["host1"].links()["links"]
    for name in ("host2", "host3"):
        assert (hosts[name].links(), hosts[name].files()) == before[name], name
    assert hosts["host3"].commands() == []


def test_all_at_once_if_the_operator_wants_it(hosts, declare):
    run = declare({"host1": SILENT, "host2": MANAGEMENT}, network_bridge_parallel=2)
    assert len(run.failures) == 1, run.output
    assert run.changed == {"host2": 1}


def test_a_run_that_changes_nothing_is_few_module_runs_on_a_host(declare, tmp_path):
    declared = dict.fromkeys(NAMES, MANAGEMENT)
    first = declare(declared)
    assert (first.code, first.changed) == (0, dict.fromkeys(NAMES, 1)), first.output
    again = declare(declared)
    assert (again.code, again.changed) == (0, {}), again.output
    few = ["cloudstack.kvm.kvm_host_facts", "cloudstack.kvm.bridge", "cloudstack.kvm.bridge"]
    assert modules(tmp_path) == dict.fromkeys(NAMES, few)
