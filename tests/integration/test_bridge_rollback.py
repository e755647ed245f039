# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `bridge` with the real ifupdown on real links: each step made to fail in turn, links and files compared
before and after."""

from __future__ import annotations

import time
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
CARD = "auto eth0\niface eth0 inet static\n    address 10.88.0.11/24\n    gateway 10.88.0.1\n"
STATIC = f"{LOOPBACK}\n# the card\n\n\n\n{CARD}"
# What no stanza knows: the rest of a lease, addresses and routes by hand, IPv6.
BY_HAND = [
    "address change 10.88.0.11/24 dev eth0 valid_lft 3600 preferred_lft 1800",
    "address add 10.88.0.77/24 dev eth0",
    "address add 10.99.0.7/32 dev eth0 label eth0:7",
    "address add 2001:db8::11/64 dev eth0 nodad",
    "route add 198.51.100.0/24 via 10.88.0.2 dev eth0 metric 50",
    "route add 203.0.113.0/24 via 10.88.0.2 dev eth0 table 77",
    "route add 2001:db8:9::/48 via 2001:db8::1 dev eth0",
]
MANAGEMENT = {"name": "cloudbr0", "port": "eth0", "address": "10.88.0.11/24", "gateway": "10.88.0.1"}
GUEST = {"name": "cloudbr1", "port": "eth1"}
QUERIER = {**GUEST, "multicast_querier": True}
STORAGE = {**GUEST, "address": "10.88.2.11/255.255.255.0"}
GONE = {"name": "cloudbr1", "state": "absent"}
ROUTED = {
    **MANAGEMENT,
    "ipv6_addresses": ["2001:db8::11/64"],
    "routes": [{"to": "198.51.100.0/24", "via": "10.88.0.2", "table": 100}],
    "rules": [{"source": "10.88.0.0/24", "table": 100, "priority": 1000}],
}
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
    "bare host": Case(
        [MANAGEMENT, GUEST], ["take down eth0", "take down eth1", *FILES, "build cloudbr0", "build cloudbr1"]
    ),
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
        ["take down cloudbr1", "take down eth1", *OWN, "build cloudbr1", "attach vnet0"],
        before=[MANAGEMENT, STORAGE],
        setup=GUEST_TAP,
        options={"allow_guest_disruption": True},
    ),
    "a multicast querier under a guest": Case(
        [MANAGEMENT, QUERIER], [*OWN, "set querier cloudbr1"], before=[MANAGEMENT, GUEST], setup=GUEST_TAP
    ),
    "a multicast querier no more": Case(
        [MANAGEMENT, GUEST], ["set querier cloudbr1", *OWN], before=[MANAGEMENT, QUERIER], setup=GUEST_TAP
    ),
    "declared absent": Case(
        [MANAGEMENT, GONE], ["take down cloudbr1", *OWN, "remove cloudbr1"], before=[MANAGEMENT, GUEST]
    ),
    "IPv6 and a policy route": Case(
        [ROUTED], ["take down cloudbr0", "take down eth0", *OWN, "build cloudbr0"], before=[MANAGEMENT]
    ),
}  # fmt: skip
LONG = ("declared absent", "IPv6 and a policy route", "a multicast querier no more")
FINISHED = ("declared absent",)  # without ifdown too: `ip` removes what is still there
NAMES = [pytest.param(name, marks=pytest.mark.full if name in LONG else ()) for name in CASES]


@dataclass(frozen=True)
class Whole:
    """A case without a fault: check mode and the real run, the run after that, and the commands that the real run
    called."""

    before: tuple[Any, ...]  # links and files
    after_check: tuple[Any, ...]
    shown: Mapping[str, Any]
    real: Mapping[str, Any]
    again: Mapping[str, Any]
    commands: Sequence[str]


WHOLE: dict[str, Whole] = {}
BUILT: dict[str, Mapping[str, bytes]] = {}  # case -> the files of /etc/network that it begins with


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ifupdown_host.make_root(tmp_path_factory.mktemp("root"))


@pytest.fixture
def host(root: Path, tmp_path: Path) -> Iterator[Callable[..., IfupdownHost]]:
    """Makes hosts, which vanish with the test."""
    with Namespaces() as spaces:
        yield lambda *args, **options: IfupdownHost(spaces, root, tmp_path / str(len(spaces.files)), *args, **options)


def made(host: Callable[..., IfupdownHost], name: str) -> IfupdownHost:
    """A host in the state that the case begins with: the module has written its files, ifup brings it up."""
    case = CASES[name]
    if case.before and name not in BUILT:
        first = host(case.interfaces)
        assert first.bridge(case.before)["changed"]
        BUILT[name] = first.files()
    new = host(case.interfaces, BUILT.get(name, {}))
    new.spaces.ip(new.name, case.setup or ["link show dev lo"])
    new.wait_for_local_routes()
    return new


def whole(host: Callable[..., IfupdownHost], name: str) -> Whole:
    if name not in WHOLE:
        case, one = CASES[name], made(host, name)
        before = one.links(), one.files()
        shown = one.bridge(case.declared, check=True, **case.options)
        after = one.links(), one.files()
        real = one.bridge(case.declared, **case.options)
        commands = one.commands()
        WHOLE[name] = Whole(before, after, shown, real, one.bridge(case.declared, **case.options), commands)
    return WHOLE[name]


def steps(result: Mapping[str, Any]) -> list[str]:
    shown = [each["after_header"].rstrip(")").split(" (") for each in result["diff"]]
    return [f"{action} {target}" for target, action in shown]


@pytest.mark.parametrize("name", NAMES)
def test_the_run_carries_out_what_check_mode_shows_and_the_next_has_nothing_to_do(host, name):
    run = whole(host, name)
    assert steps(run.shown) == CASES[name].steps
    assert run.after_check == run.before
    assert (run.real["changed"], run.real["diff"]) == (True, run.shown["diff"])
    assert not run.again["changed"], run.again["diff"]


NOTHING, HALF, BROKEN = "the command does nothing", "the command does its work", "ifupdown is broken from then on"


@pytest.mark.parametrize("name", [name for name in NAMES if name.values[0] not in FINISHED])
@pytest.mark.parametrize("how", [BROKEN, *(pytest.param(how, marks=pytest.mark.full) for how in (NOTHING, HALF))])
def test_whatever_step_fails_links_and_files_are_as_before(host, name, how, capsys):
    case = CASES[name]
    rows = []
    for number, command in enumerate(whole(host, name).commands, 1):
        one = made(host, name)
        before, files = one.links(), one.files()
        one.set("fail", str(number))
        one.set(*{BROKEN: ("broken", "ifup ifdown"), HALF: ("after",), NOTHING: ("count", "0")}[how])
        result = one.bridge(case.declared, **case.options)
        now = settled(one, before)
        same = f"links {_word(now == before)}, files {_word(one.files() == files)}"
        if now != before:
            same += f": expected {before}, observed {now}"
        rows.append(f"{number:2} {command:58} {_told(result):9} {same}")
    with capsys.disabled():
        print(f"\n{name}: {how}", *rows, sep="\n  ")
    assert [
        row for row in rows if not row.endswith("put back  links as before, files as before") and " done " not in row
    ] == []
    assert [row for row in rows if " put back " in row]


def settled(host, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """The links, once they are as before: the kernel notices a carrier, and makes routes, some time after the change.
    What is another after ten seconds stays so."""
    deadline = time.monotonic() + 10
    while (now := host.links()) != before and time.monotonic() < deadline:
        pass
    return now


def _told(result: Mapping[str, Any]) -> str:
    """A run that goes on to its end in spite of a failed ifdown is fine where all is as declared then."""
    if not result.get("failed"):
        return "done"
    return "put back" if "; the network was put back as it was" in result["msg"] else "NOT SAID"


def _word(same: bool) -> str:
    return "as before" if same else "DIFFER"


# Other kinds of what is refused or put back: test_broken_kinds.py.
REFUSED = {
    "a name server on the port": (f"{STATIC}    dns-nameservers 192.0.2.53\n", "dns_nameservers 192.0.2.53"),
    "a route on the port": (
        f"{STATIC}    up ip route add 198.51.100.0/24 via 10.88.0.2\n",
        "up ip route add 198.51.100.0/24 via 10.88.0.2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_before_anything_is_touched(host, name):
    interfaces, says = REFUSED[name]
    one = host(STATIC)
    (one.network / "interfaces").write_text(interfaces)
    before, files = one.links(), one.files()
    result = one.bridge([MANAGEMENT])
    assert result["failed"]
    assert says in result["msg"]
    assert "nothing was changed" in result["msg"]
    assert (one.links(), one.files(), one.commands()) == (before, files, [])
