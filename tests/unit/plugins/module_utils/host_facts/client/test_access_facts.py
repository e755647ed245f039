# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd, authorized keys, sudo and the BMC from scripted answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import access_facts

from tests.unit.plugins.captured import raw, text

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"
MISSING = Answer(("x",), None, problem="x is not installed")
SSHD = Answer(("/usr/sbin/sshd", "-T"), 0, text("sshd/debian12.txt"))
SUDO = Answer(("sudo", "-n", "-l", "-U", "ops"), 0, text("sudo_list/three.txt"))
LAN = (
    text("ipmitool/ipmitool-lan-print.txt")
    .replace("0.0.0.0", "10.88.0.211", 1)
    .replace("00:00:00:00:00:00", "d0:94:66:00:00:01", 1)
    .replace("Bad Password Threshold  : Not Available", "Bad Password Threshold  : 3")
)
SERIAL = Answer(("ipmitool",), 0, text("ipmitool/ipmitool-channel-info.txt"))
BMC = {
    "bmc.lan": Answer(("ipmitool",), 0, LAN),
    "bmc.guid": Answer(("ipmitool",), 0, "System GUID  : 44454c4c-3200-1046-8033-b2c04f39354a\n"),
    "bmc.channel1": SERIAL,
    "bmc.channel2": Answer(
        ("ipmitool",),
        0,
        "Channel 0x2 info:\n  Channel Medium Type   : 802.3 LAN\n    Access Mode         : always available\n",
    ),
}


@pytest.fixture(autouse=True)
def host(monkeypatch, tmp_path):
    """A host of its own, with the accounts root and ops; no command is run but through `run`, which fails the test."""
    config = tmp_path / "sshd_config"
    config.write_text(f"Include {tmp_path}/*.conf\n")
    for name in ("root", "ops"):
        (tmp_path / name / ".ssh").mkdir(parents=True)
    accounts = {
        name: SimpleNamespace(pw_uid=number, pw_dir=str(tmp_path / name))
        for name, number in (("root", 0), ("ops", 1000))
    }
    monkeypatch.setattr(access_facts, "pwd", SimpleNamespace(getpwnam=accounts.__getitem__))
    monkeypatch.setattr(access_facts, "SSHD_CONFIG", str(config))
    monkeypatch.setattr(access_facts, "program", lambda name: f"/usr/bin/{name}")
    users = {USERS: Answer(USERS, 0, text("ipmitool/ipmitool-user-list-1.txt"))}
    monkeypatch.setattr(access_facts, "run", lambda argv: users.get(argv) or pytest.fail(f"unexpected {argv}"))
    return tmp_path


USERS = ("ipmitool", "user", "list", "2")
ACCOUNTS = [
    {"user_id": 2, "name": "ADMIN", "privilege": "administrator", "messaging": True},
    {"user_id": 3, "name": "oper", "privilege": "operator", "messaging": True},
]


def collected(user="ops", sshd=SSHD, sudo=SUDO, bmc=BMC):
    unknown = {}
    return access_facts.collect({"ssh.sshd": sshd, "sudo.rules": sudo, **bmc}, unknown, user), unknown


def test_a_good_host(host):
    (host / "root" / ".ssh" / "authorized_keys").write_text(f"{KEY} a\n{KEY} b\n")
    found, unknown = collected()
    assert unknown == {}
    assert found["ssh"]["settings"]["port"] == ["22"]
    assert found["ssh"]["depends_on_address"] is False
    assert found["ssh"]["authorized_keys"] == {"root": [KEY], "ops": []}
    assert (found["sudo"]["installed"], found["sudo"]["requiretty"], set(found["sudo"]["commands"].values())) == (
        True,
        False,
        {True},
    )
    assert found["bmc"] == {
        "in_band": True,
        "guid": "44454c4c-3200-1046-8033-b2c04f39354a",
        "address": "10.88.0.211",
        "mac": "d0:94:66:00:00:01",
        "channel_access": "always available",
        "cipher_suites": list(range(1, 16)),
        "cipher_privileges": "a" * 15,
        "lockout": 3,
        "accounts": ACCOUNTS,
    }


def test_where_sshd_looks_for_keys(host):
    (host / "keys.ops").write_text(f"{KEY}\n")
    sshd = Answer(
        SSHD.argv, 0, SSHD.stdout.replace(".ssh/authorized_keys .ssh/authorized_keys2", f"none {host}/keys.%u")
    )
    assert collected(sshd=sshd)[0]["ssh"]["authorized_keys"] == {"root": [], "ops": [KEY]}


def test_no_such_account():
    found, unknown = collected(user="nope")
    assert found["ssh"]["authorized_keys"] == {"nope": None, "root": []}
    assert unknown == {"ssh.authorized_keys.nope": "there is no account nope"}


def test_a_match_on_addresses(host):
    (host / "a.conf").write_text("Match Address 10.88.0.0/24\n")
    assert collected()[0]["ssh"]["depends_on_address"] is True


@pytest.mark.parametrize(
    ("sshd", "uid", "why"),
    [
        (MISSING, 1000, "x is not installed"),
        (
            Answer(SSHD.argv, 1, "", "sshd: no hostkeys available -- exiting."),
            1000,
            "sshd -T needs root: `/usr/sbin/sshd -T` ended with 1: sshd: no hostkeys",
        ),
        (
            Answer(SSHD.argv, 255, "", "Missing privilege separation directory: /run/sshd"),
            0,
            "`/usr/sbin/sshd -T` ended with 255: Missing privilege",
        ),
    ],
)
def test_sshd_does_not_tell(monkeypatch, host, sshd, uid, why):
    monkeypatch.setattr(access_facts.os, "geteuid", lambda: uid)
    (host / "root" / ".ssh" / "authorized_keys2").write_text(f"{KEY}\n")
    found, unknown = collected(sshd=sshd)
    assert found["ssh"]["settings"] is None
    assert unknown["ssh.settings"].startswith(why)
    assert found["ssh"]["authorized_keys"]["root"] == [KEY]


