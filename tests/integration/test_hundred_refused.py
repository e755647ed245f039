# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pre-flight prints when it refuses a hundred hosts. They are the controller itself, their facts made up; only
the last part is run."""

from __future__ import annotations

import json
import sys
import time

import pytest
import yaml

from tests.cluster_profiles import healthy
from tests.integration.conftest import CLUSTER
from tests.integration.playbooks import play, with_callback

COUNT = 100
SCREEN = 40  # lines
OTHER_KERNEL = {
    f"host{number}": {"facts.os.kernel": "6.1.0-25-amd64", "facts.time.synchronised": False}
    for number in range(98, 101)
}
FACTS = "Collect the facts of the host"


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Runs it with a callback and returns the run."""
    folder = tmp_path_factory.mktemp("hundred")
    profiles = {host.name: host for host in healthy(0, COUNT).edit(OTHER_KERNEL).profiles()}
    local = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "preflight_report_dir": str(folder / "reports"),
    }
    seen = {
        name: {"at": time.time(), "reached": True, "declared": dict(each.declared)} for name, each in profiles.items()
    }
    hosts = {
        name: {"__preflight_seen": seen[name], "__preflight_facts": {"ansible_facts": {"made": "up"}}}
        for name in profiles
    }
    variables = {
        **CLUSTER,
        **local,
        "__preflight_planners": dict.fromkeys(profiles, "host1"),
        "__preflight_run": "00000000-0000-5000-8000-000000000000",
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"kvm_hosts": {"hosts": hosts, "vars": variables}}))
    answers = [[FACTS, name, {"ansible_facts": {"kvm_host": dict(each.facts)}}] for name, each in profiles.items()]
    (folder / "answers").write_text(json.dumps(answers))
    evaluate = {
        "name": "Evaluate",
        "ansible.builtin.import_role": {"name": "cloudstack.kvm.preflight", "tasks_from": "evaluate.yml"},
    }
    tasks = [{"name": FACTS, "cloudstack.kvm.kvm_host_facts": {}}, evaluate]
    (folder / "play.yml").write_text(
        yaml.safe_dump([{"name": "Prove the hosts", "hosts": "kvm_hosts", "gather_facts": False, "tasks": tasks}])
    )
    own = {
        **with_callback("fail_task"),
        "FAIL_TASKS": str(folder / "answers"),
    }

    def run(callback):
        return play(
            str(folder / "play.yml"),
            folder / "hosts.yml",
            env={**own, "ANSIBLE_STDOUT_CALLBACK": callback},
        )

    return run


def _last_task(output):
    """The lines from the banner of the last task on."""
    return output[output.rindex("\nTASK [") + 1 :].rstrip().splitlines()


def test_a_hundred_refused_hosts_fit_one_screen(refused):
    run = refused("cloudstack.kvm.progress")
    assert run.code == 2, run.output
    last = _last_task(run.output)
    print("\n".join(last))
    assert len(last) <= SCREEN
    assert "Show the result" in last[0]
    assert f"may NOT join          {COUNT}  host[1-{COUNT}]" in run.output
    assert run.output.count("Pre-flight of") == 1
    assert run.output.count("may not join because of") <= 3, "the same failure of many hosts is one entry"
    assert len(run.output.splitlines()) < 80, run.output


def test_without_the_callback_the_summary_is_the_last_task(refused):
    run = refused("ansible.builtin.default")
    assert run.code == 2, run.output
    last = _last_task(run.output)
    assert "Show the result" in last[0]
    assert "Pre-flight of" in run.output[run.output.rindex("TASK [") :]
    assert len(last) <= SCREEN + COUNT, "a recap of a line for each host, and nothing else that grows with them"
    assert run.output.count("FAILED!") == COUNT
