# SPDX-License-Identifier: GPL-3.0-or-later
"""The pre-flight on the lab: a healthy cluster passes, a fourth host is compared with the three, each staged fault is
named, the gate holds.

One story, like test_site.py, which leaves the three hosts Up; alone it brings them there first.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.integration.lab import HOSTS, Lab
from tests.integration.playbooks import ROOT, play

pytestmark = pytest.mark.lab
NEW = "host4"
ADDRESS = "10.88.0.14"
# What a pre-flight could leave behind. libvirtd keeps a cache of its own, and sshd and sudo write their logs.
MANIFEST = (
    "find /etc /root /usr /var /opt /srv -xdev \\( -path /var/log -o -path /var/cache/libvirt -o -path /root/.ansible "
    "\\) -prune -o -type f "
    "-printf '%p %m %s %T@\\n' | sort; nft list ruleset; ip -br addr | grep -v @ | sort; ip route; ls "
    "/root/.ansible/tmp 2>/dev/null; ls /tmp"
)
KNOWN = f"nft get element inet cloudstack_kvm peers_ipv4 '{{ {ADDRESS} }}' >/dev/null 2>&1 && echo known || true"
FAULTS = yaml.safe_load((ROOT / "tests" / "fixtures" / "staged_faults.yml").read_text())


class Story:
    """The lab with three members and a prepared fourth host."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.reports = lab, folder / "reports"
        self.prepared = False  # the fourth host
        self.more = folder / "fourth.yml"
        self.more.write_text(yaml.safe_dump({"cluster1": {"hosts": {NEW: {"ansible_host": ADDRESS, "lab_number": 4}}}}))

    def play(self, playbook: str, *arguments: str):
        env = {"LAB_STATE": str(self.lab.state)}
        return play(
            playbook, self.lab.inventory, *arguments, extra={"preflight_report_dir": str(self.reports)}, env=env
        )

    def play_four(self, playbook: str, *arguments: str):
        """With the fourth host in the inventory."""
        return self.play(playbook, "-i", str(self.more), *arguments)

    def report(self) -> dict:
        return json.loads((self.reports / "preflight.json").read_text())

    def finds(self, *expected: tuple[str, str]) -> None:
        """The report has these (check, host) above info, and no others."""
        found = [each for each in self.report()["findings"] if each["severity"] != "info"]
        said = "\n".join(f"{each['id']} {each['hosts']}: {each['observed']} {each['evidence']}" for each in found)
        assert {(each["id"], host) for each in found for host in each["hosts"]} == set(expected), said


@pytest.fixture(scope="module")
def story(lab: Lab, tmp_path_factory) -> Story:
    lab.heal()
    for row in lab.api.list("listHosts", "host", type="Routing", details="min"):
        if row["ipaddress"] == ADDRESS:
            lab.api.call("deleteHost", id=row["id"], forced="true")
    lab.ctl("recreate", NEW)
    story = Story(lab, tmp_path_factory.mktemp("preflight"))
    if list(lab.host_states().values()) != ["Up"] * len(HOSTS) or "known" in lab.ssh("host1", KNOWN):
        run = story.play("site.yml")  # the members know nothing of the fourth
        assert run.code == 0, run.output[-5000:]
    return story


@pytest.fixture(scope="module")
def candidate(story: Story) -> Story:
    """With the fourth host prepared and passing: what the tests before have done, unless one of these is run without
    them."""
    if not story.prepared:
        for playbook in ("prepare_hosts.yml", "preflight.yml"):
            run = story.play_four(playbook)
            assert run.code == 0, run.output[-5000:]
    return story


def test_members_that_are_up_belong_to_their_cluster(story):
    run = story.play("preflight.yml")
    assert run.code == 0, run.output[-5000:]
    story.finds()
    assert {name: host["verdict"] for name, host in story.report()["hosts"].items() if name in HOSTS} == dict.fromkeys(
        HOSTS, "pass"
    )


def test_a_bare_candidate_may_not_join_and_nobody_else_is_blamed(story):
    run = story.play_four("preflight.yml")
    assert run.code != 0
    assert [text for text in run.failures if f"[{NEW}]" in text and "may not join" in text], run.failures
    assert {host for each in story.report()["findings"] if each["severity"] != "info" for host in each["hosts"]} == {
        NEW
    }


def test_the_gate_refuses_a_host_without_a_passing_verdict(story):
    before = story.lab.host_states()
    assert story.play_four("prepare_hosts.yml", "--limit", NEW).code == 0
    for about in ("the verdict is fail", "no report at"):
        run = story.play_four("add_hosts.yml", "--limit", NEW)
        assert run.code != 0
        [text] = run.failures
        assert "the pre-flight does not let it join" in text
        assert about in text, text
        (story.reports / "preflight.json").unlink(missing_ok=True)
    assert story.lab.host_states() == before, "a refused host stands in CloudStack"


