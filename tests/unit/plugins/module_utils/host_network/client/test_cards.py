# SPDX-License-Identifier: GPL-3.0-or-later
"""NICs of a host by driver and slot, as sysfs shows them."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.cards import cards
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Card

LINKS = [
    {"ifname": name, "link_type": "ether", "address": f"52:54:00:00:00:0{number}", **more}
    for number, (name, more) in enumerate({"eno1": {}, "eth0": {}, "p0": {"linkinfo": {"info_kind": "veth"}}}.items())
]


def link(root: Path, name: str, device: str, driver: str) -> None:
    """As sysfs has it: the folder of a NIC links to its device, and that to its driver."""
    target = root / "devices" / device
    target.mkdir(parents=True)
    (root / "drivers" / driver).mkdir(parents=True)
    (target / "driver").symlink_to(root / "drivers" / driver)
    (root / "net" / name).mkdir(parents=True)
    (root / "net" / name / "device").symlink_to(target)


def test_driver_and_slot(tmp_path):
    link(tmp_path, "eno1", "pci0000:3a/0000:3b:00.0", "ixgbe")
    link(tmp_path, "eth0", "pci0000:00/0000:00:03.0/virtio0", "virtio_net")
    found = cards(lambda argv, timeout=0: Answer(argv, 0, json.dumps(LINKS)), str(tmp_path / "net"))
    assert found == [
        Card("eno1", "52:54:00:00:00:00", "ixgbe", "0000:3b:00.0"),
        Card("eth0", "52:54:00:00:00:01", "virtio_net", "0000:00:03.0"),
        Card("p0", "52:54:00:00:00:02"),
    ]
    assert found[2].words == "p0 (MAC 52:54:00:00:00:02)"
