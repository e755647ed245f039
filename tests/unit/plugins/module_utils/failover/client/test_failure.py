# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of a host at itself, and commands that fail."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.failure import apply, fetch
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.failure import FailureState
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.failure import plan_begin
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files

ADDRESS = '[{"ifname":"cloudbr0","addr_info":[{"local":"192.0.2.11"}]}]'
ROUTE = '[{"dst":"192.0.2.60","dev":"cloudbr2"}]'
PEERS = "0 0 192.0.2.11:871 192.0.2.60:2049\n"


def told(**answers):
    """Plays commands by their first words; what is not told fails."""

    def run(argv):
        line = " ".join(argv)
        found = [text for words, text in answers.items() if line.startswith(words.replace("_", " "))]
        return Answer(tuple(argv), 0, found[0]) if found else Answer(tuple(argv), 1, stderr="no")

    return run


USUAL = {
    "systemctl_show": "LoadState=loaded\nActiveState=active\n",
    "ip_-j_address": ADDRESS,
    "ip_-j_route": ROUTE,
    "ss": PEERS,
    "systemd-detect-virt": "none\n",
}


def test_a_host():
    state = fetch("192.0.2.11", told(**USUAL))
    assert (state.management, state.pools["192.0.2.60"]) == ("cloudbr0", "cloudbr2")
    assert (state.is_agent_active, state.is_masked, state.has_table, state.has_timer) == (True, False, False, False)
    assert len(state.boot_id) == 36


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"systemctl_show": "LoadState=masked\nActiveState=inactive\n"}, "is_masked"),
        ({"nft_list_table": "table inet x {}"}, "has_table"),
        ({"systemctl_is-active": ""}, "has_timer"),
        ({"systemd-detect-virt": "podman\n"}, "in_container"),
    ],
)
def test_what_a_failure_has_left(answers, field):
    assert getattr(fetch("192.0.2.11", told(**{**USUAL, **answers})), field) is True


def test_a_host_that_cannot_tell_whether_it_is_a_container_passes_for_one():
    """Its kernel may be that of others."""
    usual = {name: text for name, text in USUAL.items() if name != "systemd-detect-virt"}
    assert fetch("192.0.2.11", told(**usual)).in_container is True


def test_a_command_that_fails_ends_the_plan(monkeypatch):
    state = FailureState(is_agent_active=True)
    monkeypatch.setattr(files, "write", lambda *given: None)
    with pytest.raises(CommandError, match="a command of the drill failed.*systemd-run"):
        apply(plan_begin("agent_kill", state, 900), told())


@pytest.mark.skipif(shutil.which("nft") is None or os.geteuid() != 0, reason="needs nft, and to be root")
@pytest.mark.parametrize("failure", ["management_cut", "storage_cut"])
def test_nft_takes_the_rules(failure, tmp_path):
    state = FailureState(management="cloudbr0", pools={"192.0.2.60": "eth2", "2001:db8::5": "eth2"})
    texts = [change.data["text"] for change in plan_begin(failure, state, 900) if "text" in change.data]
    [rules] = [text for text in texts if text.startswith("table")]
    (tmp_path / "rules").write_text(rules)
    done = subprocess.run(["nft", "-c", "-f", str(tmp_path / "rules")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
