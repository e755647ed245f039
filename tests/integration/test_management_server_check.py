# SPDX-License-Identifier: GPL-3.0-or-later
"""management_server_check with OpenSSH's client and ipmitool against an SSH server and a BMC on the loopback interface.
Needs no lab."""

from __future__ import annotations

import contextlib
import logging
import shutil
import socket
import subprocess
import time

import paramiko
import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.login_answer import PROGRAMS
from ansible_collections.cloudstack.kvm.plugins.modules import management_server_check

from lab.control.bmc import EMULATION
from tests.integration.ssh_server import SshServer
from tests.unit.plugins.modules.edge import run_module

USER, PASSWORD = "ADMIN", "planted-password"
GUID = "33323130-3534-3736-3839-616263646566"  # of the 16 bytes 0123456789abcdef, as ipmitool 1.8.19 orders them
SUDO = 'case "$*" in "-n -l") printf "User cloud may run the following commands on h:\\n    (root) NOPASSWD: ALL\\n";; *) shift 2; echo "$*";; esac'  # noqa: E501
LAN = """name "test"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid 30313233343536373839616263646566
  endlan
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
pytestmark = pytest.mark.skipif(not shutil.which("ssh"), reason="OpenSSH's client is not installed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The management server's key and another one: path and key of each."""
    folder = tmp_path_factory.mktemp("keys")
    made = [(folder / name, paramiko.ECDSAKey.generate(bits=256)) for name in ("id_rsa", "other")]
    for path, key in made:
        key.write_private_key_file(str(path))
    return made


@pytest.fixture
def host(tmp_path):
    """A host on which CloudStack's account may do everything."""

    def start(key, **options):
        server = SshServer(tmp_path, key=key, **options)
        for name, text in (("id", "echo 1000"), ("ls", 'echo "$1"'), ("sudo", SUDO)):
            server.program(name, text)
        return server

    return start


@pytest.fixture
def check(capsys, keys):
    def run(port, **host):
        options = {"ssh_key": [str(keys[0][0])], "ports": [22], "timeout": 3}
        where = {"name": "host1", "address": "127.0.0.1", "ssh_port": port, "username": "cloud", **host}
        result = run_module(management_server_check, capsys, check=True, hosts=[where], **options)
        assert result["changed"] is False
        assert PASSWORD not in str(result)
        return result["management"]["host1"]

    return run


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_a_host_that_is_ready(host, keys, check):
    with host(keys[0][1]) as server:
        seen = check(server.port)
    assert (seen["ssh"]["ok"], seen["ssh"]["stage"], seen["ssh"]["text"]) == (True, "", "")
    assert (seen["device"], seen["sudo"], seen["sudo_text"]) == (True, dict.fromkeys(PROGRAMS, True), "")
    assert [(each["port"], each["state"]) for each in seen["ports"]] == [(server.port, "open")]
    assert len(server.commands) == 1


def test_no_sudo_and_no_kvm(host, keys, check):
    with host(keys[0][1]) as server:
        server.program("ls", "exit 2")
        server.program("sudo", 'echo "sudo: a password is required" >&2; exit 1')
        seen = check(server.port)
    assert (seen["ssh"]["ok"], seen["device"], set(seen["sudo"].values())) == (True, False, {False})
    assert seen["sudo_text"] == "sudo: a password is required"


def test_another_key(host, keys, check):
    with host(keys[1][1]) as server:
        seen = check(server.port)
    assert (seen["ssh"]["ok"], seen["ssh"]["stage"]) == (False, "authentication")
    assert "Permission denied" in seen["ssh"]["text"]
    assert server.commands == []


@pytest.mark.parametrize(
    ("option", "values", "word"),
    [
        ("ciphers", ["aes256-gcm@openssh.com", "aes192-ctr"], "cipher"),
        ("digests", ["hmac-sha2-256-etm@openssh.com"], "MAC"),
        ("kex", ["diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512"], "key exchange method"),
    ],
)
def test_a_hardened_server(host, keys, check, option, values, word):
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    known = getattr(
        paramiko.Transport,
        {"ciphers": "_preferred_ciphers", "digests": "_preferred_macs", "kex": "_preferred_kex"}[option],
    )
    usable = tuple(value for value in values if value in known)
    with host(keys[0][1], **{option: usable}) as server:
        seen = check(server.port)
    assert seen["ssh"]["stage"] == "algorithms"
    assert f"no matching {word} found" in seen["ssh"]["text"]


def test_nothing_listens(check, free_port):
    seen = check(free_port)
    assert seen["ports"][0]["state"] == "refused"
    assert seen["ssh"]["stage"] == "connect"
    assert "Connection refused" in seen["ssh"]["text"]


def test_something_listens_and_says_nothing(check):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seen = check(silent.getsockname()[1])
    assert (seen["ports"][0]["state"], seen["ssh"]["stage"]) == ("open", "connect")
    assert "timed out" in seen["ssh"]["text"]


@pytest.fixture
def bmc(tmp_path):
    """The port of a BMC."""
    missing = [name for name in ("ipmi_sim", "ipmitool") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (tmp_path / "lan.conf").write_text(LAN.format(port=port, user=USER, password=PASSWORD))
    (tmp_path / "sim.emu").write_text(EMULATION)
    process = subprocess.Popen(
        ["ipmi_sim", "-n", "-c", "lan.conf", "-f", "sim.emu", "-s", str(tmp_path / "state")],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_until_bound(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_bound(process, port):
    """Its UDP port is in the kernel's table; asking the port itself would open a session."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with open("/proc/net/udp") as table:
            if f"0100007F:{port:04X}" in table.read():
                return
        time.sleep(0.05)
    pytest.fail("ipmi_sim does not listen")


def test_a_bmc(bmc, check, free_port):
    seen = check(free_port, bmc_address="127.0.0.1", bmc_port=bmc, bmc_username=USER, bmc_password=PASSWORD)
    assert (seen["bmc"]["ok"], seen["bmc"]["power"], seen["bmc"]["guid"]) == (True, "off", GUID)


@pytest.mark.parametrize(
    ("username", "password", "text"),
    [
        (USER, "wrong", "RAKP 2 HMAC is invalid"),
        ("nobody", PASSWORD, "unauthorized name"),
        (USER, PASSWORD * 2, "password is longer than 20 bytes"),
    ],
)
def test_a_bmc_that_refuses(bmc, check, free_port, username, password, text):
    seen = check(free_port, bmc_address="127.0.0.1", bmc_port=bmc, bmc_username=username, bmc_password=password)
    assert (seen["bmc"]["ok"], seen["bmc"]["power"]) == (False, None)
    assert text in seen["bmc"]["text"]


def test_no_bmc_there(check, free_port):
    if not shutil.which("ipmitool"):
        pytest.skip("not installed: ipmitool")
    seen = check(free_port, bmc_address="127.0.0.1", bmc_port=free_port, bmc_username=USER, bmc_password=PASSWORD)
    assert seen["bmc"]["ok"] is False
    assert "Unable to establish IPMI v2 / RMCP+ session" in seen["bmc"]["text"]
