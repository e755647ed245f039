# SPDX-License-Identifier: GPL-3.0-or-later
"""What putting back tells the neighbours."""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.snapshot import put_back
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Address, Kept, Link, State

ADDRESSES = (Address("192.0.2.11/24"), Address("2001:db8::11/64"))
CARD = Link("eth0", "ether", 1500, True, None, ADDRESSES)
OTHER = Link("eth9", "ether", 1500, True, None, (Address("198.51.100.9/24"),))


class Backend:
    def take_down(self, name):
        raise AssertionError(f"{name} has no lease")

    def resume(self, names):
        assert names == ["eth0"]


def test_neighbours_are_told_the_old_mac_of_what_was_touched_at_once_and_at_the_end():
    told = []
    links = Links(lambda argv, timeout=0: Answer(argv, 0), lambda device, address: told.append((device, address)))
    links.measure = lambda: state
    state = State({"eth0": CARD, "eth9": OTHER})
    kept = Kept("netplan", state, ("cloudbr0", "eth0"), (), ("eth0",), ())
    assert put_back(kept, Backend(), links) == []
    assert told == [("eth0", "192.0.2.11")] * 2
