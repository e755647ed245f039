# SPDX-License-Identifier: GPL-3.0-or-later
"""Small texts of a Linux system into values."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import system
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

ROCKY = 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
OURS = 'ID=ourlinux\nID_LIKE="debian"\n'


def test_os_release():
    assert system.parse_os_release(text("os_release/debian12.txt")) == {
        "id": "debian",
        "version_id": "12",
        "codename": "bookworm",
        "name": "Debian GNU/Linux",
        "family": "debian",
    }
    assert system.parse_os_release(ROCKY)["family"] == "redhat"
    assert system.parse_os_release(OURS)["family"] == "debian"
    assert system.parse_os_release("ID=void\n")["family"] == "void"
    with pytest.raises(ParseError, match="no ID"):
        system.parse_os_release("nothing here")


def test_lscpu():
    cpu = system.parse_lscpu(text("lscpu/debian12_amd.json"))
    assert (cpu["vendor"], cpu["family"], cpu["model_id"], cpu["stepping"]) == ("AuthenticAMD", 6, 6, 3)
    assert (cpu["sockets"], cpu["cores"], cpu["threads"]) == (1, 1, 1)
    assert "svm" in cpu["flags"]
    assert cpu["flags"] == sorted(cpu["flags"])
    assert cpu["mhz"] is None


def test_lscpu_that_nests_its_fields():
    fields = [
        {
            "field": "Vendor ID:",
            "data": "GenuineIntel",
            "children": [{"field": "Socket(s):", "data": "2"}, {"field": "Core(s) per socket:", "data": "8"}],
        }
    ]
    cpu = system.parse_lscpu(json.dumps({"lscpu": fields}))
    assert (cpu["vendor"], cpu["sockets"], cpu["cores"], cpu["threads"]) == ("GenuineIntel", 2, 16, None)


def test_cpuinfo():
    assert system.parse_cpuinfo(text("cpuinfo/debian12_amd.txt")) == {"mhz": 2596.119, "microcode": "0x1000065"}
    assert system.parse_cpuinfo("processor : 0\n") == {"mhz": None, "microcode": None}


def test_meminfo():
    memory = system.parse_meminfo(text("meminfo/debian12.txt"))
    assert memory["total_bytes"] == 2977196 * 1024
    assert (memory["hugepages_total"], memory["hugepage_bytes"], memory["swap_total_bytes"]) == (0, 2 * 1024 * 1024, 0)
    with pytest.raises(ParseError, match="MemTotal"):
        system.parse_meminfo("")


def test_node_memory():
    assert (
        system.parse_node_memory("Node 0 MemTotal:        9529120 kB\nNode 0 MemFree:         6055940 kB\n")
        == 9529120 * 1024
    )
    with pytest.raises(ParseError, match="no MemTotal"):
        system.parse_node_memory("MemTotal: 1 kB\n")


def test_packages():
    lines = [line.split(" ") for line in text("dpkg_query/debian12_joined.txt").splitlines()]
    shown = "".join(f"{line[0]} {'ii ' if line[1] else 'un '} {line[1]}\n" for line in lines)
    found = system.parse_packages(shown, ["cloudstack-agent", "libvirt-bin", "nowhere"])
    assert found == {"cloudstack-agent": "4.22.1.0", "libvirt-bin": None, "nowhere": None}
    assert system.parse_packages("half iU 1\ngone rc 1\npackage x is not installed\n", ["half", "gone", "x"]) == {
        "half": None,
        "gone": None,
        "x": None,
    }


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("libvirtd (libvirt) 9.0.0\n", "9.0.0"),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n", "7.2.22"),
        ("oops", None),
    ],
)
def test_version(shown, expected):
    assert system.parse_version(shown) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (text("java_version/debian12_17.txt"), "17.0.21.1"),
        ("openjdk 21.0.2 2024-01-16\nOpenJDK Runtime Environment", "21.0.2"),
        ('java version "1.8.0_392"\n', "1.8.0_392"),
        ('IMPLEMENTOR="Debian"\nJAVA_VERSION="17.0.15"\nJAVA_VERSION_DATE="2025-04-15"\n', "17.0.15"),
        ("sh: java: not found", None),
    ],
)
def test_java_version(shown, expected):
    assert system.parse_java_version(shown) == expected


def test_listeners():
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    rows = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
    rows += "   1: 0B00580A:0016 0100580A:D000 01 00000000:00000000 00:00000000 00000000     0        0 2 1\n"
    assert system.parse_listeners(head + rows) == [{"address": "127.0.0.1", "port": 8080}]
    six = "   0: 00000000000000000000000001000000:4082 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 1 1\n"
    assert system.parse_listeners(six) == [{"address": "::1", "port": 16514}]


def test_nfs_mounts():
    mounts = "proc /proc proc rw 0 0\n10.88.2.254:/export/primary /mnt/8d3f nfs4 rw,vers=4.2,hard 0 0\n"
    assert system.parse_nfs_mounts(mounts) == [
        {"source": "10.88.2.254:/export/primary", "path": "/mnt/8d3f", "options": "rw,vers=4.2,hard"}
    ]


def test_initiator():
    assert (
        system.parse_initiator("## comment\nInitiatorName=iqn.1993-08.org.debian:01:abc\n")
        == "iqn.1993-08.org.debian:01:abc"
    )
    assert system.parse_initiator("GenerateName=yes\n") is None


PARSERS = [
    system.parse_os_release,
    system.parse_lscpu,
    system.parse_cpuinfo,
    system.parse_meminfo,
    system.parse_node_memory,
    system.lscpu_fields,
    lambda shown: system.parse_packages(shown, ["a"]),
    system.parse_version,
    system.parse_java_version,
    system.parse_listeners,
    system.parse_nfs_mounts,
    system.parse_initiator,
]
VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.just([]), st.just({"field": 1}))
FIELDS = st.lists(
    st.dictionaries(st.sampled_from(["field", "data", "children"]), st.one_of(VALUES, st.just("CPU(s):"))), max_size=4
)
PIECES = [
    "Id=",
    "Names=",
    "a",
    "=",
    ":",
    " ",
    "\n",
    "0: ",
    "0A ",
    "00000000",
    "Node 0 ",
    "MemTotal: ",
    "1 kB",
    "9" * 5000,
    "ii",
    "²",
]
LINES = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@given(st.one_of(st.text(), LINES))
def test_garbage_is_a_value_or_a_parse_error(content):
    for parse in PARSERS:
        try:
            parse(content)
        except ParseError as error:
            assert error.source


@given(st.one_of(FIELDS.map(lambda fields: {"lscpu": fields}), VALUES).map(json.dumps))
def test_json_of_another_form_is_a_value_or_a_parse_error(content):
    try:
        assert "vendor" in system.parse_lscpu(content)
    except ParseError as error:
        assert error.source == "lscpu -J"


def test_mounts_that_hold_files():
    lines = (
        "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0",
        "/dev/vda1 / ext4 rw,relatime 0 0",
        "tmpfs /tmp tmpfs rw,nosuid,nodev,noexec,size=512m 0 0",
        "/dev/mapper/gfs1 /srv/our\\040gfs gfs2 rw,relatime 0 0",
        "tmpfs /run/user/0 tmpfs rw,nosuid 0 0",
        "overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0",
        "10.88.2.254:/export/primary /mnt/8d3fc311-b308-3ded-b391-5d4e4ae3887c nfs4 rw,noexec,vers=4.2 0 0",
        "torn line",
    )
    found = system.parse_mounts("\n".join(lines))
    assert [(each["path"], each["type"], each["noexec"]) for each in found] == [
        ("/", "ext4", False),
        ("/tmp", "tmpfs", True),
        ("/srv/our gfs", "gfs2", False),
        ("/mnt/8d3fc311-b308-3ded-b391-5d4e4ae3887c", "nfs4", True),
    ]