def test_without_privileges(monkeypatch):
    def refuse(path, *_rest):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(access_facts.fact_files, "read", refuse)
    found, unknown = collected()
    assert (found["ssh"]["depends_on_address"], found["ssh"]["authorized_keys"]) == (None, {"ops": None, "root": None})
    assert unknown["ssh.authorized_keys.root"].endswith("root/.ssh/authorized_keys: Permission denied")


def test_no_sudo(monkeypatch):
    monkeypatch.setattr(access_facts, "program", lambda name: None)
    found, unknown = collected(sudo=MISSING)
    assert (found["sudo"]["installed"], set(found["sudo"]["commands"].values()), unknown) == (False, {False}, {})


@pytest.mark.parametrize(
    ("sudo", "why"),
    [
        (
            Answer(SUDO.argv, 1, "", "sudo: unable to resolve host h4: x\nsudo: unknown user ops\n"),
            "`sudo -n -l -U ops` ended with 1: sudo: unknown user ops",
        ),
        (
            Answer(SUDO.argv, 1, "", "sudo: a password is required\n"),
            "`sudo -n -l -U ops` ended with 1: sudo: a password is required",
        ),
        (Answer(SUDO.argv, None, problem="no answer within 20 s"), "no answer within 20 s"),
    ],
)
def test_sudo_does_not_tell(sudo, why):
    found, unknown = collected(sudo=sudo)
    nothing = dict.fromkeys(("requiretty", "noexec", "secure_path", "commands"))
    assert found["sudo"] == {"user": "ops", "installed": True, **nothing}
    assert unknown == dict.fromkeys(("sudo.requiretty", "sudo.noexec", "sudo.commands"), why)


@pytest.mark.parametrize("status", [0, 1])
def test_an_account_without_rights(status):
    found, unknown = collected(
        sudo=Answer(SUDO.argv, status, text("sudo_list/nobody_rule.txt"), "sudo: unable to resolve host h4: x\n")
    )
    assert (set(found["sudo"]["commands"].values()), unknown) == ({False}, {})


def test_requiretty_is_asked_through_a_terminal(monkeypatch):
    asked = []

    def run(argv):
        asked.append(argv)
        return Answer(tuple(argv), 0, raw("sudo_list/requiretty_terminal.txt").decode())

    monkeypatch.setattr(access_facts, "run", run)
    argv = ("sudo", "-n", "-l", "-U", "o'ps")
    found, unknown = collected(sudo=Answer(argv, 1, "", "sudo: sorry, you must have a tty to run sudo\n"), bmc={})
    unknown.pop("bmc")
    assert (found["sudo"]["requiretty"], unknown) == (True, {})
    assert asked == [("script", "-qec", "sudo -n -l -U 'o'\"'\"'ps'", "/dev/null")]


def test_no_bmc():
    found, unknown = collected(bmc={})
    assert found["bmc"] is None
    assert "/dev/ipmi0" in unknown["bmc"]


def test_no_ipmitool():
    found, unknown = collected(bmc=dict.fromkeys(BMC, MISSING))
    assert set(found["bmc"].values()) == {None}
    assert unknown == dict.fromkeys((f"bmc.{name}" for name in found["bmc"]), "x is not installed")


def test_a_bmc_that_knows_little():
    answers = {
        "bmc.lan": Answer(("ipmitool",), 0, text("ipmitool/ipmitool-lan-print.txt")),
        "bmc.guid": Answer(("ipmitool", "mc", "guid"), 1, "", text("ipmitool/ipmitool-mc-guid.txt")),
        "bmc.channel1": SERIAL,
        "bmc.channel2": SERIAL,
    }
    found, unknown = collected(bmc=answers)
    known = {"in_band": True, "cipher_suites": list(range(1, 16)), "cipher_privileges": "a" * 15}
    assert found["bmc"] == {**dict.fromkeys(found["bmc"]), **known}
    assert set(unknown) == {f"bmc.{name}" for name in set(found["bmc"]) - set(known)}


def test_a_bmc_that_does_not_list_its_accounts(monkeypatch):
    refused = Answer(USERS, 1, "", "Get User Access command failed (channel 2, user 1): Insufficient privilege level")
    monkeypatch.setattr(access_facts, "run", lambda argv: refused)
    found, unknown = collected()
    assert found["bmc"]["accounts"] is None
    assert "Insufficient privilege level" in unknown["bmc.accounts"]


@pytest.mark.parametrize("device", [True, False])
def test_questions(monkeypatch, host, device):
    (host / "policy").write_text("CRYPTO_POLICY='-oCiphers=aes256-ctr'\n")
    monkeypatch.setattr(access_facts, "CRYPTO_POLICY", str(host / "policy"))
    monkeypatch.setattr(access_facts.os.path, "exists", lambda _path: device)
    asked = access_facts.commands("ops")
    assert set(asked) == {"ssh.sshd", "sudo.rules", *(BMC if device else ())}
    assert asked["ssh.sshd"][:4] == ("/usr/bin/sshd", "-T", "-oCiphers=aes256-ctr", "-C")
    assert asked["ssh.sshd"][-1].startswith("user=ops,")
