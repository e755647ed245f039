# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports for tests and benchmarks: assessments written by hand over the hosts of tests/cluster_profiles.py, so that no
check decides what a page shows.

Only titles are the checks' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.assess import Assessment, Verdict
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.path_result import AssessedCluster
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    BLOCKER,
    ERROR,
    FAILED,
    INFO,
    SEVERITIES,
    UNDECIDED,
    UNKNOWN,
    WARNING,
    Finding,
    Waiver,
)
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.report_json import Made, document

from tests.cluster_profiles import World, healthy

VERSIONS = {"cloudstack.kvm": "0.1.0", "ansible-core": "2.19.2", "python": "3.11.2"}
MADE = Made("2026-11-25T10:00:00+00:00", "alice on control1", "5ad2b2c8-3c3d-5f5c-9a8d-5d9a6d1f7f10", VERSIONS)
WAIVER = Waiver("CPU005", ("host2",), "firmware update is in change 4711", "bob", "2026-12-31")


def finding(check: str, hosts: Sequence[str], **parts: Any) -> Finding:
    """A finding with something in every part."""
    given = {
        "title": CHECKS[check].title,
        "severity": ERROR,
        "kind": FAILED,
        "others": (),
        "expected": "what should be",
        "observed": "what is",
    }
    rest = {"evidence": "", "reproduce": "ip -br link", "fix": "do this", "prevents": ("F17",), "waiver": None}
    return Finding(check, hosts=tuple(hosts), **{**given, **rest, **parts})


def assessment(world: World, findings: Sequence[Finding]) -> Assessment:
    """The findings with the verdicts that follow from them."""
    ordered = tuple(
        sorted(
            findings, key=lambda each: (each.waiver is not None, SEVERITIES.index(each.severity), each.id, each.hosts)
        )
    )
    verdicts = []
    for host in world.profiles():
        because = tuple(dict.fromkeys(each.id for each in ordered if each.stops and host.name in each.hosts))
        verdicts.append(Verdict(host.name, host.member, not because, because))
    return Assessment(ordered, tuple(verdicts), AssessedCluster.of(world.profiles(), world.intent(), world.rules()))


def report(
    world: World,
    findings: Sequence[Finding],
    waivers: Sequence[Waiver] = (),
    previous: dict[str, Any] | None = None,
    made: Made = MADE,
) -> dict[str, Any]:
    """The document of an assessment."""
    return document(
        assessment(world, findings), world.profiles(), world.intent(), world.rules(), waivers, made, previous
    )


