# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bmc with the real ipmitool against OpenIPMI's ipmi_sim. The system interface is played by a session over
LAN of another account, which may do all that the host itself may."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client import ipmitool
from ansible_collections.cloudstack.kvm.plugins.modules import bmc

from lab.control.bmc import EMULATION
from tests.unit.plugins.modules.edge import run_module

pytestmark = pytest.mark.full
OWNER = "owner-secret1"
PASSWORD = "planted-secret1"
CONFIGURATION = """name "host"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid 44454c4c000010008000000000000003
    lan_config_program "{folder}/lan"
  endlan
  chassis_control "{folder}/chassis"
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "OWNER" "{password}" admin 10 none md2 md5 straight
"""
LAN = """#!/bin/bash
operation=$1
shift
declare -A default=([ip_addr]=198.51.100.9 [ip_addr_src]=dhcp [mac_addr]=02:00:00:00:99:01 [subnet_mask]=255.255.255.0
  [default_gw_mac_addr]=00:00:00:00:00:00 [backup_gw_mac_addr]=00:00:00:00:00:00)
while [ $# -gt 0 ]; do
  name=$1
  shift
  case $operation in
    get) echo "$name:$(cat "{folder}/set.$name" 2>/dev/null || echo "${{default[$name]:-0.0.0.0}}")" ;;
    set) echo "$1" > "{folder}/set.$name"; shift ;;
  esac
done
"""
CHASSIS = """#!/bin/bash
[ "$1" = get ] && echo power:1
exit 0
"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def program(path, text) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A host whose ipmitool talks to a BMC of its own; what it was called with is in `argv`."""
    port, real = free_port(), shutil.which("ipmitool")
    (tmp_path / "lan.conf").write_text(CONFIGURATION.format(port=port, folder=tmp_path, password=OWNER))
    (tmp_path / "sim.emu").write_text(EMULATION)
    program(tmp_path / "lan", LAN.format(folder=tmp_path))
    program(tmp_path / "chassis", CHASSIS)
    over_lan = f"{real} -I lanplus -C 3 -H 127.0.0.1 -p {port}"
    (tmp_path / "bin").mkdir()
    record = f'echo "$@" >> {tmp_path}/argv'
    program(
        tmp_path / "bin" / "ipmitool",
        f'#!/bin/bash\n{record}\nexport IPMI_PASSWORD={OWNER}\nexec {over_lan} -U OWNER -E "$@"\n',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(ipmitool, "DEVICES", (str(tmp_path),))
    with (tmp_path / "log").open("w") as log:
        simulator = subprocess.Popen(
            ["ipmi_sim", "-n", "-c", "lan.conf", "-f", "sim.emu", "-s", str(tmp_path / "state")],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_for(["ipmitool", "mc", "info"])
            yield tmp_path, [*over_lan.split(), "-E"]
        finally:
            simulator.kill()
            simulator.wait()


def wait_for(argv) -> None:
    deadline = time.monotonic() + 60
    while subprocess.run(argv, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "the BMC does not start"


def over_lan(argv, user, password, *words):
    env = {**os.environ, "IPMI_PASSWORD": password}
    return subprocess.run([*argv, "-U", user, *words], env=env, capture_output=True, text=True, check=False)


def test_lan_account_and_privilege_are_set_and_used_over_lan(machine, capsys):
    folder, lan = machine
    wanted = {
        "address": "198.51.100.11",
        "netmask": "255.255.255.128",
        "gateway": "198.51.100.1",
        "vlan": 40,
        "username": "cloudstack",
        "password": PASSWORD,
    }
    assert over_lan(lan, "cloudstack", PASSWORD, "chassis", "power", "status").returncode != 0
    predicted = run_module(bmc, capsys, check=True, **wanted)
    assert predicted["changed"] and predicted["bmc"]["address"] == "198.51.100.9", "check mode wrote something"

    done = run_module(bmc, capsys, **wanted)
    assert done["changed"] and done["diff"] == predicted["diff"]
    shown = {key: done["bmc"][key] for key in ("source", "address", "netmask", "gateway", "vlan", "privilege")}
    assert shown == {
        "source": "Static Address",
        "address": "198.51.100.11",
        "netmask": "255.255.255.128",
        "gateway": "198.51.100.1",
        "vlan": 40,
        "privilege": "administrator",
    }
    power = over_lan(lan, "cloudstack", PASSWORD, "chassis", "power", "status")
    assert power.stdout == "Chassis Power is on\n", power.stderr

    again = run_module(bmc, capsys, **wanted)
    assert (again["changed"], again["diff"]) == (False, [])

    lower = run_module(bmc, capsys, username="cloudstack", password=PASSWORD, privilege="operator")
    assert lower["bmc"]["privilege"] == "operator" and "without -L" in str(lower["warnings"])
    # ipmi_sim grants an operator more than it says; so what it says is compared.
    power = over_lan(lan, "cloudstack", PASSWORD, "-L", "OPERATOR", "chassis", "power", "status")
    assert power.returncode == 0, power.stderr
    assert "OPERATOR" in over_lan(lan, "OWNER", OWNER, "channel", "getaccess", "1", "3").stdout

    said = str([predicted, done, again, lower]) + (folder / "argv").read_text()
    assert PASSWORD not in said
    assert PASSWORD.encode().hex(" ") not in said.replace("0x", "")
