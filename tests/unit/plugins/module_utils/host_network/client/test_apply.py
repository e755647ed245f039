# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan is carried out step by step; whatever step fails, links and files are put back, and the message tells what
became of them."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.apply import Applier
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Address, Link, State

BUILD = {"bring_up": ("eth0", "cloudbr0"), "mtus": (("eth0", 9000), ("cloudbr0", 9000)), "leased": False}
BEFORE = State({"eth0": Link("eth0", "ether", 1500, True, None)})
AFTER = State(
    {"eth0": Link("eth0", "ether", 9000, True, "cloudbr0"), "cloudbr0": Link("cloudbr0", "bridge", 9000, True, None)}
)
SETTLE = "udevadm settle --timeout=10"
RESTORE = ["ip link delete cloudbr0", "ip link set eth0 nomaster", "ip link set eth0 mtu 1500"]


class Host:
    """Back end, links and guard in one: notes what is called, lets the call with the number `fails` fail, and is
    restored by `RESTORE`."""

    def __init__(self, tmp_path, fails=0, error=None, restores=True):
        self.calls, self.fails, self.error, self.restores = [], fails, error or ApplyError("made to fail"), restores
        self.before, self.state, self.left, self.kept = BEFORE, AFTER, Plan(), []
        self.old, self.new, self.tool = tmp_path / "old", tmp_path / "folder" / "new", tmp_path / "state"
        self.old.write_bytes(b"caf\xe9\r\n")
        self.old.chmod(0o640)
        self.tool.write_bytes(b"eth0=eth0\n")
        names = {"names": ("cloudbr0", "eth0"), **BUILD}
        self.plan = Plan.of(
            [
                Change("route", "cloudbr0", data={**names, "old": "10.88.0.1", "new": ""}),
                Change("remove address", "cloudbr0", data={**names, "address": "10.88.0.11/24"}),
                Change("set querier", "cloudbr0", data={**names, "on": False}),
                Change("take down", "eth0", data={**names, "flush": True}),
                Change("change", str(self.old), before="caf\udce9\r\n", after="new \udce9\n"),
                Change("create", str(self.new), after="new\n"),
                Change("build", "cloudbr0", data=names),
                Change("resize", "cloudbr0", data=names),
                Change("route", "cloudbr0", data={**names, "old": "", "new": "10.88.0.2"}),
                Change("set querier", "cloudbr0", data={**names, "on": True}),
            ]
        )

    def apply(self):
        links = Links(self.run)
        links.measure = lambda: self.state
        return Applier("ifupdown", self, links, self, self, lambda: self.left).apply(self.plan, self.before)

    def files(self):
        paths = (self.old, self.new, self.tool)
        return [(path.read_bytes(), path.stat().st_mode & 0o777) if path.exists() else None for path in paths]

    def _note(self, call):
        self.calls.append(call)
        if len(self.calls) == self.fails:
            raise self.error

    def run(self, argv, timeout=0):
        self._note(" ".join(argv))
        if self.restores and self.calls[-3:] == RESTORE:
            self.state = BEFORE
        return Answer(argv, 0)

    def take_down(self, name):
        self._note(f"take down {name}")
        self.tool.write_bytes(b"")

    def delete(self, name):
        self._note(f"delete {name}")

    def bring_up(self, names):
        assert self.old.read_bytes() == b"new \xe9\n"
        self._note(f"bring up {' '.join(names)}")

    def load(self, names):
        self._note(f"load {' '.join(names)}")

    def state_files(self, names):
        assert names == ["cloudbr0", "eth0"]
        return [str(self.tool)]

    def resume(self, names):
        assert (self.old.read_bytes(), self.tool.read_bytes()) == (b"caf\xe9\r\n", b"eth0=eth0\n")
        self.calls.append(f"resume {names}")

    @contextlib.contextmanager
    def held(self):
        yield

    def arm(self, kept):
        self._note("arm")
        assert self.old.read_bytes() == b"caf\xe9\r\n", "before anything is touched"
        self.kept.append(kept)
        return True

    def renew(self):
        self.calls.append("renew")

    def drop(self):
        self.kept.pop()

    def require_before(self):
        self._note("ask before")

    def require_after(self):
        self._note("ask after")


