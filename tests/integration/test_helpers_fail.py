# SPDX-License-Identifier: GPL-3.0-or-later
"""Each task that one host, or a delegate, does for others is made to fail: those with whom it has nothing to do go on,
and all get a message.

Hosts are the controller itself (connection local) and CloudStack the simulator; tests/callback/fail_task.py makes the
tasks fail. A helper that is not in the table fails the first test."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import CLUSTER
from tests.integration.playbooks import ROOT, play, with_callback
from tests.integration.simulator import run_simulator

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
# What is no case of its own: the stop for all; the same for all hosts, made of the inventory alone; what ends the run
# anyway.
STOP, SAME, LAST = "stops all, which is its purpose", "pure, and the same for all hosts", "nothing comes after it"
INCLUDE = "its tasks are here"
KEY = "Read the key that CloudStack logs in with"
LOGIN = "Log in from a management server as CloudStack does, and ask the BMCs"
ASK = "Ask CloudStack what the cluster is meant to be, and who is in it"
FACTS = "Collect the facts of the host, and compare its clock with the controller's"
PLAN, PROBE = "Plan the probes of all hosts", "Probe the paths to the other hosts, the ports, the CPUs and the storage"
PATHS, MORE = "Plan which host probes which paths, and how large the packets are", "Find out what is not clear yet"
NO_PATHS = "Say in the report why no path was probed"
EVALUATE = "Evaluate every host of the cluster and write the report"
MARK = "Mark that the report of before is not of this run"
REGISTER = (
    "Register the zone",
    "Register the physical network",
    "Name the bridge of each traffic type",
    "Register the pod",
    "Register the cluster",
    "Enable the zone once its networks exist",
    "Note that the cluster is registered",
)
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if path.stem != "init")
# What is done for, and on, hosts that --limit leaves out.
OTHERS = "tests/integration/test_addresses.py, over SSH"
LEFT_OUT = {
    "preflight/tasks/plan.yml": ["Read the facts of the members that this run leaves out"],
    "preflight/tasks/path_check.yml": ["Read the facts of the members that this run leaves out"],
    "preflight/tasks/left_out.yml": [
        "Say whose facts are read although --limit leaves them out",
        "Read the facts of each",
    ],
    "preflight/tasks/left_out_host.yml": [
        "Read the facts of a member that this run leaves out",
        "Keep both beside its facts",
        "Say in the report why the member cannot be compared",
    ],
    "firewall/tasks/left_out.yml": ["Tell each of them"],
    "firewall/tasks/left_out_host.yml": [
        "Let the firewall of a host that this run leaves out accept the hosts of its cluster",
        "Say whose firewall could not be told",
    ],
}
DRILL = "each host for itself, one at a time: tests/integration/test_ha_drill.py"
DRILL_TASKS = (
    "Start the canary on the host",
    "Wait until the canary writes",
    "Switch the host off through its BMC, without CloudStack",
    "Watch host and guest until CloudStack is done with both",
    "Bring the host back",
    "Read the journal of the canary on a neighbour",
    "Remove the canary",
)
# (file, task) -> the run below in which it fails, or why there is none
TABLE = {
    ("playbooks/prepare_hosts.yml", KEY): "tests/integration/test_lost_servers.py, over SSH",
    ("playbooks/site.yml", "Summary"): LAST,
    **{(f"playbooks/{name}.yml", "Note that --tags chooses something of this playbook"): SAME for name in PLAYBOOKS},
    ("playbooks/tasks/check_hosts.yml", "Require hosts to work on"): STOP,
    ("playbooks/tasks/check_hosts.yml", "Require that --tags chooses something"): STOP,
    ("roles/firewall/tasks/left_out.yml", "Choose the host that each cluster delegates to"): SAME,
    **{(f"roles/{path}", task): OTHERS for path, tasks in LEFT_OUT.items() for task in tasks},
    (
        "playbooks/tasks/check_api.yml",
        "Ask CloudStack whether it answers to the credentials",
    ): "tests/integration/test_no_hosts_no_api.py",
    ("playbooks/tasks/check_api.yml", "Stop if no CloudStack can be used"): STOP,
    **{("roles/cluster/tasks/register.yml", task): "register" for task in REGISTER},
    ("roles/cluster/tasks/main.yml", "Register zone, networks, pod and cluster"): "register",
    ("roles/cluster/tasks/primary_storage.yml", "Add the primary storage of the cluster"): "storage",
    ("roles/host_registration/tasks/find_host.yml", "Look for the host in CloudStack"): "join",
    ("roles/host_registration/tasks/check.yml", "Read the address that agents connect to"): "join",
    ("roles/host_registration/tasks/join.yml", "Add the host to its cluster and wait until it is Up"): "join",
    (
        "roles/host_registration/tasks/up.yml",
        "Wait until the host is Up",
    ): "tests/integration/test_unfinished_runs.py, where it succeeds; each host asks for itself",
    ("roles/oobm/tasks/configure.yml", "Configure out-of-band management and read the power state"): "oobm",
    ("roles/host_ha/tasks/switch.yml", "Enable or disable host HA, and wait until CloudStack shows it"): "host_ha",
    ("playbooks/configure_failover.yml", "Choose the host that asks for its cluster"): SAME,
    **{
        ("playbooks/configure_failover.yml", task): "tests/integration/test_configure_failover.py"
        for task in ("Compute what would be set, and the time to failover", "Set what differs")
    },
    ("playbooks/ha_report.yml", "Choose the host that asks for its cluster"): SAME,
    (
        "playbooks/ha_report.yml",
        "Ask CloudStack what follows if a host dies",
    ): "one host for each cluster asks, and nothing comes after it for this cluster",
    ("playbooks/ha_drill.yml", "Require the host and its failure by name"): STOP,
    ("playbooks/ha_drill.yml", "Plan the drill, or refuse it"): DRILL,
    **{("playbooks/tasks/drill.yml", task): DRILL for task in DRILL_TASKS},
    (
        "roles/network_bridge/tasks/adopt.yml",
        "Write the declaration of each host to a folder of the controller",
    ): "each host for itself, and nothing comes after it",
    ("roles/preflight/tasks/choose_delegate.yml", "Choose the host that each cluster delegates to"): SAME,
    ("roles/preflight/tasks/expected_state.yml", "Name this run, and note which hosts ask CloudStack"): SAME,
    (
        "roles/preflight/tasks/expected_state.yml",
        "Mark that a pre-flight of the cluster has begun, and ask what the cluster is meant to be",
    ): INCLUDE,
    ("roles/preflight/tasks/begin.yml", MARK): "evaluate",
    ("roles/preflight/tasks/begin.yml", ASK): "preflight",
    (
        "roles/preflight/tasks/cancel.yml",
        "Take the mark of this run away",
    ): "nothing comes after it for this cluster, and the gate refuses by the mark",
    ("roles/host_registration/tasks/main.yml", "Divide the hosts into groups that join at the same time"): SAME,
    ("roles/preflight/tasks/key.yml", KEY): "preflight",
    ("roles/preflight/tasks/probe.yml", "Note which hosts plan, and ask the management servers"): SAME,
    ("roles/preflight/tasks/probe.yml", "Plan the probes, and ask the management servers"): INCLUDE,
    ("roles/preflight/tasks/plan.yml", "Plan the paths"): INCLUDE,
    ("roles/preflight/tasks/plan.yml", "Ask each management server"): INCLUDE,
    ("roles/preflight/tasks/plan.yml", PLAN): "preflight",
    ("roles/preflight/tasks/plan.yml", "Let each host plan its own"): "preflight, as the rescue of the plan",
    ("roles/preflight/tasks/plan_paths.yml", PATHS): "preflight",
    ("roles/preflight/tasks/plan_paths.yml", NO_PATHS): "preflight, as the rescue of the plan",
    ("roles/preflight/tasks/server.yml", LOGIN): "preflight",
    ("roles/preflight/tasks/server.yml", "Keep what it has found"): "preflight, behind the login that fails",
    ("roles/preflight/tasks/followup_paths.yml", MORE): "preflight",
    (
        "roles/preflight/tasks/followup_paths.yml",
        "Leave the second look out",
    ): "preflight, as the rescue of the second plan",
    ("roles/preflight/tasks/evaluate.yml", EVALUATE): "evaluate",
    ("roles/preflight/tasks/evaluate.yml", "Show the result"): LAST,
    ("roles/preflight/tasks/path_check.yml", "Note which hosts plan"): SAME,
    ("roles/preflight/tasks/path_check.yml", "Plan the paths"): INCLUDE,
    ("roles/preflight/tasks/path_check.yml", "Evaluate the paths and write the report"): "evaluate",
    ("roles/preflight/tasks/path_check.yml", "Stop if a path is bad"): LAST,
    ("roles/preflight/tasks/path_check.yml", "Show the result"): LAST,
}


def helpers() -> Iterator[tuple[str, str]]:
    """(file, task) of all that is done by one host or another machine for others."""
    files = {
        path: yaml.safe_load(path.read_text()) or []
        for path in [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").glob("*/tasks/**/*.yml")]
    }
    helping = _included(files)
    for path, entries in files.items():
        for entry in entries:
            if isinstance(entry, dict):
                yield from ((str(path.relative_to(ROOT)), name) for name in _helpers(entry, path in helping))


def _included(files: dict[Path, list]) -> set[Path]:
    """Files of which a helper runs all tasks, also those that such a file includes."""
    found: set[Path] = set()
    while True:
        inside = {
            path.parent / name
            for path, entries in files.items()
            for entry in entries
            for name in _includes(entry, path in found)
        }
        if inside <= found:
            return found
        found |= inside


def _includes(task: object, inside: bool) -> Iterator[str]:
    if isinstance(task, dict):
        given = [task.get(f"ansible.builtin.{kind}_tasks") for kind in ("include", "import")]
        if _is_one(task, inside):
            yield from (each["file"] if isinstance(each, dict) else each for each in given if each)
        for each in _inner(task):
            yield from _includes(each, _is_one(task, inside))


def _is_one(task: dict, inside: bool) -> bool:
    said = str(task.get("when", ""))
    return (
        inside
        or bool(task.get("delegate_to") or task.get("run_once"))
        or any(word in said for word in ("_speaker", "_delegate", "== __cluster_chosen"))
    )


def _inner(task: dict) -> list:
    return [
        each
        for part in ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks")
        for each in task.get(part) or ()
    ]


def _helpers(task: dict, inside: bool) -> Iterator[str]:
    is_one, inner = _is_one(task, inside), _inner(task)
    if is_one and not inner:
        yield task["name"]
    for each in inner:
        yield from _helpers(each, is_one)


def test_every_helper_is_in_the_table():
    assert set(helpers()) == set(TABLE)


class Failing:
    """Runs playbooks in which tasks fail."""

    def __init__(self, folder: Path, simulator) -> None:
        self.folder, self.simulator = folder, simulator

    def run(self, playbook: str, clusters: dict, faults: list[tuple[str, str, str]], *arguments: str, **variables):
        """`clusters`: name -> names of its hosts. Every fault must have come about."""
        groups = {
            name: {"hosts": dict.fromkeys(hosts, {}), "vars": {"cloudstack_cluster": name}}
            for name, hosts in clusters.items()
        }
        own = {key: value for key, value in CLUSTER.items() if not key.startswith("oobm_")}
        reports = {
            "preflight_report_dir": str(self.folder / "reports"),
            "host_registration_report_dir": str(self.folder / "reports"),
        }
        hosts = {"children": groups, "vars": {**own, **LOCAL, **reports, "lab_number": 1, **variables}}
        servers = {"hosts": {"mgmt1": {}, "mgmt2": {}}, "vars": LOCAL}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"kvm_hosts": hosts, "management_servers": servers}))
        (self.folder / "faults").write_text(json.dumps(faults))
        (self.folder / "faults.done").write_text("")
        env = {**self.simulator.env, **with_callback("fail_task"), "FAIL_TASKS": str(self.folder / "faults")}
        run = play(playbook, self.folder / "hosts.yml", *arguments, env=env)
        done = {tuple(line.split("\t")) for line in (self.folder / "faults.done").read_text().splitlines()}
        assert done == {(task, host) for task, host, _how in faults}, run.output
        return run

    def report(self, cluster: str, name: str = "preflight") -> dict:
        return json.loads((self.folder / "reports" / cluster / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    with run_simulator() as running:
        yield Failing(tmp_path_factory.mktemp("failing"), running)


def _said_by(run, host: str) -> str:
    return " ".join(each for each in run.failures if f"[{host}" in each)


def test_register(failing):
    """A cluster for each task that fails, the tasks before it staged as done, and one more: that one is registered, and
    each host of the others has its message."""
    clusters = {f"c{place}": [f"c{place}-a", f"c{place}-b"] for place in range(len(REGISTER) + 1)}
    faults = []
    for place, task in enumerate(REGISTER):
        faults += [(before, f"c{place}-a", "ok") for before in REGISTER[:place]]
        faults.append((task, f"c{place}-a", "failed"))
    run = failing.run("register_cluster.yml", clusters, faults)
    assert run.code == 2, run.output
    good = {host for hosts in clusters.values() for host in hosts if not run.recap[host]["failed"]}
    assert good == {"c7-a", "c7-b"}
    for place, task in enumerate(REGISTER):
        assert "staged: failed" in _said_by(run, f"c{place}-a"), task
        assert f"see the message of c{place}-a" in _said_by(run, f"c{place}-b"), task
    assert [row["name"] for row in failing.simulator.api.list("listClusters", "cluster")] == ["c7"]


def test_preflight(failing):
    """All that one host does for cluster1, or a server for both, goes wrong: both clusters are judged, what is not
    known is a finding."""
    faults = [
        (ASK, "c1-a", "failed"),
        (KEY, "mgmt1", "unreachable"),
        (LOGIN, "mgmt1", "unreachable"),
        (PATHS, "c1-a", "failed"),
        (MORE, "c2-a", "died"),
    ]
    faults += [(FACTS, "c1-b", "died"), (PLAN, "c2-a", "failed"), (PROBE, "c2-b", "died")]
    run = failing.run("preflight.yml", {"c1": ["c1-a", "c1-b"], "c2": ["c2-a", "c2-b"]}, faults)
    assert run.code == 2, run.output
    first, second = failing.report("c1"), failing.report("c2")
    assert set(first["hosts"]) == {"c1-a", "c1-b"}
    assert set(second["hosts"]) == {"c2-a", "c2-b"}
    found = {
        (each["id"], each["kind"], host): each
        for report in (first, second)
        for each in report["findings"]
        for host in each["hosts"]
    }
    assert "CloudStack did not answer: staged: failed" in found["CLD002", "unknown", "c1-a"]["observed"]
    assert found["CLD002", "unknown", "c1-a"]["stops"]
    assert ("CLD002", "unknown", "c2-a") not in found
    assert "staged: the plugin died" in found["FCT001", "failed", "c1-b"]["observed"]
    assert f"{PROBE}: " in str(
        [each for each in second["findings"] if "c2-b" in each["hosts"] and each["kind"] == "unknown"]
    )
    assert PLAN not in str(second), "where the plan of all fails, each host plans its own probes"
    assert PROBE not in str([each for each in second["findings"] if "c2-b" not in each["hosts"]])
    for report in (first, second):
        servers = [each for each in report["findings"] if each["id"] == "ACC004" and "mgmt1" in each["expected"]]
        assert servers, "what mgmt1 could not be asked is a finding"
        assert all("staged: the connection broke" in each["observed"] for each in servers)
    said = run.output[run.output.index(NO_PATHS) :]
    assert said.index("ok: [c1-a -> c1-b]") < said.index("TASK ["), "PTH008 has the reason"
    facts = json.loads((failing.folder / "reports" / "c1" / "preflight.facts.json").read_text())
    assert f"{PATHS}: staged" in facts["hosts"]["c1-a"]["probes"]["unknown"]["paths"]
    assert run.output.rindex("Pre-flight of zone1/pod1/c2") > run.output.rindex("may not join because of"), (
        "the summary is the last task"
    )
    assert all(counts["failed"] == 1 for host, counts in run.recap.items() if host.startswith("c")), run.recap


def test_no_verdict(failing):
    """The mark of a run, or the verdict, of a cluster cannot be written: that of another cluster is."""
    clusters = {"c3": ["c3-a", "c3-b"], "c4": ["c4-a"], "c5": ["c5-a", "c5-b"]}
    faults = [(EVALUATE, "c3-a", "died"), (MARK, "c5-a", "died")]
    run = failing.run("preflight.yml", clusters, faults, preflight_ask_cloudstack=False, preflight_path_check=False)
    assert run.code == 2, run.output
    for cluster, words in (("c3", "no verdict was made"), ("c5", "no verdict can be made")):
        assert "staged" in _said_by(run, f"{cluster}-a")
        assert f"{words}, see the message of {cluster}-a" in _said_by(run, f"{cluster}-b")
        assert not (failing.folder / "reports" / cluster / "preflight.json").exists()
    assert set(failing.report("c4")["hosts"]) == {"c4-a"}


def test_no_verdict_about_the_paths(failing):
    clusters = {"c3": ["c3-a", "c3-b"], "c4": ["c4-a", "c4-b"]}
    fault = ("Evaluate the paths and write the report", "c3-a", "died")
    run = failing.run("path_check.yml", clusters, [fault], preflight_ask_cloudstack=False)
    assert run.code == 2, run.output
    assert "staged" in _said_by(run, "c3-a")
    assert set(failing.report("c4", "path_check")["hosts"]) == {"c4-a", "c4-b"}
    assert not (failing.folder / "reports" / "c3" / "path_check.json").exists()


def test_join(failing):
    """Each host has its own message; none is taken along by another's."""
    faults = [
        ("Look for the host in CloudStack", "j1", "failed"),
        ("Read the address that agents connect to", "j2", "failed"),
    ]
    faults += [("Add the host to its cluster and wait until it is Up", "j3", "failed")]
    run = failing.run(
        "add_hosts.yml",
        {"c8": ["j1", "j2", "j3"]},
        faults,
        host_registration_labels=[],
        host_registration_preflight_required=False,
    )
    assert run.code == 2, run.output
    for host in ("j1", "j2", "j3"):
        assert "staged: failed" in _said_by(run, host), run.output


