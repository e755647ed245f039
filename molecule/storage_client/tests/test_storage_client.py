# SPDX-License-Identifier: GPL-3.0-or-later
"""The NFS client is there, tuned, and nothing is mounted or left on the export."""

from __future__ import annotations


def test_packages(host):
    assert host.package("nfs-common").is_installed
    assert host.package("libnfs-utils").is_installed


def test_mount_options_are_read_by_the_client(host):
    options = host.file("/etc/nfsmount.conf.d/cloudstack-kvm.conf")
    assert options.mode == 0o644
    assert "[ NFSMount_Global_Options ]" in options.content_string
    assert "Proto=tcp" in options.content_string


def test_nothing_is_mounted(host):
    assert " nfs" not in host.file("/proc/mounts").content_string


def test_export_is_as_it_was(host):
    listed = host.check_output("nfs-ls nfs://10.88.2.254/export/primary")
    assert ".cloudstack-kvm" not in listed