STEPS = [
    "ask before",
    "arm",
    "ip route delete default via 10.88.0.1 dev cloudbr0",
    "ip address delete 10.88.0.11/24 dev cloudbr0",
    "ip link set cloudbr0 type bridge mcast_querier 0",
    "take down eth0",
    "ip address flush dev eth0",
    "bring up eth0 cloudbr0",
    "ip link set eth0 mtu 9000",
    "ip link set cloudbr0 mtu 9000",
    "ip link set eth0 mtu 9000",
    "ip link set cloudbr0 mtu 9000",
    "ip route replace default via 10.88.0.2 dev cloudbr0",
    "ip link set cloudbr0 type bridge mcast_querier 1",
    "load cloudbr0 eth0",
    "ask after",
]


def back(number):
    """What puts everything back after so many steps: only what was taken down is resumed."""
    return [*RESTORE, "resume ['eth0']" if number > 5 else "resume []", SETTLE]


def test_the_plan_is_carried_out_in_its_order(tmp_path):
    host = Host(tmp_path)
    assert host.apply() is True
    assert host.calls == [*STEPS, "renew"]
    assert len(host.kept) == 1, "the host puts it back unless it is confirmed"
    assert host.files() == [(b"new \xe9\n", 0o640), (b"new\n", 0o644), (b"", 0o644)]


@pytest.mark.parametrize("number", range(3, len(STEPS) + 1))
def test_whatever_step_fails_all_is_put_back(tmp_path, number):
    host = Host(tmp_path, fails=number)
    before = host.files()
    with pytest.raises(ApplyError, match="^made to fail; the network was put back as it was. Next: correct"):
        host.apply()
    assert host.calls == [*STEPS[:number], *back(number)]
    assert host.files() == before
    assert not host.new.parent.exists()
    assert host.kept == []


def test_nothing_is_touched_where_the_host_cannot_be_told_to_put_it_back(tmp_path):
    host = Host(tmp_path, fails=2)
    before = host.files()
    with pytest.raises(KvmError, match=r"^made to fail\.$"):
        host.apply()
    assert host.calls == STEPS[:2]
    assert host.files() == before
    assert not host.new.parent.exists()


def test_nothing_is_touched_where_the_login_does_not_answer(tmp_path):
    host = Host(tmp_path, fails=1)
    with pytest.raises(KvmError, match=r"^made to fail\.$"):
        host.apply()
    assert host.calls == STEPS[:1]


def test_nothing_is_touched_where_a_file_cannot_be_written(tmp_path):
    host = Host(tmp_path)
    host.new.parent.write_text("not a folder")
    before = host.files()
    with pytest.raises(KvmError, match="cannot be"):
        host.apply()
    assert host.calls == STEPS[:1]
    assert host.files() == before
    assert {each.name for each in tmp_path.iterdir()} == {"old", "state", "folder"}


def test_nothing_is_touched_where_a_file_is_not_what_the_plan_was_made_from(tmp_path):
    host = Host(tmp_path)
    host.old.write_text("edited meanwhile\n")
    before = host.files()
    with pytest.raises(KvmError, match="was changed by something else"):
        host.apply()
    assert host.calls == STEPS[:1]
    assert host.files() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("a defect")])
def test_a_defect_is_put_back_as_well(tmp_path, error):
    host = Host(tmp_path, fails=7, error=error)
    before = host.files()
    with pytest.raises(type(error)):
        host.apply()
    assert host.calls[7:] == back(7)
    assert host.files() == before


def test_a_plan_that_is_not_empty_afterwards_is_a_failure(tmp_path):
    host = Host(tmp_path)
    host.left = Plan.of([Change("resize", "cloudbr0")])
    with pytest.raises(
        ApplyError, match="not as declared after the change; the network was put back.*Observed: resize cloudbr0"
    ):
        host.apply()
    assert host.calls == [*STEPS[:-1], *back(len(STEPS))]


