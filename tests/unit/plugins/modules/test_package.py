# SPDX-License-Identifier: GPL-3.0-or-later
"""package: check mode tells what the real run does, and installs nothing."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.client.package_manager import PackageManager
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.model.package import Installed
from ansible_collections.cloudstack.kvm.plugins.modules import package

from tests.unit.plugins.modules.edge import run_module


@pytest.fixture
def host(monkeypatch):
    """What is installed on the host, by name."""
    there = {"bash": Installed("bash", "5.2")}
    monkeypatch.setattr(PackageManager, "installed", lambda self: list(there.values()))
    monkeypatch.setattr(
        PackageManager, "install", lambda self, names: there.update({name: Installed(name, "1") for name in names})
    )
    return there


def test_check_real_and_again(host, capsys):
    predicted = run_module(package, capsys, check=True, names=["bash", "chrony"])
    assert list(host) == ["bash"], "check mode installed something"
    done = run_module(package, capsys, names=["bash", "chrony"])
    assert (done["changed"], done["packages"], done["diff"]) == (True, ["chrony"], predicted["diff"])
    again = run_module(package, capsys, names=["bash", "chrony"])
    assert (again["changed"], again["packages"], again["diff"]) == (False, [], [])


def test_an_option_is_not_a_package(host, capsys):
    failed = run_module(package, capsys, names=["--allow-downgrades"])
    assert failed["failed"] and "not the name of a package" in failed["msg"]
