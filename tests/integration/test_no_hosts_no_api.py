# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that has nothing to work on, or no CloudStack to ask, says so in its first play and does not end with exit code
0."""

from __future__ import annotations

import pytest
import yaml

from tests.integration.conftest import CLUSTER
from tests.integration.playbooks import ROOT, play
from tests.integration.simulator import run_simulator

# Those whose start differs from others' in more than its tags (tests/unit/meta/test_playbooks.py), and the one that
# imports others.
# test_nothing_to_work_on starts the pre-flight.
PLAYBOOKS = ["path_check", pytest.param("preflight", marks=pytest.mark.full), "site"]
WITH_API = ["preflight", "site"]
HOSTS = {"host1": {"ansible_host": "192.0.2.1"}, "host2": {"ansible_host": "192.0.2.2"}}
NAMES = ("CLOUDSTACK_ENDPOINT", "CLOUDSTACK_KEY", "CLOUDSTACK_SECRET")
NO_API = dict.fromkeys(NAMES, "")
CASES = {
    "no inventory": (None, (), "Observed: 0 hosts in it of 0 in the inventory"),
    "empty group": (
        {"kvm_hosts": {"hosts": {}}, "other": {"hosts": HOSTS}},
        (),
        "Observed: 0 hosts in it of 2 in the inventory",
    ),
    "wrong group name": (
        {"kvm_host": {"hosts": HOSTS}},
        (),
        "which has the groups kvm_host. Next: give the inventory with -i",
    ),
    "tags of nothing": (
        {"kvm_hosts": {"hosts": HOSTS}},
        ("--tags", "frewall"),
        "Observed: --tags frewall, which no task of it has",
    ),
    "tags of another playbook": (
        {"kvm_hosts": {"hosts": HOSTS}},
        ("--tags", "oobm"),
        "Observed: --tags oobm, which no task of it has",
    ),
    "limit outside": (
        {"kvm_hosts": {"hosts": HOSTS}, "x": {"hosts": {"mgmt1": {}}}},
        ("--limit", "mgmt1"),
        "correct --limit, the group has host[1-2]",
    ),
}
# The same answer of the same condition as another case: the group that is there and empty as the one of a wrong name, a
# tag that other playbooks have as one that none has.
REPEATED = ("empty group", "tags of another playbook")
# A file without a word: as where no ansible.cfg of ours is in the way.
NO_CFG = "[defaults]\ncollections_path = {0}\n"


@pytest.fixture
def written(tmp_path):
    """Writes an inventory; None: names one that is not there."""

    def write(content):
        path = tmp_path / "hosts.yml"
        if content is not None:
            path.write_text(yaml.safe_dump(content))
        return path

    return write


def _refused(run, *parts):
    said = " ".join(run.output.split())
    assert run.code == 2, run.output
    for part in parts:
        assert part in said, f"{part!r} is not in: {run.output}"
    assert said.count("FAILED!") == 1, run.output
    return said


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.full if case in REPEATED else ()) for case in CASES]
)
def test_nothing_to_work_on(written, case):
    content, arguments, words = CASES[case]
    _refused(
        play("preflight.yml", written(content), *arguments, env=NO_API),
        "There is nothing to do" if "--tags" in arguments else "There is no host to work on. Expected: hosts in",
        words,
        "Nothing was done.",
    )


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_by_its_name_and_without_our_configuration(written, tmp_path, playbook):
    (tmp_path / "ansible.cfg").write_text(NO_CFG.format(ROOT / "collections"))
    env = {**NO_API, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")}
    _refused(
        play(f"cloudstack.kvm.{playbook}", written(CASES["limit outside"][0]), "--limit", "mgmt1", env=env),
        CASES["limit outside"][2],
    )


def test_a_limit_that_matches_nothing_at_all(written):
    run = play("register_cluster.yml", written({"kvm_hosts": {"hosts": HOSTS}}), "--limit", "host9", env=NO_API)
    assert run.code == 1
    assert "leaves us with no hosts to target" in run.output


@pytest.mark.parametrize("playbook", WITH_API)
def test_credentials_that_are_not_there(inventory, playbook):
    said = _refused(
        play(f"{playbook}.yml", inventory(HOSTS), env=NO_API),
        *NAMES,
        "host[1-2]: CloudStack cannot be used",
        "No host was touched.",
    )
    assert f"Observed: not set or empty: {', '.join(NAMES)}" in said
    assert "UNREACHABLE" not in said


PLAYBOOK = "register_cluster.yml"  # the smallest; all that ask begin alike, of which test_playbooks.py makes sure


def test_an_api_that_cannot_be_reached_and_a_key_that_is_wrong(inventory):
    with run_simulator() as running:
        wrong = {**running.env, "CLOUDSTACK_KEY": "the-key-of-nobody"}
        said = _refused(play(PLAYBOOK, inventory(HOSTS), env=wrong), *NAMES, "CloudStack refused the API key", "401")
        assert running.secret not in said
        assert "the-key-of-nobody" not in said
        assert running.writes() == 0
    env = {**running.env, "CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"}
    said = _refused(
        play(PLAYBOOK, inventory(HOSTS), env=env),
        *NAMES,
        "http://127.0.0.1:1/client/api cannot be reached",
        "refused",
    )
    for secret in ("signature=", "apiKey=", running.key, running.secret):
        assert secret not in said


@pytest.mark.full  # Ansible's own doing: it runs no task
def test_tasks_are_listed_without_an_api(inventory):
    arguments = ("--limit", "host1", "-e", "preflight_ask_cloudstack=false", "--list-tasks")
    run = play("preflight.yml", inventory(HOSTS), *arguments, env=NO_API)
    assert run.code == 0, run.output


def test_preflight_asks_unless_it_is_told_not_to(inventory):
    """That it asks: test_credentials_that_are_not_there."""
    own = {
        "ansible_connection": "local",
        "preflight_report_dir": str(inventory(HOSTS).parent / "reports"),
        "preflight_path_check": False,
        "lab_number": 1,
    }
    run = play("preflight.yml", inventory({"host1": own}), "-e", "preflight_ask_cloudstack=false", env=NO_API)
    assert "CloudStack cannot be used" not in run.output
    assert "Pre-flight of zone1/pod1/cluster1" in run.output, run.output


def test_one_of_two_clouds_cannot_be_used(tmp_path):
    """Its hosts have their message, those of the other cloud go on."""
    bad = {"cloudstack_api_url": "http://127.0.0.1:1/client/api"}
    groups = {
        name: {"hosts": {f"{name}-host": {}}, "vars": {**CLUSTER, "cloudstack_cluster": name}}
        for name in ("cluster1", "cluster2")
    }
    groups["cluster1"]["vars"].update(bad)
    path = tmp_path / "two.yml"
    path.write_text(yaml.safe_dump({"kvm_hosts": {"children": groups}}))
    with run_simulator() as running:
        said = _refused(
            play("register_cluster.yml", path, env=running.env),
            "cluster1-host is one of cluster1-host: CloudStack cannot be used",
        )
        assert [row["name"] for row in running.api.list("listClusters", "cluster")] == ["cluster2"], said
