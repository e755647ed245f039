# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was heard from before a change is missed after it; who was not, and what cannot be told, is not."""

import json
import socket

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client import witnesses
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.witnesses import Witnesses

NOBODY, GONE = {}, None


class Clock:
    """Moves by what is slept."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def port(name):
    heard = {"chassis": {"sw1": {"id": {"type": "mac", "value": "aa"}}}, "port": {"id": {"value": name}}}
    return {"eth0": heard, "eth9": heard}


def listening(*times):
    """A `run` by which lldpd has heard this, the last of it again and again; GONE: it does not run."""
    left = list(times)

    def run(argv):
        if argv[0] != "lldpctl":
            return Answer(argv, None, problem="networkctl is not installed")
        heard = left.pop(0) if len(left) > 1 else left[0]
        return Answer(argv, 1) if heard is GONE else Answer(argv, 0, json.dumps({"lldp": {"interface": heard}}))

    return run


def asking(*answers):
    """Management servers that answer so, the last answer again and again."""
    left = list(answers)
    return lambda _address: left.pop(0) if len(left) > 1 else left[0]


def changed(servers=(), nics=("eth0",), timeout=60, run=None, asks=None):
    """The seconds that it took to hear from all again."""
    clock = Clock()
    found = Witnesses(servers, nics, timeout, run or listening(NOBODY), clock, asks)
    found.note()
    found.require()
    return clock.now


def test_a_management_server_that_answered_has_to_answer():
    assert changed(["192.0.2.5"], asks=asking(True, False, False, True)) == 2
    with pytest.raises(ApplyError) as raised:
        changed(["192.0.2.5"], asks=asking(True, False))
    said = str(raised.value)
    assert "the management server 192.0.2.5 answered before the change, and does not answer over the new" in said
    assert "an answer on port 8250 within 60 s" in said
    assert "nc -vz -w 2 192.0.2.5 8250" in said


def test_a_management_server_that_did_not_answer_is_not_missed():
    assert changed(["192.0.2.5"], asks=asking(False)) == 0


def test_the_neighbour_that_a_nic_heard_has_to_be_heard():
    assert changed(run=listening(port("Eth1"), port("Eth1"))) == 0
    assert changed(run=listening(port("Eth1"), NOBODY, port("Eth7"), port("Eth1"))) == 2


@pytest.mark.parametrize(("after", "observed"), [(NOBODY, "none"), (port("Eth7"), "Eth7 of sw1")])
def test_a_neighbour_that_is_gone_or_another_one_is_told(after, observed):
    with pytest.raises(ApplyError) as raised:
        changed(run=listening(port("Eth1"), after))
    said = str(raised.value)
    assert "eth0 does not hear by LLDP the neighbour that it heard before the change" in said
    assert f"Expected: Eth1 of sw1 within 60 s. Observed: {observed}." in said


def test_one_of_several_neighbours_is_enough():
    first, second = port("Eth1"), port("Eth7")
    both = {"eth0": first["eth0"]}, {"eth0": second["eth0"]}
    assert changed(run=listening(list(both), second)) == 0


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"run": listening(NOBODY, port("Eth7"))}, id="none was heard before"),
        pytest.param({"run": listening(port("Eth1"), NOBODY), "nics": ["eth1"]}, id="of another NIC"),
        pytest.param({"run": listening(port("Eth1"), NOBODY), "timeout": 30}, id="it may keep silent for longer"),
        pytest.param({"run": listening(port("Eth1"), GONE)}, id="lldpd is gone"),
        pytest.param({"run": listening(GONE, port("Eth7"))}, id="lldpd was not there"),
    ],
)
def test_what_cannot_be_missed(case):
    assert changed(**case) == 0


def test_words_of_lldpd_that_are_not_understood_say_nothing():
    assert changed(run=lambda argv: Answer(argv, 0, "no json")) == 0


def test_networkd_is_asked_where_no_lldpd_runs():
    def run(argv):
        return Answer(argv, 0, "eth0 aa sw1 ..b.. Eth1") if argv[0] == "networkctl" else Answer(argv, 1)

    found = Witnesses((), ("eth0",), 60, run, Clock())
    found.note()
    found.require()


def test_a_machine_that_listens_or_refuses_answers(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(witnesses, "AGENT_PORT", server.getsockname()[1])
        assert witnesses.answers("127.0.0.1")
    assert witnesses.answers("127.0.0.1"), "the connection is refused now"


def test_a_name_that_nobody_has_does_not_answer():
    assert not witnesses.answers("nobody.invalid")