def test_members_that_do_not_know_the_candidate_are_named(story):
    assert story.play("prepare_hosts.yml").code == 0  # with an inventory in which the fourth is not
    run = story.play_four("preflight.yml", "--limit", NEW)
    assert run.code != 0
    story.finds(("NET018", NEW))
    assert f"cloudstack.kvm.prepare_hosts with --limit {NEW}" in json.dumps(story.report())


def test_with_limit_the_members_are_read_anew_and_their_firewalls_learn_of_the_candidate(story):
    run = story.play_four("prepare_hosts.yml", "--limit", NEW)
    assert run.code == 0, run.output[-5000:]
    run = story.play_four("preflight.yml", "--limit", NEW)
    assert run.code == 0, run.output[-5000:]
    assert "host[1-3] of cluster1: not part of this run. The facts are read anew" in " ".join(run.output.split())
    story.finds()
    run = story.play_four("prepare_hosts.yml")
    assert run.code == 0, run.output[-5000:]
    assert run.changed == {}, "the members' rules are not those that the role writes without --limit"


def test_a_prepared_candidate_passes_and_nothing_was_changed_on_any_host(story):
    before = {host: story.lab.ssh(host, MANIFEST) for host in (*HOSTS, NEW)}
    run = story.play_four("preflight.yml")
    assert run.code == 0, run.output[-5000:]
    story.finds()
    assert {host: story.lab.ssh(host, MANIFEST) for host in (*HOSTS, NEW)} == before
    story.prepared = True


ROUNDS = [[row for row in FAULTS if row["round"] == number] for number in sorted({row["round"] for row in FAULTS})]


@pytest.mark.parametrize(
    "faults",
    [
        *(pytest.param(rows, id=f"round {number}") for number, rows in enumerate(ROUNDS, start=1)),
        *(pytest.param([row], id=row["fault"], marks=pytest.mark.full) for row in FAULTS),
    ],
)
def test_staged_faults_are_named_on_the_right_host(candidate, faults):
    with ExitStack() as undo:
        for fault in faults:
            undo.callback(candidate.lab.ssh, NEW, fault["undo"])
            candidate.lab.ssh(
                NEW,
                fault["stage"].replace(
                    "{machine_id_of_host3}", candidate.lab.ssh("host3", "cat /etc/machine-id").strip()
                ),
            )
        candidate.play_four("preflight.yml", "--limit", NEW)
    candidate.finds(*((check, NEW) for fault in faults for check in fault["finds"]))


def test_a_bmc_that_refuses_the_password_is_named(story):
    story.lab.fault("bmc-password", NEW)
    try:
        story.play_four("preflight.yml", "--limit", NEW)
    finally:
        story.lab.heal()
    story.finds(("BMC001", NEW))


# What a living machine changes by itself: a device that a guest brings, more kernel memory in use, another log line, a
# port of an RPC service.
CHURN = (
    "ip tuntap add dev vnet9 mode tap; ip link set vnet9 master cloudbr1 up; chronyc -a burst 1/2 >/dev/null; "
    "head -c 1000000 /dev/zero >/var/tmp/churn; systemctl restart rpcbind 2>/dev/null; true"
)


def test_with_a_fresh_verdict_the_host_joins_but_not_after_a_change_with_consequence(story):
    """One pre-flight, a join that is refused by the consequence, and one after changes that have none."""
    assert story.play_four("preflight.yml", "--limit", NEW).code == 0
    story.lab.ssh(NEW, "ip link set cloudbr1 mtu 1400")
    refused = story.play_four("add_hosts.yml", "--limit", NEW)
    story.lab.ssh(NEW, "ip link set cloudbr1 mtu 1500")
    assert refused.code != 0
    [text] = refused.failures
    for part in (
        "the pre-flight does not let it join: MTU",
        "Expected:",
        "bridges.cloudbr1.mtu was 1500, is 1400",
        "Next:",
    ):
        assert part in text, text
    assert ADDRESS not in story.lab.host_states()

    story.lab.ssh(NEW, CHURN)
    run = story.play_four("add_hosts.yml", "--limit", NEW)
    story.lab.ssh(NEW, "ip link delete vnet9; rm -f /var/tmp/churn")
    assert run.code == 0, run.output[-5000:]
    assert story.lab.host_states()[ADDRESS] == "Up"


def test_the_report_compares_with_the_one_before(story):
    run = story.play_four("preflight.yml")
    assert run.code == 0, run.output[-3000:]
    report = story.report()
    assert report["hosts"][NEW]["member"] is True
    assert report["changes"] is not None
    assert (story.reports / "preflight.html").stat().st_size > 10_000
    assert (ROOT / "docs" / "preflight.md").exists()
