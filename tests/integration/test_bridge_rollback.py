# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `bridge` with the real ifupdown on real links: each step made to fail in turn, links and files compared before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import ifupdown_host
from tests.ifupdown_host import IfupdownHost
from tests.namespaces import Namespaces
from tests.namespaces import missing as no_namespaces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces()),
    pytest.mark.skipif(bool(ifupdown_host.missing()), reason=ifupdown_host.missing()),
]

LOOPBACK = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"
STATIC = f"{LOOPBACK}\n# the card\n\n\n\nauto eth0\niface eth0 inet static\n    address 10.88.0.11/24\n    gateway 10.88.0.1\n"
# What no stanza knows: the rest of a lease, addresses and routes by hand, IPv6.
BY_HAND = [
    "address change 10.88.0.11/24 dev eth0 valid_lft 3600 preferred_lft 1800",
    "address add 10.88.0.77/24 dev eth0",
    "address add 10.99.0.7/32 dev eth0 label eth0:7",
    "address add 2001:db8::11/64 dev eth0",
    "route add 198.51.100.0/24 via 10.88.0.2 dev eth0 metric 50",
    "route add 203.0.113.0/24 via 10.88.0.2 dev eth0 table 77",
    "route add 2001:db8:9::/48 via 2001:db8::1 dev eth0",
]
MANAGEMENT = {"name": "cloudbr0", "port": "eth0", "address": "10.88.0.11/24", "gateway": "10.88.0.1"}
GUEST = {"name": "cloudbr1", "port": "eth1"}
STORAGE = {**GUEST, "address": "10.88.2.11/255.255.255.0"}
GUEST_TAP = ["link add vnet0 type veth peer name tap0", "link set vnet0 master cloudbr1 up"]


@dataclass(frozen=True)
class Case:
    """A host on which `before` is built, and what is declared then."""

    declared: Sequence[Mapping[str, Any]]
    steps: Sequence[str]
    before: Sequence[Mapping[str, Any]] = ()
    setup: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    interfaces: str = STATIC


FILES = ["change /etc/network/interfaces", "create /etc/network/interfaces.d/cloudstack-kvm"]
OWN = ["change /etc/network/interfaces.d/cloudstack-kvm"]
CASES = {
    "bare host": Case([MANAGEMENT, GUEST], ["take down eth0", "take down eth1", *FILES, "build cloudbr0", "build cloudbr1"]),
    "addresses that no stanza knows": Case(
        [{**MANAGEMENT, "mtu": 9000}], ["take down eth0", *FILES, "build cloudbr0"], setup=BY_HAND, interfaces=STATIC
    ),
    "no stanza at all": Case(
        [MANAGEMENT],
        ["take down eth0", FILES[1], "build cloudbr0"],
        setup=["address add 10.88.0.11/24 dev eth0", "link set eth0 up", *BY_HAND],
        interfaces=LOOPBACK,
    ),
    "MTU alone": Case([MANAGEMENT, {**GUEST, "mtu": 9000}], [*OWN, "resize cloudbr1"], before=[MANAGEMENT, GUEST]),
    "gateway alone": Case([{**MANAGEMENT, "gateway": "10.88.0.2"}], [*OWN, "route cloudbr0"], before=[MANAGEMENT]),
    "gateway taken away": Case([{**MANAGEMENT, "gateway": ""}], ["route cloudbr0", *OWN], before=[MANAGEMENT]),
    "address taken away": Case([MANAGEMENT, GUEST], ["remove address cloudbr1", *OWN], before=[MANAGEMENT, STORAGE]),
    "another address under a guest": Case(
        [MANAGEMENT, {**GUEST, "address": "10.88.2.12/24"}],
        ["take down cloudbr1", "take down eth1", *OWN, "build cloudbr1"],
        before=[MANAGEMENT, STORAGE],
        setup=GUEST_TAP,
        options={"allow_guest_disruption": True},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ifupdown_host.make_root(tmp_path_factory.mktemp("root"))


@pytest.fixture
def host(root: Path, tmp_path: Path) -> Iterator[Callable[..., IfupdownHost]]:
    """Makes hosts, which vanish with the test."""
    with Namespaces() as spaces:
        yield lambda *args, **options: IfupdownHost(spaces, root, tmp_path / str(len(spaces.files)), *args, **options)


def made(host: Callable[..., IfupdownHost], case: Case) -> IfupdownHost:
    """A host in the state that the case begins with."""
    new = host(case.interfaces)
    if case.before:
        assert new.bridge(case.before)["changed"]
    new.spaces.ip(new.name, case.setup or ["link show dev lo"])
    for name in ("count", "commands"):
        (new.case / "run" / name).unlink(missing_ok=True)
    return new


def steps(result: Mapping[str, Any]) -> list[str]:
    shown = [each["after_header"].rstrip(")").split(" (") for each in result["diff"]]
    return [f"{action} {target}" for target, action in shown]


@pytest.mark.parametrize("name", CASES)
def test_the_run_carries_out_what_check_mode_shows_and_the_next_has_nothing_to_do(host, name):
    case = CASES[name]
    one = made(host, case)
    before, files = one.links(), one.files()
    shown = one.bridge(case.declared, check=True, **case.options)
    assert steps(shown) == case.steps
    assert (one.links(), one.files()) == (before, files)
    real = one.bridge(case.declared, **case.options)
    assert (real["changed"], real["diff"]) == (True, shown["diff"])
    again = one.bridge(case.declared, **case.options)
    assert not again["changed"], again["diff"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("how", ["the command does nothing", "the command does its work", "ifupdown is broken from then on"])
def test_whatever_step_fails_links_and_files_are_as_before(host, name, how, capsys):
    case = CASES[name]
    whole = made(host, case)
    assert whole.bridge(case.declared, **case.options)["changed"]
    rows = []
    for number, command in enumerate(whole.commands(), 1):
        one = made(host, case)
        before, files = one.links(), one.files()
        _stage(one, number, how)
        result = one.bridge(case.declared, **case.options)
        same = (one.links() == before, one.files() == files)
        rows.append(f"{number:2} {command:58} {_told(result):9} links {_word(same[0])}, files {_word(same[1])}")
    with capsys.disabled():
        print(f"\n{name}: {how}", *rows, sep="\n  ")
    assert rows
    assert [row for row in rows if "DIFFER" in row or "NOT" in row] == []
    assert [row for row in rows if "put back" in row]


def _stage(host: IfupdownHost, number: int, how: str) -> None:
    host.set("fail", str(number))
    if how == "the command does its work":
        host.set("after")
    if how == "ifupdown is broken from then on":
        host.set("broken", "ifup ifdown")


def _told(result: Mapping[str, Any]) -> str:
    """A run that goes on to its end in spite of a failed ifdown is fine where all is as declared then."""
    if not result.get("failed"):
        return "done"
    return "put back" if "the network was put back as it was" in result["msg"] else "NOT SAID"


def _word(same: bool) -> str:
    return "as before" if same else "DIFFER"
