# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes up after a power cut is the work of the back end that was there, and of no other."""

SERVICES = {"netplan": "systemd-networkd", "networkd": "systemd-networkd", "networkmanager": "NetworkManager"}


def test_the_back_end_that_was_there_is_the_only_one(host):
    name = host.check_output("hostname").removeprefix("network-backends-")
    assert host.service(SERVICES[name]).is_running
    assert not host.service("networking").is_enabled
    assert not host.file("/etc/network/interfaces").exists
