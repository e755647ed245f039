# SPDX-License-Identifier: GPL-3.0-or-later
"""How a guest was installed: each variant replaces the installer's files where it has its own, and keeps the rest."""

from __future__ import annotations

import io
import tarfile

import pytest

from lab.control.topology import Nic, Node, Topology, Wire, mac
from lab.vm import dhcp, machine, variants

NODE = Node("host1", "host", (Nic("eth0", "management", ("10.88.0.11/24",)), Nic("eth1", "guest")))
INSTALLER = [(variants.INTERFACES, "auto eth0\n", "644"), ("/etc/hostname", "host1\n", "644")]


def left(variant: str) -> dict[str, str]:
    return {path: text for path, text, _ in variants.files(variant, NODE, INSTALLER)}


@pytest.mark.parametrize("variant", list(variants.VARIANTS))
def test_every_variant_can_be_put_on_a_disk(variant: str) -> None:
    files = variants.files(variant, NODE, INSTALLER)
    paths = [path for path, _, _ in files]
    assert len(paths) == len(set(paths)) and "/etc/hostname" in paths
    with tarfile.open(fileobj=io.BytesIO(machine.seed(files))) as tar:
        assert sorted(f"/{name}" for name in tar.getnames()) == sorted(paths)
        for link in (member for member in tar.getmembers() if member.issym()):
            assert link.linkname in paths


@pytest.mark.parametrize(
    ("variant", "path", "expected"),
    [
        ("static", variants.INTERFACES, "allow-hotplug eth0\niface eth0 inet static\n    address 10.88.0.11/24\n"),
        ("dhcp", variants.INTERFACES, "allow-hotplug eth0\niface eth0 inet dhcp\n"),
        ("cloud-init", variants.CLOUD_INIT, "auto eth0\niface eth0 inet static\n    address 10.88.0.11/24\n"),
    ],
)
def test_where_the_address_stands(variant: str, path: str, expected: str) -> None:
    files = left(variant)
    assert files[path].endswith(expected)
    assert [each for each, text in files.items() if "iface eth0" in text] == [path]
    assert files[variants.INTERFACES].startswith("source /etc/network/interfaces.d/*\n")


def test_only_the_variant_with_sudo_locks_root() -> None:
    assert {name: variants.login(name) for name in variants.VARIANTS if variants.login(name) != "root"} == {
        "sudo": variants.USER
    }


def test_the_dhcp_server_gives_a_guest_its_own_address_only() -> None:
    topology = Topology("lab.test", {"management": Wire("management", 1500, "10.88.0.0/24")}, {"host1": NODE})
    lines = dhcp.config(topology, NODE).splitlines()
    assert {"interface w-management", "start 10.88.0.11", "end 10.88.0.11", "option subnet 255.255.255.0"} <= set(lines)
    assert f"static_lease {mac('host1', 'eth0')} 10.88.0.11" in lines
