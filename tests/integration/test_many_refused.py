# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pre-flight prints when it refuses many hosts: forty, and a hundred with `make test-full`. They are the
controller itself, their facts made up; only the last part is run."""

from __future__ import annotations

import sys
import time
from functools import partial

import pytest
import yaml

from tests.cluster_profiles import healthy
from tests.integration.conftest import CLUSTER
from tests.integration.playbooks import play

SCREEN = 40  # lines
OTHER_KERNEL = {"facts.os.kernel": "6.1.0-25-amd64", "facts.time.synchronised": False}  # of the last three hosts


@pytest.fixture
def refused(tmp_path):
    """Runs it with so many hosts and a callback, and returns the run."""
    return partial(run, tmp_path)


def run(folder, count, callback):
    edits = {f"host{number}": OTHER_KERNEL for number in range(count - 2, count + 1)}
    profiles = {host.name: host for host in healthy(0, count).edit(edits).profiles()}
    local = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "preflight_report_dir": str(folder / "reports"),
    }
    seen = {
        name: {"at": time.time(), "reached": True, "declared": dict(each.declared)} for name, each in profiles.items()
    }
    hosts = {
        name: {"__preflight_seen": seen[name], "__preflight_facts": {"kvm_host": dict(profiles[name].facts)}}
        for name in profiles
    }
    variables = {
        **CLUSTER,
        **local,
        "__preflight_planners": dict.fromkeys(profiles, "host1"),
        "__preflight_run": "00000000-0000-5000-8000-000000000000",
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"kvm_hosts": {"hosts": hosts, "vars": variables}}))
    evaluate = {
        "name": "Evaluate",
        "ansible.builtin.import_role": {"name": "cloudstack.kvm.preflight", "tasks_from": "evaluate.yml"},
    }
    tested = {"name": "Prove the hosts", "hosts": "kvm_hosts", "gather_facts": False, "tasks": [evaluate]}
    (folder / "play.yml").write_text(yaml.safe_dump([tested]))

    return play(str(folder / "play.yml"), folder / "hosts.yml", env={"ANSIBLE_STDOUT_CALLBACK": callback})


def _last_task(output):
    """The lines from the banner of the last task on."""
    return output[output.rindex("\nTASK [") + 1 :].rstrip().splitlines()


@pytest.mark.parametrize("count", [SCREEN, pytest.param(100, marks=pytest.mark.full)])
def test_many_refused_hosts_fit_one_screen(refused, count):
    run = refused(count, "cloudstack.kvm.progress")
    assert run.code == 2, run.output
    last = _last_task(run.output)
    print("\n".join(last))
    assert len(last) <= SCREEN
    assert "Show the result" in last[0]
    assert f"may NOT join {count:>12}  host[1-{count}]" in run.output
    assert run.output.count("Pre-flight of") == 1
    assert run.output.count("may not join because of") <= 3, "the same failure of many hosts is one entry"
    assert len(run.output.splitlines()) < 80, run.output


def test_without_the_callback_the_summary_is_the_last_task(refused):
    count = 10
    run = refused(count, "ansible.builtin.default")
    assert run.code == 2, run.output
    last = _last_task(run.output)
    assert "Show the result" in last[0]
    assert "Pre-flight of" in run.output[run.output.rindex("TASK [") :]
    assert len(last) <= SCREEN + count, "a recap of a line for each host, and nothing else that grows with them"
    assert run.output.count("FAILED!") == count
