# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `bridge` makes bridges of Open vSwitch with ifupdown on real links, with the real daemons: check mode, the
real run, the next one, and each step made to fail in turn, with links, files and the database compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import ifupdown_host, ovs_host
from tests.integration.test_bridge_rollback import STATIC, steps
from tests.namespaces import Namespaces
from tests.namespaces import missing as no_namespaces
from tests.ovs_host import OvsHost

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces()),
    pytest.mark.skipif(bool(ifupdown_host.missing()), reason=ifupdown_host.missing()),
]

OVS = {"type": "openvswitch"}
MANAGEMENT = {"name": "cloudbr0", "port": "eth0", "address": "10.88.0.11/24", "gateway": "10.88.0.1", **OVS}
GUEST = {"name": "cloudbr1", "port": "eth1", **OVS}
BOND = {"name": "bond0", "ports": ["eth0", "eth1"], "mode": "active-backup", **OVS}
BONDED = {"bonds": [BOND], "bridges": [{**MANAGEMENT, "port": "bond0", "trunks": [0, 200]}]}
GUEST_TAP = ("link add vnet0 type veth peer name tap0", "link set vnet0 up")


@dataclass(frozen=True)
class Case:
    """A host on which `before` is declared first, and `declared` then."""

    declared: Any
    steps: Sequence[str]
    before: Any = ()
    # What the database has then, of each port: tag, trunks, mode of bonds, LACP.
    ports: Mapping[str, Sequence[str]] = ()  # type: ignore[assignment]


