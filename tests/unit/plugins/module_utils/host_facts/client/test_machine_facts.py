# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine is, its disks and its UEFI files."""

from __future__ import annotations

import os

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import machine_facts

METAL = {
    "vm": Answer(("systemd-detect-virt",), 1, "none\n"),
    "container": Answer(("systemd-detect-virt",), 1, "none\n"),
}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_facts, "DMI", str(tmp_path))
    monkeypatch.setattr(machine_facts, "UEFI_PROPERTIES", str(tmp_path / "uefi.properties"))

    def collect(**answers):
        unknown = {}
        return machine_facts.collect({**METAL, **answers}, unknown, "root"), unknown

    return collect


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, "none"),
        ({"vm": Answer((), 0, "kvm\n")}, "kvm"),
        ({"vm": Answer((), 0, "kvm\n"), "container": Answer((), 0, "podman\n")}, "kvm"),
        ({"container": Answer((), 0, "podman\n")}, "podman"),
        ({"vm": Answer((), None, problem="systemd-detect-virt is not installed")}, None),
        ({"container": Answer(("systemd-detect-virt",), 1, "", "Permission denied")}, None),
    ],
)
def test_virtualization(machine, answers, expected):
    found, unknown = machine(**answers)
    assert found["virtualization"] == expected
    assert ("virtualization" in unknown) == (expected is None)


def test_dmi(machine, tmp_path):
    (tmp_path / "product_name").write_text("PowerEdge R6525\n")
    (tmp_path / "sys_vendor").write_text("Dell Inc.\n")
    found, unknown = machine()
    assert found["dmi"] == {
        "product_uuid": None,
        "product_serial": None,
        "product_name": "PowerEdge R6525",
        "vendor": "Dell Inc.",
        "bios_version": None,
    }
    assert {key for key in unknown if key.startswith("dmi.")} == {
        "dmi.product_uuid",
        "dmi.product_serial",
        "dmi.bios_version",
    }


def _stat(flags):
    return os.statvfs_result((4096, 4096, 1000, 500, 400, 10, 10, 10, flags, 255))


@pytest.mark.parametrize(
    ("flags", "writable"), [(0, True), (os.ST_RDONLY, False), (os.ST_RDONLY | os.ST_NOSUID, False)]
)
def test_disks(machine, monkeypatch, flags, writable):
    monkeypatch.setattr(machine_facts.os, "statvfs", lambda _path: _stat(flags))
    found, _unknown = machine()
    sizes = {"size_bytes": 1000 * 4096, "free_bytes": 400 * 4096}
    assert found["disk"] == {"/": sizes, "/var": sizes, "/etc/cloudstack": {**sizes, "writable": writable}}


def test_a_folder_that_is_not_there_yet_will_be_where_its_parent_is(machine, monkeypatch):
    asked = []
    monkeypatch.setattr(machine_facts, "DISKS", ("/no/such/folder", "/proc/version/x"))
    monkeypatch.setattr(machine_facts.os, "statvfs", lambda path: asked.append(path) or _stat(0))
    machine()
    assert asked == ["/", "/proc/version"]


def test_a_disk_that_may_not_be_seen(machine, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(machine_facts.os, "statvfs", refuse)
    found, unknown = machine()
    assert found["disk"]["/var"] is None
    assert unknown["disk./var"] == "/var: Permission denied"


def test_uefi(machine, tmp_path):
    code = tmp_path / "OVMF_CODE_4M.fd"
    code.touch()
    (tmp_path / "uefi.properties").write_text(
        f"# UEFI\nguest.loader.legacy={code}\nguest.loader.secure={code}.no\nguest.nvram.path=\n"
    )
    found, unknown = machine()
    assert found["uefi"]["configured"] == {
        "guest.loader.legacy": str(code),
        "guest.loader.secure": f"{code}.no",
        "guest.nvram.path": "",
    }
    assert found["uefi"]["missing"] == [f"{code}.no"]
    assert not [key for key in unknown if key.startswith("uefi")]


def test_no_uefi_configured(machine):
    assert machine()[0]["uefi"]["configured"] == {}


def test_uefi_that_cannot_be_read(machine, tmp_path):
    (tmp_path / "uefi.properties").write_text("guest.loader.legacy=\0")
    found, unknown = machine()
    assert (found["uefi"]["configured"], found["uefi"]["missing"]) == (None, None)
    assert "zero bytes" in unknown["uefi"]


def test_uefi_files_that_may_not_be_seen(machine, tmp_path, monkeypatch):
    def refuse(path, **_options):
        raise PermissionError(13, "Permission denied", path)

    (tmp_path / "uefi.properties").write_text("guest.nvram.path=/var/lib/libvirt/qemu/nvram/\n")
    absent = machine_facts._absent
    monkeypatch.setattr(machine_facts.os, "stat", refuse)
    unknown = {}
    assert absent(unknown, ["/var/lib/libvirt/qemu/nvram/"]) is None
    assert unknown == {"uefi.missing": "/var/lib/libvirt/qemu/nvram/: Permission denied"}
