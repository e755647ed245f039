# SPDX-License-Identifier: GPL-3.0-or-later
"""path_check.yml on the lab: silent where all is well; each staged fault of a wire, a port or a host's filter is named,
on the right host.

Needs the three hosts prepared (test_site.py leaves them so); alone it prepares them first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.lab import HOSTS, Lab
from tests.integration.playbooks import play

pytestmark = pytest.mark.lab
ALL = list(HOSTS)
BROKEN = "host3"
NFT = "nft add table inet staged; nft add chain inet staged input '{ type filter hook input priority -10; }'; nft add rule inet staged input iifname cloudbr2"  # noqa: E501
HEALTHY = "nft delete table inet staged"


@dataclass(frozen=True)
class Row:
    """`faults` of labctl, or a command on a node and the one that undoes it. `finds`: (check, hosts) above info;
    `culprits`: (first kind, hosts)."""

    title: str
    finds: list[tuple[str, list[str]]]
    culprits: list[tuple[str, list[str]]]
    faults: tuple[str, ...] = ()
    node: str = BROKEN
    stage: str = ""
    undo: str = ""
    says: tuple[str, ...] = ()


WIRES = {
    "management": ("eth0", "cloudbr0", 1500, 1400),
    "guest": ("eth1", "cloudbr1", 1500, 1400),
    "storage": ("eth2", "cloudbr2", 9000, 1500),
}


def _small(wire: str) -> Iterator[Row]:
    """Every place on a wire that can be too small. The guest bridges have no addresses but those that IPv6 makes by
    itself."""
    nic, bridge, usual, small = WIRES[wire]
    too_small = f"ip link set {nic} mtu {small}; ip link set {bridge} mtu {usual}"
    usual_again = f"ip link set {nic} mtu {usual}; ip link set {bridge} mtu {usual}"
    said = (f"{usual} bytes", f"{small} do")
    port = f"mtu {BROKEN} {wire} {small}"
    yield Row(f"a switch port of {wire} is too small", [("PTH001", [BROKEN])], [("mtu", [BROKEN])], (port,), says=said)
    yield Row(
        f"the host's card on {wire} is too small",
        [("MTU001", [BROKEN])],
        [("mtu", [BROKEN])],
        stage=too_small,
        undo=usual_again,
    )
    yield Row(
        f"both ends of a cable on {wire} are too small",
        [("MTU001", [BROKEN])],
        [("mtu", [BROKEN])],
        (port,),
        stage=too_small,
        undo=usual_again,
    )
    yield Row(
        f"the switch of {wire} is too small",
        [("PTH001", ALL)],
        [("mtu", ALL)],
        (f"wire-mtu {wire} {small}",),
        says=said,
    )


SMALL = tuple(row for wire in WIRES for row in _small(wire))
# `make test` runs two of these, `make test-full` all: what follows from a place and a size is shown without hosts in
# path_check/blame/test_blame.py, and on namespaces in test_path_check.py.
SHORT = (
    "a switch port of storage is too small",
    "the switch of guest is too small",
)
# Also shown by test_path_check.py.
ELSEWHERE = ("the cable is pulled",)
ROWS = (
    *SMALL,
    Row(
        "a port loses a fifth of its packets", [("NET017", [BROKEN])], [("loss", [BROKEN])], ("drop host3 storage 20",)
    ),
    Row("the cable is pulled", [("NET011", [BROKEN])], [("unplugged", [BROKEN])], ("link-down host3 storage",)),
    Row(
        "nothing passes on the way in",
        [("PTH004", [BROKEN])],
        [("one_way", [BROKEN])],
        stage=f"{NFT} drop",
        undo=HEALTHY,
        says=("on the way in",),
    ),
    Row(
        "ICMP echo is filtered",
        [("PTH007", [BROKEN])],
        [("filtered", [BROKEN])],
        stage=f"{NFT} icmp type echo-request drop",
        undo=HEALTHY,
    ),
    Row(
        "another machine has the host's address",
        [("PTH006", [BROKEN])],
        [("duplicate", [BROKEN])],
        node="mgmt1",
        stage="ip addr add 10.88.2.13/24 dev eth1",
        undo="ip addr del 10.88.2.13/24 dev eth1",
    ),
)


def _is_long(row: Row) -> bool:
    return row.title in ELSEWHERE or (row in SMALL and row.title not in SHORT)


class Check:
    """path_check.yml and its report."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.reports = lab, folder / "reports"

    def run(self):
        env = {"LAB_STATE": str(self.lab.state)}
        done = play("path_check.yml", self.lab.inventory, extra={"preflight_report_dir": str(self.reports)}, env=env)
        report = json.loads((self.reports / "path_check.json").read_text())
        found = [each for each in report["findings"] if each["severity"] != "info"]
        culprits = [(each["kinds"][0], each["hosts"]) for each in report["paths"]["culprits"]]
        return done, found, culprits


@pytest.fixture(scope="module")
def check(lab: Lab, tmp_path_factory) -> Check:
    lab.heal()
    if list(lab.host_states().values()).count("Up") < len(HOSTS):
        run = play("site.yml", lab.inventory)
        assert run.code == 0, run.output[-5000:]
    return Check(lab, tmp_path_factory.mktemp("paths"))


def test_where_all_is_well_every_pair_passes(check):
    done, found, culprits = check.run()
    assert done.code == 0, done.output[-5000:]
    assert (found, culprits) == ([], [])
    for bridge, size in (("cloudbr0", 1500), ("cloudbr1", 1500), ("cloudbr2", 9000)):
        assert f"{bridge}: 3 of 3 pairs of 3 hosts pass at {size} bytes" in done.output


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.title, marks=[pytest.mark.full] * _is_long(row)) for row in ROWS],
)
def test_a_staged_fault_is_named_and_nobody_else_is_blamed(check, row):
    for fault in row.faults:
        check.lab.fault(*fault.split())
    if row.stage:
        check.lab.ssh(row.node, row.stage)
    try:
        done, found, culprits = check.run()
    finally:
        if row.undo:
            check.lab.ssh(row.node, row.undo)
        check.lab.heal()
    said = "\n".join(f"{each['id']} {each['hosts']}: {each['observed']}\n{each['evidence']}" for each in found)
    assert [(each["id"], each["hosts"]) for each in found] == row.finds, said
    assert culprits == row.culprits, said
    assert bool(done.code) == any(each["stops"] for each in found)
    for part in row.says:
        assert part in said
