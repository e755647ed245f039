# SPDX-License-Identifier: GPL-3.0-or-later
"""How each failure is begun and undone, as commands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.failure import FailureState
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.plan.failure import (
    CRASH,
    FREEZE,
    obstacle,
    plan_begin,
    plan_undo,
    remark,
)

HOST = FailureState(is_agent_active=True, management="cloudbr0", pools={"10.88.2.254": "eth2"}, boot_id="boot1")
CUT = replace(HOST, has_table=True, has_timer=True)
KILLED = replace(HOST, is_masked=True, is_agent_active=False, has_timer=True)


def argvs(plan):
    return [" ".join(change.data["argv"]) for change in plan if "argv" in change.data]


def text(plan):
    """The rules."""
    return "".join(change.data["text"] for change in plan if change.data.get("file", "").endswith(".nft"))


@pytest.mark.parametrize("failure", ["management_cut", "storage_cut", "agent_kill"])
def test_what_can_be_undone_on_the_host_is_undone_there_by_a_timer_that_is_set_first(failure):
    script, timer, *_failure = plan_begin(failure, HOST, 900)
    lines = ("nft delete table inet cloudstack_kvm_ha_drill", "systemctl unmask --runtime cloudstack-agent.service")
    assert script.data["text"].splitlines()[:2] == list(lines)
    assert "systemctl start cloudstack-agent.service" in script.data["text"]
    argv = " ".join(timer.data["argv"])
    assert argv.startswith("systemd-run --quiet --collect --unit cloudstack-kvm-ha-drill-heal --on-active 900")
    assert argv.endswith(f"sh {script.data['file']}")


@pytest.mark.parametrize("failure", ["management_cut", "storage_cut", "agent_kill", "kernel_hang"])
def test_no_words_of_a_transient_unit_need_escaping(failure):
    """Seen: systemd reads them again at its next reload, and gets a ; wrong."""
    for state in (HOST, replace(HOST, in_container=True, can_freeze=True)):
        units = [line for line in argvs(plan_begin(failure, state, 900)) if line.startswith("systemd-run")]
        assert units and not [line for line in units if set(line) & set(";$%\\\"'")]


def test_the_management_network_is_cut_after_the_answer_is_out():
    plan = plan_begin("management_cut", HOST, 900)
    assert 'iifname "cloudbr0" drop' in text(plan) and 'oifname "cloudbr0" drop' in text(plan)
    last = argvs(plan)[-1]
    assert "--on-active 2 " in last and last.endswith("nft -f /run/cloudstack-kvm-ha-drill.nft")


def test_the_storage_cut_drops_nfs_alone():
    state = replace(HOST, pools={"10.88.2.254": "eth2", "2001:db8::5": "eth2"})
    rules = text(plan_begin("storage_cut", state, 900))
    assert "ip daddr 10.88.2.254 tcp dport 2049 drop" in rules
    assert "ip6 saddr 2001:db8::5 udp sport 2049 drop" in rules
    assert rules.count("drop") == 8


def test_systemd_does_not_start_the_killed_agent_again():
    assert argvs(plan_begin("agent_kill", HOST, 900))[1:] == [
        "systemctl mask --runtime cloudstack-agent.service",
        "systemctl kill --signal=SIGKILL cloudstack-agent.service",
    ]


def test_nothing_boots_a_hung_kernel_again():
    plan = argvs(plan_begin("kernel_hang", HOST, 900))
    assert plan[0] == "sysctl -w kernel.panic=0"
    assert plan[-1].endswith(CRASH) and "--on-active 2 " in plan[-1]
    assert "kexec -p -u" not in plan
    assert "kexec -p -u" in argvs(plan_begin("kernel_hang", replace(HOST, has_crash_kernel=True), 900))


def test_in_a_container_the_kernel_is_left_alone():
    """It is that of the machine, which would be the one to stop."""
    state = replace(HOST, in_container=True, can_freeze=True, has_crash_kernel=True)
    [only] = argvs(plan_begin("kernel_hang", state, 900))
    assert only.endswith(FREEZE)
    assert "sysrq" not in only


@pytest.mark.parametrize(
    ("failure", "state", "words"),
    [
        ("management_cut", replace(HOST, missing=("nft",)), "nft is not installed"),
        ("storage_cut", replace(HOST, missing=("nft", "systemd-run")), "systemd-run and nft are not installed"),
        ("management_cut", replace(HOST, management=""), "no device of the host has its management address"),
        ("storage_cut", replace(HOST, pools={}), "no NFS pool mounted"),
        ("agent_kill", replace(HOST, is_agent_active=False), "does not run on the host"),
        ("kernel_hang", replace(HOST, in_container=True), "processes cannot be frozen"),
        ("kernel_hang", replace(HOST, has_crash_kernel=True, missing=("kexec",)), "kexec is not installed"),
    ],
)
def test_a_failure_that_cannot_be_begun_is_refused(failure, state, words):
    assert words in obstacle(failure, state)
    with pytest.raises(InputError, match=words):
        plan_begin(failure, state, 900)


@pytest.mark.parametrize("failure", ["power_off", "kernel_hang", "management_cut", "storage_cut", "agent_kill"])
def test_nothing_is_in_the_way_on_a_usual_host(failure):
    assert obstacle(failure, HOST) == ""
    assert remark(failure, HOST) == ""


def test_power_is_switched_from_outside_whatever_the_host_lacks():
    assert obstacle("power_off", FailureState(missing=("systemd-run", "nft"))) == ""


@pytest.mark.parametrize(
    ("failure", "state", "words"),
    [
        ("kernel_hang", replace(HOST, has_watchdog=True), "a watchdog of the host is active"),
        ("kernel_hang", replace(HOST, has_crash_kernel=True), "unloaded until the next boot"),
        ("kernel_hang", replace(HOST, in_container=True, can_freeze=True), "is a container"),
        ("management_cut", replace(HOST, pools={"192.0.2.1": "cloudbr0"}), "share the device cloudbr0"),
    ],
)
def test_what_to_know_before(failure, state, words):
    assert words in remark(failure, state)


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        (HOST, []),
        (FailureState(), []),
        (CUT, ["nft delete table inet cloudstack_kvm_ha_drill", "systemctl stop cloudstack-kvm-ha-drill-heal.timer"]),
        (
            KILLED,
            [
                "systemctl unmask --runtime cloudstack-agent.service",
                "systemctl start cloudstack-agent.service",
                "systemctl stop cloudstack-kvm-ha-drill-heal.timer",
            ],
        ),
        (
            replace(KILLED, is_masked=False),
            ["systemctl start cloudstack-agent.service", "systemctl stop cloudstack-kvm-ha-drill-heal.timer"],
        ),
    ],
)
def test_all_that_is_left_is_undone_and_nothing_else(state, commands):
    assert argvs(plan_undo(state)) == commands
