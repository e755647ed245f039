# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the login comes from, also below sudo, which drops SSH_CONNECTION; and whether it is reached."""

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.guard import Guard, caller
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Address,
    Bond,
    Bridge,
    Link,
    Network,
    Vlan,
)


def processes(tmp_path, *chain):
    """/proc with a chain of processes, the module's own first; each with its environment."""
    names = ["self", *(str(number) for number in range(50, 50 - len(chain) + 1, -1))]
    for place, environment in enumerate(chain):
        folder = tmp_path / names[place]
        folder.mkdir()
        (folder / "environ").write_bytes(b"\0".join(environment))
        parent = names[place + 1] if place + 1 < len(chain) else "1"
        (folder / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")
    return str(tmp_path)


SSH = b"SSH_CONNECTION=10.88.0.1 40000 10.88.0.11 22"


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ([[b"PATH=/bin", SSH]], "10.88.0.1"),
        ([[b"SUDO_USER=ops"], [b"PATH=/bin"], [SSH]], "10.88.0.1"),
        ([[b"PATH=/bin"], [b""]], None),
        ([[b"no equals sign"]], None),
    ],
)
def test_the_nearest_process_with_a_login_tells(tmp_path, chain, address):
    assert caller(processes(tmp_path, *chain)) == address


def test_without_processes_nothing_is_known(tmp_path):
    assert caller(str(tmp_path)) is None


class Clock:
    """Moves by what is slept, and by a second with each ping."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def guard(answers, timeout=3):
    """A guard whose pings end with these statuses, the last one again and again."""
    clock, left = Clock(), list(answers)

    def ping(argv):
        assert argv == ("ping", "-c", "1", "-W", "1", "10.88.0.1")
        clock.now += 1
        return Answer(argv, left.pop(0) if len(left) > 1 else left[0])

    return Guard("10.88.0.1", timeout, run=ping, clock=clock)


def test_one_answer_in_time_is_enough():
    guard([1, 1, 0]).require_after()
    guard([1, 0]).require_before()


def test_no_answer_in_time():
    with pytest.raises(ApplyError, match=r"10.88.0.1, where Ansible comes from, could not be reached.*within 3 s"):
        guard([1]).require_after()
    with pytest.raises(InputError, match=r"does not answer ping.*nothing was changed"):
        guard([1]).require_before()


def test_a_login_on_the_console_has_nobody_to_ask():
    alone = Guard(None, 3, run=None, clock=Clock())
    alone.require_before()
    alone.require_after()


BRIDGE = Bridge("cloudbr0", "eth0", address="10.88.0.11/24", gateway="10.88.0.254")
NOBODY, OTHER = {}, "02:00:00:00:00:99"
OWN = {"eth0": Link("eth0", "ether", 1500, True, None, (Address("10.88.0.11/24"),))}
BARE = {"eth0": Link("eth0", "ether", 1500, True, None)}
GATEWAY = {("cloudbr0", "10.88.0.254"): "02:00:00:00:00:01"}


def wired(answers, links=BARE, bridge=BRIDGE, peer="10.88.0.1"):
    """A guard on a wire with these machines: (device, address) -> MAC."""
    clock = Clock()

    def ask(device, address):
        clock.now += 1
        return answers.get((device, address))

    return Guard(peer, 3, Network(bridges=(bridge,)), links, run=lambda argv: Answer(argv, 0), clock=clock, ask=ask)


def test_an_address_of_another_machine_is_refused_before_and_told_after():
    for device, links in (
        ("eth0", BARE),
        ("cloudbr0", {**BARE, "cloudbr0": Link("cloudbr0", "bridge", 1500, True, None)}),
    ):
        with pytest.raises(
            InputError, match=rf"cloudbr0 is in use by another machine.*{OTHER}.*arping -D -c 3 -I {device}"
        ):
            wired({(device, "10.88.0.11"): OTHER}, links).require_before()
    with pytest.raises(ApplyError, match="in use by another machine"):
        wired({**GATEWAY, ("cloudbr0", "10.88.0.11"): OTHER}).require_after()


def test_an_address_that_the_host_has_already_is_not_asked_for():
    wired({("eth0", "10.88.0.11"): OTHER}, OWN).require_before()


def test_the_address_of_the_controller_is_refused_without_asking():
    with pytest.raises(InputError, match="the one that Ansible comes from; nothing was changed"):
        wired(NOBODY, peer="10.88.0.11").require_before()


def test_a_gateway_that_does_not_answer_is_told():
    wired(GATEWAY).require_after()
    with pytest.raises(ApplyError, match=r"gateway of cloudbr0 does not answer.*10.88.0.254 on cloudbr0 within 3 s"):
        wired(NOBODY).require_after()


@pytest.mark.parametrize("bridge", [Bridge("cloudbr1", "eth1"), Bridge("cloudbr1", "eth1", address="dhcp")])
def test_a_bridge_without_an_address_of_its_own_has_nothing_to_ask(bridge):
    quiet = wired(NOBODY, bridge=bridge)
    quiet.require_before()
    quiet.require_after()


@pytest.mark.parametrize(
    ("network", "asked"),
    [
        (Network((Bond("bond0", ("eth0",)),), bridges=(Bridge("cloudbr0", "bond0", address="10.88.0.12/24"),)), False),
        (Network(vlans=(Vlan("v", "eth0", 7),), bridges=(Bridge("cloudbr0", "v", address="10.88.0.12/24"),)), False),
        (Network(bridges=(Bridge("cloudbr0", "eth0", address="10.88.0.12/24"),)), True),
    ],
)
def test_a_wire_that_is_not_there_yet_is_asked_afterwards(network, asked):
    """Untagged, or on one port of a bond, another machine with the address says nothing of the VLAN or the bond."""
    devices = []
    guard = Guard(None, 3, network, BARE, run=None, clock=Clock(), ask=lambda device, address: devices.append(device))
    guard.require_before()
    assert devices == (["eth0"] if asked else [])
    guard.require_after()
    assert devices[-1] == "cloudbr0"