STORAGE, OOBM, HOST_HA = (
    "Add the primary storage of the cluster",
    "Configure out-of-band management and read the power state",
    "Enable or disable host HA, and wait until CloudStack shows it",
)
# hosts of a play -> the file of the role that it runs, as add_hosts, configure_oobm and enable_ha do behind their start
ROLES = {"s1:s2": ("cluster", "primary_storage"), "o1": ("oobm", "main"), "e1": ("host_ha", "main")}


@pytest.fixture(scope="module")
def failed(failing):
    """The hosts for which a task has failed, of clusters that have a role each."""
    plays = [
        {
            "hosts": hosts,
            "gather_facts": False,
            "tasks": [{"ansible.builtin.import_role": {"name": f"cloudstack.kvm.{role}", "tasks_from": file}}],
        }
        for hosts, (role, file) in ROLES.items()
    ]
    playbook = failing.folder / "roles.yml"
    playbook.write_text(yaml.safe_dump(plays))
    clusters = {name: [f"{name}-a", f"{name}-b"] for name in ("s1", "s2", "o1", "e1")}
    faults = [(STORAGE, "s1-a", "failed"), (STORAGE, "s2-a", "ok"), (OOBM, "o1-a", "failed"), (OOBM, "o1-b", "ok")]
    faults += [(HOST_HA, "e1-a", "failed"), (HOST_HA, "e1-b", "ok")]
    bmc = {"oobm_address": "192.0.2.9", "oobm_username": "admin", "oobm_password": "secret"}
    run = failing.run(str(playbook), clusters, faults, **bmc)
    assert run.code == 2, run.output
    assert set(run.recap) >= {host for hosts in clusters.values() for host in hosts}
    return {host for host, counts in run.recap.items() if counts["failed"]}


def of(failed, *clusters):
    """Those of these clusters."""
    return {host for host in failed if host.split("-")[0] in clusters}


def test_storage(failed):
    """The pools of one cluster cannot be made: those of the other are."""
    assert of(failed, "s1", "s2") == {"s1-a"}


def test_oobm(failed):
    assert of(failed, "o1") == {"o1-a"}


def test_host_ha(failed):
    assert of(failed, "e1") == {"e1-a"}
