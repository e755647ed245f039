# SPDX-License-Identifier: GPL-3.0-or-later
"""bmc on a host without /dev/ipmi0, and with a password that is refused before anything runs. The rest has a BMC:
tests/integration/test_bmc_in_band.py."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client import ipmitool
from ansible_collections.cloudstack.kvm.plugins.modules import bmc

from tests.unit.plugins.modules.edge import run_module


@pytest.fixture(autouse=True)
def no_device(monkeypatch, tmp_path):
    monkeypatch.setattr(ipmitool, "DEVICES", (str(tmp_path / "ipmi0"),))


def test_no_device(capsys):
    failed = run_module(bmc, capsys, vlan=40)
    assert failed["failed"]
    for part in ("cannot talk to its BMC", "modprobe -a ipmi_si ipmi_devintf", "oobm_in_band to false"):
        assert part in failed["msg"]


def test_check_mode_says_that_it_cannot_tell(capsys):
    predicted = run_module(bmc, capsys, check=True, vlan=40)
    assert (predicted["changed"], predicted["bmc"]) == (False, None)
    assert "cannot be predicted" in str(predicted["warnings"])


def test_a_password_of_21_bytes(capsys):
    failed = run_module(bmc, capsys, username="cloudstack", password="planted-secret-of-21b")
    assert "Observed: 21 bytes" in failed["msg"]
    assert "planted" not in str(failed)
