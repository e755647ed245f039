# SPDX-License-Identifier: GPL-3.0-or-later
"""A BMC over LAN: the password is in a file for its owner alone, and power is switched once."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.lan import LanBmc
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError

from tests.unit.plugins.scripted import FakeClock

SECRET = "correct horse"


class Ipmitool:
    """Plays ipmitool: power goes off some looks after it was told to."""

    def __init__(self, power="on", late=0, refuse="", refuse_power=""):
        self.power, self.late, self.refuse, self.calls = power, late, refuse, []
        self.refuse_power = refuse_power  # what is answered to power off, also by one that does it

    def __call__(self, argv, *, timeout):
        assert SECRET not in " ".join(argv)
        path = argv[argv.index("-f") + 1]
        with open(path, encoding="utf-8") as file:
            assert file.read() == SECRET
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        words = " ".join(argv[argv.index("-f") + 2 :])
        self.calls.append(words)
        if self.refuse:
            return Answer(argv, 1, stderr=f"Some warning\n{self.refuse}\n")
        if words != "chassis power status":
            self.wanted = words.split()[-1]
            if self.refuse_power:
                return Answer(argv, 1, stderr=f"{self.refuse_power}\n")
            return Answer(argv, 0, f"Chassis Power Control: {self.wanted.capitalize()}\n")
        self.late -= 1 if hasattr(self, "wanted") else 0
        if hasattr(self, "wanted") and self.late < 0:
            self.power = self.wanted
        return Answer(argv, 0, f"Chassis Power is {self.power}\n")


def bmc(tool):
    return LanBmc("192.0.2.200", 623, "ADMIN", SECRET, run=tool, clock=FakeClock())


def test_power_off_is_told_once_and_waited_for():
    tool = Ipmitool(late=3)
    bmc(tool).switch("off", 30)
    assert tool.calls[0] == "chassis power off"
    assert tool.calls[1:] == ["chassis power status"] * 4
    assert bmc(tool).power() == "off"


def test_a_machine_that_stays_on():
    with pytest.raises(CommandError, match="the power is not off after 30 s"):
        bmc(Ipmitool(late=100)).switch("off", 30)


REFUSAL = "Unable to set Chassis Power Control to Down/Off"


def test_a_refusal_of_what_is_done_is_no_failure():
    """The answer to the first try was late, and the BMC refuses the second, as the machine is going off."""
    tool = Ipmitool(late=3, refuse_power=REFUSAL)
    bmc(tool).switch("off", 30)
    assert tool.calls.count("chassis power off") == 1


def test_a_refusal_after_which_the_machine_stays_on_is_told():
    with pytest.raises(CommandError, match=REFUSAL):
        bmc(Ipmitool(late=100, refuse_power=REFUSAL)).switch("off", 30)


def test_a_bmc_that_refuses_says_why_and_no_password():
    refusal = "Error: Unable to establish IPMI v2 / RMCP+ session"
    with pytest.raises(CommandError) as failed:
        bmc(Ipmitool(refuse=refusal)).power()
    assert refusal in str(failed.value)
    assert SECRET not in str(failed.value)
    assert "oobm_password" in str(failed.value)
