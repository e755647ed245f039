# SPDX-License-Identifier: GPL-3.0-or-later
"""The BMC in band, by a scripted ipmitool: which commands run, and where a password may not be."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.ipmitool import LocalBmc
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan

CAPTURED = Path(__file__).parents[5] / "fixtures" / "ipmitool"
PASSWORD = "planted-secret1"
HEX = "0x70 0x6c 0x61 0x6e"
LAN_CHANNEL = """Channel 0x1 info:
  Channel Medium Type   : 802.3 LAN
  Volatile(active) Settings
    Access Mode         : always available
"""
SERIAL = (CAPTURED / "ipmitool-channel-info.txt").read_text()
ANSWERS = {
    "channel info 1": LAN_CHANNEL,
    "lan print 1": (CAPTURED / "ipmitool-lan-print-1.txt").read_text(),
    "user list 1": (CAPTURED / "ipmitool-user-list-1.txt").read_text(),
    "channel getaccess 1 1": (CAPTURED / "ipmitool-channel-getaccess-1-2.txt").read_text(),
    "channel getaccess 1 2": (CAPTURED / "ipmitool-channel-getaccess-1-2.txt").read_text(),
}
WRONG = "Unable to send RAW command (channel=0x0 netfn=0x6 lun=0x0 cmd=0x47 rsp=0x80): Unknown (0x80)\n"


class Script:
    """ipmitool that answers from a table; what it does not know is a failure. `stored` is the account's password."""

    def __init__(self, answers=None, stored=PASSWORD, tests=True):
        self.answers, self.stored, self.tests = {**ANSWERS, **(answers or {})}, stored, tests
        self.argv, self.lines = [], []

    def __call__(self, argv, *, stdin=""):
        self.argv.append(argv)
        if argv == ("ipmitool", "shell"):
            return self._shell(argv, stdin)
        text = self.answers[" ".join(argv[1:])]
        return text if isinstance(text, Answer) else Answer(argv, 0, text)

    def _shell(self, argv, stdin):
        line, quit_, rest = stdin.split("\n")
        assert (quit_, rest) == ("quit", "")
        self.lines.append(line)
        numbers = [int(each, 16) for each in line.split()[1:]]
        assert numbers[:2] == [0x06, 0x47]
        given = bytes(numbers[4:]).rstrip(b"\0").decode()
        refused = numbers[3] == 3 and self.tests and given != self.stored
        return Answer(argv, 0, f"ipmitool> {line}\n\nipmitool> quit\n", WRONG if refused else "")


def test_fetch():
    script = Script()
    seen = LocalBmc(script).fetch(None, "ADMIN")
    assert (seen.channel, seen.access_mode, seen.max_accounts) == (1, "always available", 63)
    assert seen.accounts[1].name == "ADMIN"
    assert [" ".join(argv[1:]) for argv in script.argv] == [
        "channel info 1",
        "user list 1",
        "channel getaccess 1 1",
        "channel getaccess 1 2",
        "lan print 1",
    ]


@pytest.mark.parametrize(
    ("stored", "tests", "expected"), [(PASSWORD, True, True), ("another", True, False), (PASSWORD, False, None)]
)
def test_password(stored, tests, expected):
    script = Script(stored=stored, tests=tests)
    assert LocalBmc(script).password_fits(2, PASSWORD) is expected
    assert PASSWORD not in str(script.argv)
    assert all(argv == ("ipmitool", "shell") for argv in script.argv)
    assert HEX in script.lines[0]


@pytest.mark.parametrize(
    ("password", "size", "first"), [("sixteen-letters1", 16, 3), ("twenty-letters-long1", 20, 0x83)]
)
def test_size(password, size, first):
    script = Script(stored=password)
    LocalBmc(script).apply(Plan((Change("set", "x", data={"password_of": 3}),)), password)
    numbers = [int(each, 16) for each in script.lines[0].split()[1:]]
    assert numbers[2:4] == [first, 2]
    assert bytes(numbers[4:]) == password.encode().ljust(size, b"\0")


@pytest.mark.parametrize(
    "stderr",
    [
        "Compiled without readline, shell is disabled\n",
        "Could not open device at /dev/ipmi0 or /dev/ipmi/0 or /dev/ipmidev/0: No such file or directory\n",
    ],
)
def test_no_shell(stderr):
    bmc = LocalBmc(lambda argv, stdin="": Answer(argv, 1, f"ipmitool> {stdin}", stderr))
    with pytest.raises(CommandError) as caught:
        bmc.password_fits(2, PASSWORD)
    assert HEX not in str(caught.value)
    assert "cannot be given to ipmitool" in str(caught.value)


def test_a_refused_password_is_in_no_message():
    bmc = LocalBmc(lambda argv, stdin="": Answer(argv, 0, f"ipmitool> {stdin}", WRONG.replace("0x80", "0xcc")))
    with pytest.raises(CommandError) as caught:
        bmc.apply(Plan((Change("set", "x", data={"password_of": 3}),)), PASSWORD)
    assert "refuses the password" in str(caught.value)
    assert HEX not in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("answers", "channel", "words"),
    [
        ({"channel info 1": SERIAL, "channel info 2": SERIAL}, None, "802.3 LAN at channel 1 or 2"),
        ({"channel info 6": SERIAL}, 6, "802.3 LAN at channel 6"),
        (
            {"user list 1": Answer(("ipmitool", "user", "list", "1"), 1, "", "Get User Access command failed")},
            None,
            "Get User Access command failed",
        ),
    ],
)
def test_no_answer(answers, channel, words):
    with pytest.raises(CommandError) as caught:
        LocalBmc(Script(answers)).fetch(channel, None)
    assert words in str(caught.value)