def test_the_dhcp_client_of_a_bridge_that_goes_is_ended(tmp_path):
    host = Host(tmp_path, fails=8)
    host.plan = Plan(
        tuple(
            replace(change, data={**change.data, "leased": True}) if change.action == "build" else change
            for change in host.plan
        )
    )
    before = host.files()
    with pytest.raises(ApplyError, match="the network was put back as it was"):
        host.apply()
    assert host.calls[8:] == [*RESTORE, "take down cloudbr0", "resume ['eth0']", SETTLE]
    assert host.files() == before


def test_what_could_not_be_put_back_is_said(tmp_path):
    host = Host(tmp_path, fails=7, restores=False)
    with pytest.raises(
        ApplyError,
        match="made to fail; the network could NOT be put back entirely .*`ip link delete cloudbr0` has no effect",
    ):
        host.apply()
    assert len(host.kept) == 1, "the host tries once more when the time is over"


def test_an_action_without_a_meaning_is_a_defect(tmp_path):
    host = Host(tmp_path)
    host.plan = Plan.of([Change("paint", "eth0", data={"names": ("cloudbr0", "eth0")})])
    with pytest.raises(ValueError, match="paint"):
        host.apply()


def test_a_guest_is_attached_to_its_bridge_by_ip(tmp_path):
    host = Host(tmp_path)
    host.plan = Plan.of([Change("attach", "vnet0", data={"names": ("cloudbr0", "eth0"), "bridge": "cloudbr0"})])
    assert host.apply() is True
    assert "ip link set vnet0 master cloudbr0" in host.calls


def test_a_bond_that_is_made_anew_is_deleted_when_it_is_down(tmp_path):
    host = Host(tmp_path)
    names = {"names": ("cloudbr0", "eth0")}
    host.plan = Plan.of([Change("take down", "bond0", data={**names, "flush": False, "delete": True})])
    assert host.apply() is True
    assert host.calls[2:4] == ["take down bond0", "delete bond0"]


def absent(host):
    """A plan that removes a bridge and the file that declared it."""
    host.plan = Plan.of(
        [
            Change("take down", "cloudbr0", data={"names": ("cloudbr0", "eth0"), "flush": False}),
            Change("delete", str(host.old), before="caf\udce9\r\n", data={"mode": 0o644}),
            Change("remove", "cloudbr0", data={"names": ("cloudbr0", "eth0")}),
        ]
    )


def test_a_bridge_that_is_absent_goes_with_its_file(tmp_path):
    host = Host(tmp_path)
    absent(host)
    assert host.apply() is True
    assert host.calls[2:] == [
        "take down cloudbr0",
        "ip link delete cloudbr0",
        "load cloudbr0 eth0",
        "ask after",
        "renew",
    ]
    assert not host.old.exists()


def test_a_bridge_that_the_tool_has_removed_already_is_not_removed_twice(tmp_path):
    host = Host(tmp_path)
    absent(host)
    host.state = BEFORE
    assert host.apply() is True
    assert host.calls[2:4] == ["take down cloudbr0", "load cloudbr0 eth0"]


def test_a_deleted_file_is_put_back(tmp_path):
    host = Host(tmp_path, fails=5)
    absent(host)
    before = host.files()
    with pytest.raises(ApplyError, match="the network was put back as it was"):
        host.apply()
    assert host.calls[2:5] == ["take down cloudbr0", "ip link delete cloudbr0", "load cloudbr0 eth0"]
    assert host.files() == before


@pytest.mark.parametrize("fails", [0, len(STEPS)])
def test_a_link_beside_the_change_gets_back_what_its_daemon_took_from_it(tmp_path, fails):
    host = Host(tmp_path, fails=fails)
    beside = Link("eth9", "ether", 1500, True, None, (Address("192.0.2.99/24"),))
    host.before = State({**BEFORE.links, "eth9": beside})
    host.state = State({**AFTER.links, "eth9": replace(beside, addresses=())})
    given_back = ["load cloudbr0 eth0", "ip address add 192.0.2.99/24 dev eth9"]
    if not fails:
        assert host.apply() is True
        assert host.calls == [*STEPS[:-2], *given_back, "ask after", "renew"]
    else:
        with pytest.raises(ApplyError, match="does not touch has lost.*put back as it was.*Observed: made to fail"):
            host.apply()
        assert host.calls[: len(STEPS)] == [*STEPS[:-2], *given_back]
