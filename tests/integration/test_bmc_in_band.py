# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bmc with the real ipmitool against OpenIPMI's ipmi_sim. The system interface is played by a session over
LAN of another account, which may do all that the host itself may; test_bmc_vm.py has the real one."""

from __future__ import annotations

import os

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client import ipmitool
from ansible_collections.cloudstack.kvm.plugins.modules import bmc

from tests.integration.ipmi_bmc import OWNER, OWNER_PASSWORD, program, running_bmc
from tests.unit.plugins.modules.edge import run_module

pytestmark = pytest.mark.full
PASSWORD = "planted-secret1"
WANTED = {
    "address": "198.51.100.11",
    "netmask": "255.255.255.128",
    "gateway": "198.51.100.1",
    "vlan": 40,
    "username": "cloudstack",
    "password": PASSWORD,
}
POWER = ("chassis", "power", "status")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A host whose ipmitool talks to a BMC of its own; what it was called with is in `argv`."""
    with running_bmc(tmp_path) as running:
        (tmp_path / "bin").mkdir()
        program(
            tmp_path / "bin" / "ipmitool",
            f'#!/bin/bash\necho "$@" >> {tmp_path}/argv\nexport IPMI_PASSWORD={OWNER_PASSWORD}\n'
            f'exec {" ".join(running.command)} -U {OWNER} "$@"\n',
        )
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
        monkeypatch.setattr(ipmitool, "DEVICES", (str(tmp_path),))
        yield running


def test_lan_account_and_privilege_are_set_and_used_over_lan(machine, tmp_path, capsys):
    assert machine.ask("cloudstack", PASSWORD, *POWER).returncode != 0
    predicted = run_module(bmc, capsys, check=True, **WANTED)
    assert predicted["changed"] and predicted["bmc"]["address"] == "198.51.100.9", "check mode wrote something"

    done = run_module(bmc, capsys, **WANTED)
    assert done["changed"] and done["diff"] == predicted["diff"]
    expected = {**WANTED, "source": "Static Address", "privilege": "administrator"}
    shown = {key: done["bmc"][key] for key in ("source", "address", "netmask", "gateway", "vlan", "privilege")}
    assert shown.items() <= expected.items()
    power = machine.ask("cloudstack", PASSWORD, *POWER)
    assert power.stdout == "Chassis Power is on\n", power.stderr

    again = run_module(bmc, capsys, **WANTED)
    assert (again["changed"], again["diff"]) == (False, [])

    lower = run_module(bmc, capsys, username="cloudstack", password=PASSWORD, privilege="operator")
    assert lower["bmc"]["privilege"] == "operator" and "without -L" in str(lower["warnings"])
    # ipmi_sim grants an operator more than it says; so what it says is compared.
    power = machine.ask("cloudstack", PASSWORD, "-L", "OPERATOR", *POWER)
    assert power.returncode == 0, power.stderr
    assert "OPERATOR" in machine.ask(OWNER, OWNER_PASSWORD, "channel", "getaccess", "1", "3").stdout

    said = str([predicted, done, again, lower]) + (tmp_path / "argv").read_text()
    assert PASSWORD not in said
    assert PASSWORD.encode().hex(" ") not in said.replace("0x", "")