def four_hosts() -> tuple[World, list[Finding]]:
    """Three members and a candidate on which much is wrong."""
    edits = {
        "host4": {
            "facts.bridges[cloudbr1]": None,
            "facts.interfaces[cloudbr1]": None,
            "facts.interfaces[eth1].master": None,
            "facts.interfaces[eth1].carrier": False,
            "facts.interfaces[eth2].mtu": 1500,
            "facts.cpu.model": "AMD EPYC 7302P",
            "facts.os.kernel": "6.1.0-25-amd64",
            "facts.packages.chrony": None,
        },
        "host2": {"facts.cpu.microcode": "0x1000064"},
    }
    members = ("host1", "host2", "host3")
    return healthy().edit(edits), [
        finding(
            "NET001",
            ["host4"],
            expected="a bridge cloudbr1, label of Public and Guest in zone1",
            observed="no cloudbr1; bridges: cloudbr0, cloudbr2",
            fix="add cloudbr1 to network_bridge_config of host4 and run ansible-playbook cloudstack.kvm.prepare_hosts "
            "--limit host4",
            reproduce="ip -br link show type bridge",
            prevents=("F17", "F14"),
        ),
        finding(
            "MTU001",
            ["host4"],
            expected="eth2 with MTU 9000 or more, as cloudbr2 has",
            observed="eth2 has MTU 1500",
            evidence="cloudbr2 mtu 9000 <- eth2 mtu 1500",
            fix="raise the MTU of eth2 in network_bridge_config (mtu: 9000) and run ansible-playbook "
            "cloudstack.kvm.prepare_hosts",
            reproduce="ip -d link show eth2",
            prevents=("F21",),
        ),
        finding(
            "TIM001",
            ["host4"],
            severity=BLOCKER,
            expected="an offset below 1.0 s to every host",
            observed="86400.2 s ahead of host1, host2 and host3",
            others=members,
            fix="install chrony (role time_sync), let it step the clock: chronyc makestep",
            reproduce="chronyc tracking; date -u",
            prevents=("F45", "F66"),
        ),
        finding(
            "CPU004",
            ["host4"],
            severity=WARNING,
            observed="EPYC 7302P: lacks vaes, vpclmulqdq",
            prevents=("F35",),
        ),
        finding(
            "BMC002",
            ["host4"],
            severity=WARNING,
            kind=UNKNOWN,
            observed="unknown: /dev/ipmi0 is not there",
            prevents=("F49",),
        ),
        finding(
            "SYS002",
            ["host4"],
            severity=WARNING,
            expected="6.1.0-28-amd64 (as on 3 of 4 hosts)",
            observed="6.1.0-25-amd64",
        ),
        finding(
            "MEM002",
            ["host1", "host2", "host3", "host4"],
            severity=WARNING,
            kind=UNDECIDED,
            observed="256 GiB on host1, host2; 512 GiB on host3, host4",
        ),
        finding(
            "CLD004",
            list(members),
            severity=INFO,
            prevents=("F10",),
            observed="add.host.on.service.restart.kvm is true",
        ),
        finding("CPU005", ["host2"], severity=WARNING, observed="0x1000064", waiver=WAIVER, prevents=("F35",)),
    ]


def hundred_hosts() -> tuple[World, list[Finding]]:
    """Ninety members and ten candidates, three of them bad in three ways, some members with small things."""
    names = [f"host{number}" for number in range(1, 101)]
    edits = {name: {"facts.interfaces[eth1].carrier": False} for name in names[97:]}
    edits.update({name: {"facts.os.kernel": "6.1.0-25-amd64"} for name in names[10:30]})
    findings = four_hosts()[1]
    found = [finding("NET011", names[97:], observed="eth1 of cloudbr1 has no link", prevents=("F14",))]
    found += [finding("SYS002", names[10:30], severity=WARNING, observed="6.1.0-25-amd64")]
    found += [
        finding("TIM001", [name], observed=f"{index + 2}.4 s behind host1", others=names[:9])
        for index, name in enumerate(names[90:94])
    ]
    found += [finding("AGT010", [names[4]], observed="expires 2026-12-01", prevents=("F29",))]
    found += [finding("BMC002", names, severity=WARNING, kind=UNKNOWN, observed="unknown: ipmitool is missing")]
    return healthy(90, 10).edit(edits), [*found, *[each for each in findings if each.id in ("MEM002", "CPU005")]]


def three_hundred_hosts() -> tuple[World, list[Finding]]:
    """As hundred_hosts, with 270 members and 30 candidates; the last three are bad."""
    names = [f"host{number}" for number in range(1, 301)]
    edits = {name: {"facts.interfaces[eth1].carrier": False} for name in names[297:]}
    edits.update({name: {"facts.os.kernel": "6.1.0-25-amd64"} for name in names[10:30]})
    found = [finding("NET011", names[297:], observed="eth1 of cloudbr1 has no link", prevents=("F14",))]
    found += [finding("SYS002", names[10:30], severity=WARNING, observed="6.1.0-25-amd64")]
    found += [finding("MEM001", [name], severity=WARNING, observed=f"{name} has 12 GiB") for name in names[40:60]]
    found += [finding("BMC002", names[:297], severity=WARNING, kind=UNKNOWN, observed="unknown: ipmitool is missing")]
    return healthy(270, 30).edit(edits), [
        *found,
        *[each for each in four_hosts()[1] if each.id in ("MEM002", "CPU005")],
    ]
