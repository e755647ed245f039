# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's command line and seed disk: what QEMU is told, what the guest finds at its first boot."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.control.topology import Nic, Node, mac
from lab.vm import machine

NODE = Node(
    "host1", "host", tuple(Nic(f"eth{number}", wire) for number, wire in enumerate(("management", "guest", "storage")))
)
FILES = machine.Files(PurePath("/q"), PurePath("/b"), PurePath("/g"), PurePath("/run/host1.pid"))


def option(command: list[str], name: str) -> list[str]:
    return [value for flag, value in zip(command, command[1:], strict=False) if flag == name]


def test_every_card_has_its_tap_its_address_and_a_slot_in_order() -> None:
    command = machine.command(NODE, FILES, 2_400_000)
    cards = [device for device in option(command, "-device") if device.startswith("virtio-net-pci")]
    slots = [int(card.rsplit("addr=", 1)[1], 16) for card in cards]
    assert [f"mac={mac('host1', nic.name)}" in card for nic, card in zip(NODE.nics, cards, strict=True)] == [True] * 3
    assert slots == sorted(set(slots)), "the kernel names cards in the order of their slots"
    assert [net.split("ifname=")[1].split(",")[0] for net in option(command, "-netdev")] == [
        "t-eth0",
        "t-eth1",
        "t-eth2",
    ]


def test_the_bmc_finds_the_process_where_it_looks_for_a_containers() -> None:
    assert option(machine.command(NODE, FILES, 1), "-pidfile") == ["/run/host1.pid"]


def test_the_guest_is_told_its_clock_rate_and_keeps_what_it_wrote() -> None:
    command = machine.command(NODE, FILES, 2_399_998)
    assert "tsc_early_khz=2399998" in option(command, "-append")[0].split()
    assert "cache=writeback" in option(command, "-drive")[0], (
        "unsafe caching would lose files when the BMC cuts the power"
    )


def test_the_seed_cannot_be_written_and_comes_second() -> None:
    drives = option(machine.command(NODE, FILES, 1), "-drive")
    assert [drive.split("id=")[1].split(",")[0] for drive in drives] == ["root", "seed"]
    assert "readonly=on" in drives[1]


@pytest.mark.parametrize(
    ("text", "khz"),
    [("model name\t: x\ncpu MHz\t\t: 2399.998\n", 2399998), ("cpu MHz\t\t: 3000.000\ncpu MHz\t\t: 1.0\n", 3000000)],
)
def test_the_clock_rate_is_the_first_processors(text: str, khz: int) -> None:
    assert machine.clock_rate(text) == khz


def test_a_machine_that_does_not_tell_its_clock_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="cpu MHz"):
        machine.clock_rate("processor : 0\n")


@given(
    st.dictionaries(
        st.from_regex(r"/[a-z]{1,20}/[a-z]{1,20}", fullmatch=True), st.text(max_size=2000), min_size=1, max_size=5
    )
)
def test_a_seed_unpacks_to_what_went_in_owned_by_root(files: dict[str, str]) -> None:
    disk = machine.seed([(path, text, "600") for path, text in files.items()])
    assert len(disk) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(disk)) as tar:
        found = {
            f"/{entry.name}": (tar.extractfile(entry).read().decode(), entry.mode, entry.uid, entry.gid)
            for entry in tar
        }
    assert found == {path: (text, 0o600, 0, 0) for path, text in files.items()}


def test_device_names_fit_the_kernels_fifteen_characters() -> None:
    assert max(len(name("enp129s0f1np1")) for name in (machine.tap, machine.bridge)) <= 15
