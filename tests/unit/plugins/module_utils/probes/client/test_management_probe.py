# SPDX-License-Identifier: GPL-3.0-or-later
"""What a management server sees, with scripted programs in place of ssh and ipmitool, and no network."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import management_probe
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.management_probe import (
    ManagementProbe,
    ProbedHost,
    call,
    private_keys,
    ssh_command,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.port_probe import Answer as PortAnswer
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.login_answer import COMMAND, PROGRAMS

SECRET = "planted-password"
KEPT = "Warning: Permanently added '192.0.2.11' (ECDSA) to the list of known hosts."
RULES = "User cloud may run the following commands on host1:\n    (root) NOPASSWD: ALL"
WHOLE = "\n".join(
    ["@@ uid 0", "1000", "@@ kvm 0", *(f"@@ {program} 0" for program in PROGRAMS), "@@ rules 0", RULES, "@@ end 0"]
)
HOST = ProbedHost(
    "host1", "192.0.2.11", username="cloud", bmc_address="198.51.100.11", bmc_username="ADMIN", bmc_password=SECRET
)
IPMITOOL = 'echo "$* IPMI_PASSWORD=$IPMI_PASSWORD $IPMITOOL_PASSWORD" >> calls\ncase "$*" in\n'
POWERED = f'{IPMITOOL}*status) echo "Chassis Power is on";;\n*guid) echo "System GUID   : 33323130-3534-3736-3839-616263646566";;\nesac'  # noqa: E501
REFUSED = "echo 'Loading IANA PEN Registry...' >&2; echo '> RAKP 2 HMAC is invalid' >&2; exit 1"


class Server:
    """This machine as the management server: only the programs that a test gives it."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setenv("IPMITOOL_PASSWORD", "another")
        monkeypatch.setattr(
            management_probe.port_probe, "probe", lambda targets, timeout: [PortAnswer("open", 0.1) for _ in targets]
        )
        (folder / "id_rsa").touch()

    def program(self, name, text):
        (self.folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{text}\n")
        (self.folder / name).chmod(0o755)

    def ssh(self, status=0, stdout="", stderr=""):
        (self.folder / "out").write_text(stdout)
        (self.folder / "err").write_text(stderr)
        self.program("ssh", f"cat out; cat err >&2; exit {status}")

    def look(self, target=HOST, key="id_rsa", limit=60):
        return ManagementProbe(
            [f"{self.folder}/missing", f"{self.folder}/{key}"], [22, 16514], 1, time.monotonic() + limit
        ).look_at(target)


@pytest.fixture
def server(tmp_path, monkeypatch):
    return Server(tmp_path, monkeypatch)


def test_everything_works(server):
    server.ssh(stdout=WHOLE, stderr=KEPT)
    server.program("ipmitool", POWERED)
    seen = server.look(ProbedHost(**{**vars(HOST), "ssh_port": 2222}))
    assert seen["ports"] == [{"port": 2222, "state": "open", "ms": 0.1}, {"port": 16514, "state": "open", "ms": 0.1}]
    assert {**seen["ssh"], "ms": 0} == {"ok": True, "stage": "", "text": "", "ms": 0}
    assert (seen["device"], seen["sudo"], seen["sudo_text"]) == (True, dict.fromkeys(PROGRAMS, True), "")
    guid = "33323130-3534-3736-3839-616263646566"
    assert seen["bmc"] == {"ok": True, "text": "", "power": "on", "guid": guid, "serials": []}
    assert seen["unknown"] == {}


def test_the_bmc_is_asked_as_cloudstack_asks_it_and_its_password_is_no_argument(server):
    server.ssh(stdout=WHOLE)
    server.program("ipmitool", POWERED)
    seen = server.look()
    calls = (server.folder / "calls").read_text().splitlines()
    start = "-I lanplus -R 1 -v -H 198.51.100.11 -p 623 -U ADMIN -E"
    assert calls == [
        f"{start} {words} IPMI_PASSWORD={SECRET} {SECRET}" for words in ("chassis power status", "mc guid")
    ]
    assert SECRET not in repr(HOST)
    assert SECRET not in str(seen)


@pytest.mark.parametrize("guid", ["00000000-0000-0000-0000-000000000000", ""])
def test_a_bmc_without_a_guid_is_asked_for_serial_numbers(server, guid):
    server.ssh(stdout=WHOLE)
    # lib/ipmi_fru.c, fru_area_print_product and _chassis
    fru = " Chassis Serial        : CH9\n Board Serial          : B1\n Product Serial        : 7XK0003 \n"
    on, zeros = "*status) echo 'Chassis Power is on';;", f"*guid) echo 'System GUID  : {guid}';;"
    server.program("ipmitool", f"{IPMITOOL}{on}\n{zeros}\n*) echo '{fru}';;\nesac")
    assert server.look()["bmc"]["serials"] == ["CH9", "7XK0003"]


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "stage", "text"),
    [
        (255, "", "ssh: connect to host 192.0.2.11 port 22: Connection refused", "connect", "Connection refused"),
        (
            255,
            "",
            "Unable to negotiate with 192.0.2.11 port 22: no matching MAC found.",
            "algorithms",
            "no matching MAC",
        ),
        (255, "", f"{KEPT}\ncloud@192.0.2.11: Permission denied (publickey).", "authentication", "Permission denied"),
        (1, "This account is currently not available.", KEPT, "command", "it ended with 1"),
        (0, WHOLE.replace("@@ end 0", ""), KEPT, "command", "it lacks end"),
    ],
)
def test_where_a_login_ends(server, status, stdout, stderr, stage, text):
    server.ssh(status, stdout, stderr)
    server.program("ipmitool", REFUSED)
    seen = server.look()
    assert (seen["ssh"]["ok"], seen["ssh"]["stage"]) == (False, stage)
    assert text in seen["ssh"]["text"]
    assert (seen["device"], seen["sudo"]) == (None, None)
    assert seen["bmc"] == {"ok": False, "text": "RAKP 2 HMAC is invalid", "power": None, "guid": None, "serials": []}


