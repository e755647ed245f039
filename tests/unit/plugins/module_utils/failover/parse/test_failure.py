# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of addresses and NFS servers, on what Debian 12 prints."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.parse.failure import (
    device_of,
    is_own_cgroup,
    nfs_peers,
    nfs_servers,
    route_device,
)

OPTIONS = (
    "rw,relatime,vers=4.2,rsize=1048576,wsize=1048576,namlen=255,hard,proto=tcp,timeo=600,retrans=2,sec=sys"
    ",clientaddr=192.0.2.11,local_lock=none,addr=192.0.2.60"
)
MOUNTS = f"""\
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
192.0.2.60:/export/primary /mnt/9a3b1c52-5a0e-3f4e-8d43-0d7b5c1f2e11 nfs4 {OPTIONS} 0 0
nas:/secondary /mnt/secondary nfs ro,relatime,vers=3,mountaddr=192.0.2.61,mountproto=udp,addr=192.0.2.61 0 0
/dev/sda1 / ext4 rw,relatime 0 0
"""
ADDRESSES = (
    '[{"ifindex":1,"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},'
    '{"ifindex":5,"ifname":"cloudbr0","operstate":"UP","addr_info":[{"family":"inet","local":"192.0.2.11",'
    '"prefixlen":24},{"family":"inet6","local":"fe80::1","prefixlen":64}]},{}]'
)
ROUTE = '[{"dst":"192.0.2.60","dev":"cloudbr0","prefsrc":"192.0.2.11","flags":[],"uid":0,"cache":[]}]'


def test_nfs_servers():
    assert nfs_servers(MOUNTS) == ["192.0.2.60", "192.0.2.61"]
    assert nfs_servers("") == []


PEERS = """\
0      0               192.0.2.11:871       192.0.2.60:2049
0      0      [2001:db8::11]:40123 [2001:db8::60]:2049
0      0 [::ffff:192.0.2.11]:996 [::ffff:192.0.2.61]:2049
"""


def test_nfs_servers_of_programs_that_mount_nothing():
    assert nfs_peers(PEERS) == ["192.0.2.60", "192.0.2.61", "2001:db8::60"]
    assert nfs_peers("Error: an inet prefix is expected\n") == []


@pytest.mark.parametrize(
    ("address", "device"), [("192.0.2.11", "cloudbr0"), ("fe80::1", "cloudbr0"), ("192.0.2.1", None)]
)
def test_the_device_of_an_address(address, device):
    assert device_of(ADDRESSES, address) == device


def test_the_device_of_a_route():
    assert route_device(ROUTE) == "cloudbr0"
    assert route_device("[]") is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '"x"', "Error: inet address is expected"])
def test_what_ip_does_not_print(text):
    for read in (route_device, lambda text: device_of(text, "192.0.2.1")):
        with pytest.raises(ParseError):
            read(text)


MOUNT = "36 30 0:31 {root} /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
OTHER = "35 30 0:30 / /proc rw,nosuid - proc proc rw\n"


@pytest.mark.parametrize(
    ("mounts", "cgroup", "own"),
    [
        (OTHER + MOUNT.format(root="/"), "0::/init.scope\n", True),
        (OTHER + MOUNT.format(root="/"), "0::/\n", True),
        # What is mounted there is above the container: its freezer stops the machine.
        (OTHER + MOUNT.format(root="/../.."), "0::/init.scope\n", False),
        (OTHER + MOUNT.format(root="/"), "0::/libpod_parent/libpod-1234/init.scope\n", False),
        (MOUNT.format(root="/") + MOUNT.format(root="/.."), "0::/\n", False),
        (OTHER, "0::/\n", False),
        (MOUNT.format(root="/"), "12:pids:/libpod-1234\n0::/\n", True),
        ("", "", False),
    ],
)
def test_whether_the_cgroup_is_the_containers_own(mounts, cgroup, own):
    assert is_own_cgroup(mounts, cgroup) is own
