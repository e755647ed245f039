# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes a service has, without asking systemd."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files

V2 = "/sys/fs/cgroup/system.slice/libvirtd.service/cgroup.procs"
V1 = "/sys/fs/cgroup/systemd/system.slice/libvirtd.service/cgroup.procs"


@pytest.mark.parametrize(
    ("files", "expected"), [({V2: "3501\n3478\n"}, [3501, 3478]), ({V1: "1\n"}, [1]), ({V2: ""}, []), ({}, [])]
)
def test_processes(monkeypatch, files, expected):
    monkeypatch.setattr(fact_files, "read_or_none", files.get)
    assert fact_files.processes("libvirtd.service") == expected
