# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bare host is: how it boots, what its files say, which address it gets, what its BMC knows."""

from __future__ import annotations

import pytest

from lab.control import bmc, hosts, nodes, podman, topology
from lab.control.state import ROOT
from lab.control.topology import LabError

LAB = topology.load(ROOT / "lab" / "topology.yml")


def test_no_container_may_set_the_clock_or_load_modules() -> None:
    options = podman.BOOT_OPTIONS
    assert "--privileged" not in options  # podman 4.3 ignores --cap-drop with it
    assert options[options.index("--cap-drop") + 1].split(",") == ["SYS_TIME", "SYS_MODULE"]


def test_only_the_management_card_of_a_bare_host_is_configured() -> None:
    text = nodes.interfaces(LAB.node("host2"))
    assert "iface eth0 inet static\n    address 10.88.0.12/24\n" in text
    assert "eth1" not in text and "eth2" not in text


def test_a_card_with_two_addresses_gets_both() -> None:
    text = nodes.interfaces(LAB.node("mgmt1"))
    assert "    address 10.88.0.254/24\n    up ip address add 10.88.0.253/24 dev eth0\n" in text


@pytest.mark.parametrize(
    ("taken", "address"),
    [({}, "10.88.0.100"), ({"a": "10.88.0.100"}, "10.88.0.101"), ({"a": "10.88.0.101"}, "10.88.0.100")],
)
def test_a_further_host_gets_the_first_free_address(taken: dict[str, str], address: str) -> None:
    assert hosts.free_address(taken, "10.88.0.0/24") == address


def test_no_address_left_is_said() -> None:
    taken = {str(number): f"10.88.0.{number}" for number in range(hosts.FIRST, hosts.LAST + 1)}
    with pytest.raises(LabError, match="no address is left: delete hosts"):
        hosts.free_address(taken, "10.88.0.0/24")


def test_a_further_host_has_one_card_more_for_each_wire() -> None:
    node = hosts.as_node("time-sync-host1", "10.88.0.100", LAB, ["guest", "storage"])
    assert [(nic.name, nic.wire, nic.addresses) for nic in node.nics] == [
        ("eth0", "management", ("10.88.0.100/24",)),
        ("eth1", "guest", ()),
        ("eth2", "storage", ()),
    ]
    with pytest.raises(LabError, match="there is no wire backup"):
        hosts.as_node("x", "10.88.0.100", LAB, ["backup"])


@pytest.mark.parametrize("name", ["time_sync-host1", "-a", "a-", "", "a" * 64, "a b"])
def test_a_name_that_no_machine_can_have_is_no_hosts_name(name: str) -> None:
    assert not hosts.NAME.fullmatch(name)


def test_a_bmc_knows_its_address_user_and_password() -> None:
    text = bmc.lan_configuration(LAB.node("host3"), "planted-password", "/power", "/lan")
    assert "addr 10.88.0.213 623\n" in text
    assert 'user 2 true "ADMIN" "planted-password" admin' in text
    assert f"guid {topology.guid('host3')}\n" in text
    assert topology.guid("host3") != topology.guid("host2")
