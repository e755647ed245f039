# SPDX-License-Identifier: GPL-3.0-or-later
"""The multicast querier of a bridge that netplan declares: a drop-in of networkd's, and nothing in netplan's files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Network, Ovs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import netplan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.netplan_querier import (
    is_drop_in,
    own_path,
)

FOLDER = "/etc/systemd/network"
OWN = f"{FOLDER}/10-netplan-cloudbr1.netdev.d/cloudstack-kvm.conf"
BY_HAND = f"{FOLDER}/10-netplan-cloudbr1.netdev.d/10-igmp.conf"
LATER = f"{FOLDER}/10-netplan-cloudbr1.netdev.d/z.conf"
ANOTHER = f"{FOLDER}/10-netplan-cloudbr2.netdev.d/igmp.conf"
ASKS, NOT = "[Bridge]\nMulticastQuerier=on\n", "[Bridge]\nMulticastQuerier=no\n"
GUEST = Bridge("cloudbr1", "eth1", 1550)
QUERIER = replace(GUEST, multicast_querier=True)
YAML = netplan.render(Network(bridges=(GUEST,)), {}, {})


def render(bridge, files):
    return netplan.render(Network(bridges=(bridge,)), {**YAML, **files}, {})


def asks(files):
    (bridge,) = netplan.declared({**YAML, **files}).bridges
    return bridge.multicast_querier


@pytest.mark.parametrize(
    ("bridge", "files", "changed"),
    [
        pytest.param(QUERIER, {}, [OWN], id="declared"),
        pytest.param(QUERIER, {BY_HAND: ASKS}, [], id="said by an operator"),
        pytest.param(QUERIER, {BY_HAND: NOT}, [OWN], id="an operator says no"),
        pytest.param(QUERIER, {ANOTHER: ASKS}, [OWN], id="said of another bridge"),
        pytest.param(GUEST, {OWN: ASKS}, [OWN], id="declared no more"),
        pytest.param(GUEST, {OWN: ASKS, BY_HAND: NOT}, [OWN], id="declared no more, and an operator says no"),
        pytest.param(GUEST, {}, [], id="never declared"),
        pytest.param(GUEST, {ANOTHER: ASKS}, [], id="another bridge stays one"),
    ],
)
def test_the_drop_in_alone_changes(bridge, files, changed):
    new = render(bridge, files)
    assert sorted(new) == changed
    after = {path: text for path, text in {**files, **new}.items() if text}
    assert asks(after) == bridge.multicast_querier
    assert render(bridge, after) == {}


def test_of_several_drop_ins_the_last_by_name_counts():
    assert asks({BY_HAND: NOT, LATER: ASKS})
    assert not asks({BY_HAND: ASKS, LATER: NOT})
    assert asks({BY_HAND: ASKS, LATER: "[Bridge]\nAgeingTimeSec=9\n"})


def test_the_text_is_what_networkd_reads_and_says_who_wrote_it():
    (text,) = render(QUERIER, {}).values()
    assert text.startswith("# Written by Ansible (cloudstack.kvm.network_bridge).")
    assert text.endswith("\n[Bridge]\nMulticastQuerier=yes\n")


@pytest.mark.parametrize(
    ("bridge", "files", "says"),
    [
        pytest.param(GUEST, {BY_HAND: ASKS}, "MulticastQuerier=yes", id="would be lost"),
        pytest.param(QUERIER, {LATER: NOT}, "MulticastQuerier=no", id="comes after the role's, and would win"),
    ],
)
def test_an_operators_drop_in_that_says_otherwise_is_refused(bridge, files, says):
    (path,) = files
    with pytest.raises(InputError, match=rf"{path} says otherwise.*nothing was changed.*Observed: {says}") as told:
        render(bridge, files)
    assert "declare multicast_querier of cloudbr1 as it is there, or take that line out" in str(told.value)


def test_it_goes_with_the_bridge_and_open_vswitch_has_none():
    gone = netplan.render(Network(absent=("cloudbr1",)), {**YAML, OWN: ASKS}, {})
    assert gone[OWN] == ""
    assert OWN not in netplan.render(Network(bridges=(replace(GUEST, ovs=Ovs()),)), {}, {})


def test_the_path_is_told_from_netplans_own():
    assert own_path("cloudbr1") == OWN
    assert [is_drop_in(path) for path in (OWN, BY_HAND, netplan.OWN_FILE, f"{FOLDER}/10-eth0.network")] == [
        *(True, True),
        *(False, False),
    ]
