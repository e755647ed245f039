# SPDX-License-Identifier: GPL-3.0-or-later
"""Bookkeeping of staged faults: what is written down, healed, kept, put back at a boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.control import faults, topology
from lab.control.faults import Fault, Lab
from lab.control.state import ROOT, State
from lab.control.topology import LabError


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose faults only write down what they would do."""
    monkeypatch.setattr("lab.control.locks.FOLDER", tmp_path)
    return Lab(topology.load(ROOT / "lab" / "topology.yml"), State(tmp_path / "state"))


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was staged and repaired, in order."""
    log: list[str] = []

    def fault(name: str, cable: bool = False, fails: tuple[str, ...] = ()) -> Fault:
        def act(verb: str):
            def write(lab: Lab, given: dict) -> None:
                log.append(f"{verb} {name} {given.get('node', '-')}")
                if verb in fails:
                    raise LabError(f"{verb} does not work")

            return write

        return Fault(name, "", (), act("stage"), act("repair"), cable)

    table = [
        fault("plain"),
        fault("cut", cable=True),
        fault("unstageable", fails=("stage",)),
        fault("stuck", fails=("repair",)),
    ]
    monkeypatch.setattr(faults, "FAULTS", {one.name: one for one in table})
    return log


def test_the_last_fault_is_healed_first(lab: Lab, done: list[str]) -> None:
    faults.stage(lab, "plain", {"node": "host1"})
    faults.stage(lab, "cut", {"node": "host2"})
    assert faults.staged(lab) == ["plain host1", "cut host2"]
    assert faults.heal(lab) == (["cut host2", "plain host1"], [])
    assert done == ["stage plain host1", "stage cut host2", "repair cut host2", "repair plain host1"]
    assert faults.staged(lab) == []
    assert faults.heal(lab) == ([], [])


def test_faults_of_one_name_are_healed_alone(lab: Lab, done: list[str]) -> None:
    for name, node in (("plain", "host1"), ("cut", "host2"), ("plain", "host3")):
        faults.stage(lab, name, {"node": node})
    assert faults.heal(lab, "plain") == (["plain host3", "plain host1"], [])
    assert faults.staged(lab) == ["cut host2"]


def test_a_fault_that_cannot_be_staged_is_undone_and_forgotten(lab: Lab, done: list[str]) -> None:
    faults.stage(lab, "plain", {"node": "host1"})
    with pytest.raises(LabError, match="stage does not work"):
        faults.stage(lab, "unstageable", {"node": "host2"})
    assert done[-1] == "repair unstageable host2"
    assert faults.staged(lab) == ["plain host1"]


def test_a_repair_that_fails_hinders_no_other_and_stays_written_down(lab: Lab, done: list[str]) -> None:
    for name in ("plain", "stuck", "cut"):
        faults.stage(lab, name, {"node": "host1"})
    assert faults.heal(lab) == (["cut host1", "plain host1"], ["stuck host1: repair does not work"])
    assert faults.staged(lab) == ["stuck host1"]


def test_a_boot_puts_back_the_faults_of_that_nodes_cables_only(lab: Lab, done: list[str]) -> None:
    for name, given in [
        ("plain", {"node": "host1"}),
        ("cut", {"node": "host1"}),
        ("cut", {"node": "host2"}),
        ("cut", {"wire": "storage"}),
    ]:
        faults.stage(lab, name, given)
    done.clear()
    faults.reapply(lab, lab.topology.node("host1"))
    assert done == ["stage cut host1", "stage cut -"]


def test_an_unknown_fault_is_answered_with_the_known_ones(lab: Lab, done: list[str]) -> None:
    with pytest.raises(LabError, match="fire is not a fault; there are plain, cut, unstageable, stuck"):
        faults.stage(lab, "fire", {})


def test_every_fault_of_the_issue_can_be_staged() -> None:
    wanted = {"mtu", "wire-mtu", "drop", "link-down", "ntp", "agent-stop", "api", "bmc-password"}
    assert wanted <= set(faults.FAULTS)
    kinds = dict(faults.FAULTS["api"].arguments)["kind"]["choices"]
    assert set(kinds) == {"530", "401", "timeout", "lose-job"}
    assert all(fault.help for fault in faults.FAULTS.values())


@pytest.mark.parametrize(
    ("percent", "direction", "rules"),
    [
        (20, "from", ["ingress numgen random mod 100 < 20 drop"]),
        (100, "to", ["egress drop"]),  # nft refuses "< 100" of numbers below 100
        (1, "both", ["ingress numgen random mod 100 < 1 drop", "egress numgen random mod 100 < 1 drop"]),
    ],
)
def test_packets_are_dropped_at_the_nodes_port(percent: int, direction: str, rules: list[str]) -> None:
    text = faults.drop_rules("host1-eth2", percent, direction)
    assert text.startswith("table netdev drop_host1_eth2 {")
    chains = [line.split(" hook ")[1] for line in text.splitlines() if "hook" in line]
    assert [chain.replace(' device "host1-eth2" priority 0;', "").rstrip("; }") for chain in chains] == rules
