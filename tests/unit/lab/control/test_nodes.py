# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bare host is: how it boots, what its files say, which address it gets, what its BMC knows."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

import pytest

from lab.control import bmc, hosts, nodes, podman, topology
from lab.control.state import ROOT, State
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


class Engine:
    """Podman with a list of containers; `copy_in` may fail, as when labctl is killed there."""

    def __init__(self) -> None:
        self.containers: dict[str, list[str]] = {}
        self.cut_off = False

    def podman(self, verb: str, *arguments: str, **options: object) -> None:
        if verb == "create":
            name = arguments[arguments.index("--name") + 1]
            assert name not in self.containers, f"{name} is in use"  # as the engine would say
            self.containers[name] = []
        elif verb == "rename":
            self.containers[arguments[1]] = self.containers.pop(arguments[0])
        elif verb == "rm":
            self.containers.pop(arguments[-1], None)

    def copy_in(self, container: str, archive: IO[bytes]) -> None:
        if self.cut_off:
            raise LabError("cut off")
        with tarfile.open(fileobj=archive) as tar:
            self.containers[container] += tar.getnames()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(podman, "podman", engine.podman)
    monkeypatch.setattr(podman, "copy_in", engine.copy_in)
    monkeypatch.setattr(podman, "state", lambda name: "created" if name in engine.containers else "missing")
    monkeypatch.setattr(podman, "image_exists", lambda name: True)
    monkeypatch.setattr(nodes.wires, "plug", lambda topology, node: None)
    monkeypatch.setattr(nodes, "_cpuinfo", lambda: Path("/proc/cpuinfo"))
    return engine


def test_a_node_whose_making_was_cut_off_is_made_anew(engine: Engine, tmp_path: Path) -> None:
    host, state = LAB.node("host1"), State(tmp_path)
    engine.cut_off = True
    with pytest.raises(LabError):
        nodes.create(LAB, state, host)
    assert podman.state(host.container) == "missing"
    engine.cut_off = False
    for _ in range(2):  # the second time there is nothing to do
        nodes.create(LAB, state, host)
    assert list(engine.containers) == [host.container]
    assert "root/.ssh/authorized_keys" in engine.containers[host.container]


def test_what_the_installer_was_told_differs(tmp_path: Path) -> None:
    files = {
        name: {path: text for path, text, _ in nodes.installer_files(LAB, State(tmp_path), LAB.node(name))}
        for name in ("host1", "host3")
    }
    assert files["host1"]["/etc/resolv.conf"] == ""
    assert files["host3"]["/etc/resolv.conf"] == "nameserver 10.88.0.53\n"
    assert files["host1"]["/etc/hosts"] == "127.0.0.1 localhost\n127.0.1.1 host1\n"
    assert [LAB.node(name).ipv6 for name in ("host1", "host3", "host4")] == [True, True, False]
    taken = {address.split("/")[0] for node in LAB.nodes.values() for nic in node.nics for address in nic.addresses}
    assert LAB.node("host3").resolver not in taken, "this name server must not answer"