def test_what_is_missing_on_the_server_is_unknown(server):
    seen = server.look(key="other")
    assert "missing: No such file" in seen["unknown"]["ssh"]
    assert "other: No such file" in seen["unknown"]["ssh"]
    seen = server.look()
    assert (seen["ssh"], seen["device"], seen["sudo"], seen["bmc"]) == (None, None, None, None)
    assert seen["unknown"] == {
        name: f"{program} is not installed on the management server"
        for name, program in (("ssh", "ssh"), ("bmc", "ipmitool"))
    }
    assert server.look(ProbedHost("host1", "192.0.2.11"))["unknown"]["bmc"] == "no bmc_address was given"


def test_a_key_that_the_client_does_not_take_is_unknown(server):
    server.ssh(
        255, "", f'{KEPT}\nLoad key "id_rsa": error in libcrypto\ncloud@192.0.2.11: Permission denied (publickey).'
    )
    seen = server.look()
    assert seen["ssh"] is None
    assert "error in libcrypto" in seen["unknown"]["ssh"]


def test_nothing_is_begun_that_cannot_end_in_time(server):
    seen = server.look(limit=1)
    assert (seen["ports"], seen["ssh"], seen["bmc"]) == (None, None, None)
    assert set(seen["unknown"]) == {"ports", "ssh", "bmc"}
    assert "time limit" in seen["unknown"]["ssh"]


def test_a_program_that_hangs_is_stopped_and_what_it_said_is_kept(server):
    server.program("ssh", "echo begun; exec sleep 60")
    answer = call(["ssh"], 0.3)
    assert (answer.status, answer.stdout, answer.problem) == (None, "begun\n", "no answer within 0 s")


def test_many_hosts_at_once(server):
    """As many as there are workers wait for each other in ssh: one after the other would never end."""
    os.mkdir("here")
    server.ssh(stdout=WHOLE)
    server.program("ssh", "mkdir here/$$; until [ $(ls here | wc -l) -ge 8 ]; do sleep 0.05; done; cat out")
    targets = [ProbedHost(f"host{number}", "192.0.2.11") for number in range(8)]
    found = ManagementProbe(["id_rsa"], [], 5, time.monotonic() + 60).look_at_all(targets)
    assert [name for name, seen in found.items() if seen["ssh"]["ok"]] == [target.name for target in targets]
    assert ManagementProbe(["id_rsa"], [], 5, 0).look_at_all([]) == {}


def test_the_client_cannot_do_more_than_cloudstacks():
    words = ssh_command(ProbedHost("host1", "-evil", 2222, "cloud"), "/key", 7)
    assert words[:3] == ("ssh", "-F", "/dev/null")
    assert words[-3:] == ("--", "-evil", COMMAND)
    options = dict(word.split("=", 1) for word in words if "=" in word and word != COMMAND)
    assert options["Ciphers"] == "aes128-ctr,aes256-ctr,aes128-cbc,aes256-cbc"
    assert options["BatchMode"] == "yes"
    assert options["UserKnownHostsFile"] == options["GlobalKnownHostsFile"] == "/dev/null"
    assert options["ConnectTimeout"] == "7"


@pytest.mark.parametrize(
    ("public", "places"),
    [
        (None, ["/usual/id_rsa"]),
        ("", ["/usual/id_rsa"]),
        ("/keys/cloud.pub", ["/keys/cloud", "/usual/id_rsa"]),
        ("/usual/id_rsa.pub", ["/usual/id_rsa"]),
        ("/keys/authorized", ["/usual/id_rsa"]),
    ],
)
def test_the_private_key_is_looked_for_beside_the_public_one(public, places):
    assert private_keys(public, ["/usual/id_rsa"]) == places
