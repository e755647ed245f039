# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook is killed behind a task that changed the host; what it left undone, the next run finishes.

Between kill and rerun nothing is done to the host. The first test takes the boundaries behind which a restart was once
notified, on a joined host of the lab; the others (marker full) take every boundary, each on a bare host."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
import yaml

from tests.integration.interrupted import KILLED, left_undone, run_and_kill, state
from tests.integration.lab import Lab
from tests.integration.playbooks import play

pytestmark = pytest.mark.lab
HOST = "host1"
LIMIT = ("--limit", f"{HOST},mgmt1")
ROLES = ("time_sync", "kvm_host", "firewall", "cloudstack_agent")
# role, the task behind which the run is killed, and what stands there then and is not in force
BOUNDARIES = [
    ("time_sync", "Write chrony's configuration", ["chrony.service is older than /etc/chrony/chrony.conf"]),
    (
        "kvm_host",
        "Write names",
        [
            "libvirtd.service is older than /etc/libvirt/qemu.conf",
            "the kernel has another net.ipv4.igmp_max_memberships",
        ],
    ),
    (
        "cloudstack_agent",
        "Set keys of agent.properties",
        ["cloudstack-agent.service is older than /etc/cloudstack/agent/agent.properties."],
    ),
    ("firewall", "Write the rules", ["the firewall is not the one of its file"]),
    ("firewall", "Load the rules in one transaction", ["the firewall is going to be taken back"]),
]
# Each role has something to change for them, also when the test ran before on this host.
NUMBER = 1 + secrets.randbelow(300)
VALUES = {
    "time_sync_extra_config": [f"# {NUMBER}"],
    "__kvm_host_qemu_here": {"max_files": 32768 + NUMBER},
    "kvm_host_sysctl": {"net.ipv4.igmp_max_memberships": 200 + NUMBER},
    "cloudstack_agent_properties": {"workers": 5 + NUMBER},
    "host_registration_password": "unused",  # the role wants one way for CloudStack to log in; the key is there already
    "firewall_extra_rules": [f"tcp dport {9100 + NUMBER} accept"],
}


# The other hosts of the cluster are not looked at here.
UNPROVEN = {"host_registration_preflight_required": False}


def _role_alone(folder: Path, *roles: str) -> str:
    """A playbook of these roles, each of which looks at the host by itself. The management server's key is there
    already."""
    path = folder / f"{'-'.join(roles)}.yml"
    play_ = {"hosts": "kvm_hosts", "gather_facts": False, "roles": [f"cloudstack.kvm.{role}" for role in roles]}
    path.write_text(yaml.safe_dump([play_]))
    return str(path)


@pytest.fixture(scope="module")
def joined(lab: Lab) -> Lab:
    """A host that is Up: what test_site.py has left, else made here."""
    lab.heal()
    if lab.host_states().get("10.88.0.11") != "Up":
        _prepare_and_register(lab)
        run = play("add_hosts.yml", lab.inventory, *LIMIT, extra=UNPROVEN)
        assert run.code == 0, run.output[-5000:]
    return lab


def _prepare_and_register(lab: Lab, extra: dict | None = None) -> None:
    for playbook in ("prepare_hosts.yml", "register_cluster.yml"):
        run = play(playbook, lab.inventory, *LIMIT, extra=extra)
        assert run.code == 0, run.output[-5000:]


def test_what_a_killed_run_left_undone_the_next_one_finishes(joined, tmp_path):
    assert left_undone(joined, HOST) == []
    for role, task, expected in BOUNDARIES:
        stopped = run_and_kill(
            _role_alone(tmp_path, role), joined.inventory, tmp_path / "log", *LIMIT, after_task=task, extra=VALUES
        )
        assert stopped.code == KILLED, f"{task}: {stopped.output[-3000:]}"
        seen = left_undone(joined, HOST)
        for part in expected:
            assert any(line.startswith(part) for line in seen), f"killed behind {task!r}: {seen}"
    run = play(_role_alone(tmp_path, *ROLES), joined.inventory, *LIMIT, extra=VALUES)
    assert run.code == 0, run.output[-5000:]
    assert left_undone(joined, HOST) == []
    again = play(_role_alone(tmp_path, *ROLES), joined.inventory, *LIMIT, extra=VALUES)
    assert (again.code, again.changed) == (0, {}), again.output[-5000:]
    print(f"killed behind {len(BOUNDARIES)} tasks that were once followed by a handler")