FILES = ["change /etc/network/interfaces", "create /etc/network/interfaces.d/cloudstack-kvm"]
OWN = ["change /etc/network/interfaces.d/cloudstack-kvm"]
NONE = ["[]", "[]", "[]", "[]"]
CASES = {
    "bare host": Case(
        [MANAGEMENT, GUEST],
        ["take down eth0", "take down eth1", *FILES, "build cloudbr0", "build cloudbr1"],
        ports={"cloudbr0 cloudbr0": NONE, "cloudbr0 eth0": NONE, "cloudbr1 eth1": NONE},
    ),
    "a bond": Case(
        BONDED,
        ["take down eth0", "take down eth1", *FILES, "build cloudbr0"],
        ports={"cloudbr0 bond0": ["[]", "[0, 200]", "active-backup", "[]"]},
    ),
    "the NIC becomes a bond": Case(
        BONDED,
        ["take down cloudbr0", "take down eth1", *OWN, "build cloudbr0"],
        before=[MANAGEMENT],
        ports={"cloudbr0 bond0": ["[]", "[0, 200]", "active-backup", "[]"]},
    ),
    "VLANs of a port": Case(
        [MANAGEMENT, {**GUEST, "trunks": [200, 201], "tag": 200}],
        ["take down cloudbr1", *OWN, "build cloudbr1"],
        before=[MANAGEMENT, GUEST],
        ports={"cloudbr1 cloudbr1": ["200", "[]", "[]", "[]"], "cloudbr1 eth1": ["[]", "[200, 201]", "[]", "[]"]},
    ),
    "jumbo frames": Case(
        [MANAGEMENT, {**GUEST, "mtu": 9000}],
        [*OWN, "resize cloudbr1"],
        before=[MANAGEMENT, GUEST],
        ports={"cloudbr1 eth1": NONE},
    ),
    "another address": Case(
        [MANAGEMENT, {**GUEST, "address": "10.88.2.12/24"}],
        ["take down cloudbr1", *OWN, "build cloudbr1"],
        before=[MANAGEMENT, {**GUEST, "address": "10.88.2.11/24"}],
        ports={"cloudbr1 eth1": NONE},
    ),
    "declared absent": Case(
        [MANAGEMENT, {"name": "cloudbr1", "state": "absent"}],
        ["take down cloudbr1", *OWN, "remove cloudbr1"],
        before=[MANAGEMENT, GUEST],
    ),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ovs_host.make_root(tmp_path_factory.mktemp("root"))


@pytest.fixture
def host(root: Path, tmp_path: Path) -> Iterator[Callable[[], OvsHost]]:
    """Makes hosts, which vanish with the test."""
    made: list[OvsHost] = []
    with Namespaces() as spaces:

        def make() -> OvsHost:
            made.append(OvsHost(spaces, root, tmp_path / str(len(spaces.files)), STATIC))
            return made[-1]

        try:
            yield make
        finally:
            for each in made:
                each.stop()


def prepared(host: Callable[[], OvsHost], case: Case) -> OvsHost:
    """A host in the state that the case begins with."""
    one = host()
    if case.before:
        result = one.bridge(case.before)
        assert result.get("changed"), result
        (one.case / "run/commands").unlink()
        (one.case / "run/count").unlink()
    return one


@pytest.mark.parametrize("name", CASES)
def test_the_run_carries_out_what_check_mode_shows_and_the_next_has_nothing_to_do(host, name):
    case = CASES[name]
    one = prepared(host, case)
    before = one.links(), one.files(), one.switches()
    shown = one.bridge(case.declared, check=True)
    assert "diff" in shown, shown
    assert (one.links(), one.files(), one.switches()) == before
    assert steps(shown) == case.steps
    real = one.bridge(case.declared)
    assert (real.get("changed"), real.get("diff")) == (True, shown["diff"]), (real, one.log())
    assert {port: one.switches().get(port) for port in case.ports} == dict(case.ports)
    again = one.bridge(case.declared)
    assert not again["changed"], again["diff"]


BROKEN, HALF = "the command fails, and ifupdown is broken from then on", "the command does its work and fails"


@pytest.mark.parametrize("name", [name for name in CASES if name != "declared absent"])
@pytest.mark.parametrize("how", [BROKEN, HALF])
def test_whatever_step_fails_links_files_and_bridges_are_as_before(host, name, how, capsys):
    case = CASES[name]
    first = prepared(host, case)
    first.bridge(case.declared)
    rows = []
    for number, command in enumerate(first.commands(), 1):
        one = prepared(host, case)
        before = one.links(), one.files(), one.switches()
        one.set("fail", str(number))
        one.set(*({BROKEN: ("broken", "ifup ifdown"), HALF: ("after",)}[how]))
        result = one.bridge(case.declared)
        told = "put back" if "; the network was put back as it was" in result.get("msg", "") else "NOT SAID"
        if not result.get("failed"):
            told = "done"
        pairs = zip(("links", "files", "bridges"), before, (one.links(), one.files(), one.switches()))
        same = [f"{what} {'as before' if old == new else 'DIFFER'}" for what, old, new in pairs]
        rows.append(f"{number:2} {command[:58]:58} {told:9} {', '.join(same)}")
        one.stop()
    with capsys.disabled():
        print(f"\n{name}: {how}", *rows, sep="\n  ")
    good = "put back  links as before, files as before, bridges as before"
    assert [row for row in rows if not row.endswith(good) and " done " not in row] == []
    assert [row for row in rows if " put back " in row]


def test_what_somebody_made_of_a_bridge_stays(host):
    """Ports of guests, settings and other bridges: the declaration changes the rest in place."""
    one = host()
    one.make_switch("cloudbr1", "--", "set", "bridge", "cloudbr1", "other_config:hwaddr=02:00:00:00:00:77")
    one.make_switch("other")
    one.spaces.ip(one.name, GUEST_TAP)
    one.ovs("add-port", "cloudbr1", "vnet0", "--", "set", "port", "vnet0", "tag=7")
    result = one.bridge([GUEST])
    assert result.get("changed"), result
    assert one.switches()["cloudbr1 vnet0"] == ["7", "[]", "[]", "[]"]
    assert one.ovs("get", "bridge", "cloudbr1", "other_config").strip() == '{hwaddr="02:00:00:00:00:77"}'
    assert "other" in one.ovs("list-br").split()


def test_a_host_that_is_cut_off_comes_back(host):
    """The trunk does not have the VLAN in which the controller is: told before by the rules, or, where another machine
    drops it, proven afterwards."""
    one = host()
    before = one.links(), one.files(), one.switches()
    result = one.bridge([{**MANAGEMENT, "tag": 100}])
    assert "could not be reached over the new network; the network was put back as it was" in result["msg"], result
    assert (one.links(), one.files(), one.switches()) == before


def test_without_the_daemons_nothing_is_touched(host):
    one = host()
    one.stop()
    before = one.links(), one.files()
    result = one.bridge([GUEST])
    assert "Open vSwitch does not answer on this host" in result["msg"]
    assert (one.links(), one.files(), one.commands()) == (*before, [])