def test_an_old_daemon_with_a_new_file_is_seen_and_started_anew(joined, tmp_path):
    """Staged by hand: the file as declared, its date that of long ago, and a daemon that has never read it."""
    playbook = _role_alone(tmp_path, "time_sync")
    joined.ssh(HOST, "cd /etc/chrony && cp -p chrony.conf kept && touch -d 2001-01-01 kept && mv kept chrony.conf")
    assert left_undone(joined, HOST) == ["chrony.service is older than /etc/chrony/chrony.conf"]
    run = play(playbook, joined.inventory, *LIMIT, extra=VALUES)
    assert run.code == 0, run.output[-5000:]
    assert run.changed == {HOST: 1}
    assert left_undone(joined, HOST) == []
    assert play(playbook, joined.inventory, *LIMIT, extra=VALUES).changed == {}


def _bare(lab: Lab, *nodes: str) -> None:
    lab.heal()
    lab.ctl("recreate", *nodes)


MOST = 40  # tasks that change a bare host; more of them, and the tests below say so


@pytest.fixture(scope="module")
def whole(lab, tmp_path_factory) -> tuple[list[str], dict[str, str]]:
    """A run that nothing interrupts: the tasks that changed the bare host, in order, and what it left."""
    _bare(lab, HOST)
    run = run_and_kill("prepare_hosts.yml", lab.inventory, tmp_path_factory.mktemp("whole") / "log", *LIMIT)
    assert run.code == 0, run.output[-5000:]
    assert left_undone(lab, HOST) == []
    assert len(run.changes) <= MOST
    print(f"{len(run.changes)} tasks change a bare host: {'; '.join(run.changes)}")
    return run.changes, state(lab, HOST)


@pytest.mark.full
@pytest.mark.parametrize("number", range(1, MOST + 1))
def test_every_boundary_of_preparing_a_bare_host(lab, whole, tmp_path, number):
    changes, expected = whole
    if number > len(changes):
        pytest.skip(f"{len(changes)} tasks change a bare host")
    _bare(lab, HOST)
    stopped = run_and_kill("prepare_hosts.yml", lab.inventory, tmp_path / "log", *LIMIT, after_changes=number)
    assert (stopped.code, stopped.changes) == (KILLED, changes[:number]), stopped.output[-3000:]
    print(
        f"{number}/{len(changes)} killed behind {changes[number - 1]}, left undone: "
        f"{left_undone(lab, HOST) or 'nothing'}"
    )
    assert _finished(lab, expected) == ""


def _finished(lab: Lab, expected: dict[str, str]) -> str:
    """What is wrong after the next run and the one after that, empty where nothing is."""
    run = play("prepare_hosts.yml", lab.inventory, *LIMIT)
    if run.code:
        return f"the next run fails: {run.failures or run.output[-2000:]}"
    left, now = left_undone(lab, HOST), state(lab, HOST)
    if left:
        return f"left undone by the next run too: {left}"
    differs = {
        key: (expected.get(key), now.get(key))
        for key in expected.keys() | now.keys()
        if expected.get(key) != now.get(key)
    }
    if differs:
        return f"not as after one whole run: {differs}"
    again = play("prepare_hosts.yml", lab.inventory, *LIMIT)
    return (
        ""
        if (again.code, again.changed) == (0, {})
        else f"the run after that changes something: {again.output[-2000:]}"
    )


@pytest.mark.full
def test_keys_that_the_join_destroyed_are_set_again_by_the_next_run(lab, tmp_path):
    keys = {"cloudstack_agent_properties": {"host.reserved.mem.mb": 1500}, **UNPROVEN}
    _bare(lab, "mgmt1", HOST)
    _prepare_and_register(lab, keys)
    stopped = run_and_kill(
        "add_hosts.yml", lab.inventory, tmp_path / "log", *LIMIT, after_task="Add the host to its cluster", extra=keys
    )
    assert stopped.code == KILLED, stopped.output[-5000:]
    assert "host.reserved.mem.mb" not in lab.ssh(HOST, "cat /etc/cloudstack/agent/agent.properties")
    run = play("add_hosts.yml", lab.inventory, *LIMIT, extra=keys)
    assert run.code == 0, run.output[-5000:]
    assert "host.reserved.mem.mb=1500" in lab.ssh(HOST, "cat /etc/cloudstack/agent/agent.properties")
    assert left_undone(lab, HOST) == []
    for playbook in ("prepare_hosts.yml", "add_hosts.yml"):
        assert play(playbook, lab.inventory, *LIMIT, extra=keys).changed == {}
