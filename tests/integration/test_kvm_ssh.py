# SPDX-License-Identifier: GPL-3.0-or-later
"""addHost's way through SSH, end to end on the loopback interface: logins, algorithms, tries, texts, and no secret in
the log."""

from __future__ import annotations

import json
import logging
import re
import socket
from pathlib import Path

import paramiko
import pytest
from cryptography import x509

from lab.simulator.kvm.ca import CertificateAuthority
from lab.simulator.kvm.discoverer import KvmDiscoverer, guid_of
from lab.simulator.ports import AddHostRequest, DiscoveryError
from tests.integration.ssh_server import SshServer
from tests.unit.lab.kvm.clouds import LABELS, kvm_cloud

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures" / "join" / "addhost.json").read_text())
PASSWORD = "planted-password"
# sudo runs the program of that name among the test's programs, whatever folder the command names
SUDO = 'name=${1##*/}; shift; if [ -x "$PROGRAMS/$name" ]; then exec "$PROGRAMS/$name" "$@"; fi; echo "sudo: $name: command not found" >&2; exit 1'  # noqa: E501


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The server's key, ECDSA nistp256 as in 4.22, and another one."""
    folder, made = tmp_path_factory.mktemp("keys"), []
    for name in ("id_rsa", "other"):
        key = paramiko.ECDSAKey.generate(bits=256)
        key.write_private_key_file(str(folder / name))
        made.append((folder / name, key))
    return made


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority(kvm_cloud()[0].clock)


@pytest.fixture
def programs(tmp_path):
    return tmp_path


def host(programs, **options):
    """A host on which everything works."""
    server = SshServer(programs, **options)
    server.program("ls", 'echo "$1"')
    server.program("sudo", SUDO)
    server.program(
        "keystore-setup", "openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=h4.lab.test 2>/dev/null"
    )
    server.program("keystore-cert-import", 'echo "$6" > "$PROGRAMS/certificate"')
    server.program("cloudstack-setup-agent", "echo done")
    return server


def add(server, authority, key, password="", port=None):
    cloud, zone, pod, cluster = kvm_cloud()
    kvm = KvmDiscoverer(cloud, authority, key, 30, 10)
    url = f"http://127.0.0.1:{port or server.port}"
    started = cloud.clock.now()
    try:
        return kvm.prepare(
            AddHostRequest(url, "root", password, zone.number, pod.number, cluster.number, LABELS, "10.88.0.254")
        )
    finally:
        server.slept = cloud.clock.now() - started


def recorded(name, port=22):
    """The recorded text inside "due to: [..]", for this address and port."""
    text = RECORDED[name]["text"].partition("due to: [")[2].removesuffix("].")
    return text.replace("10.88.0.14:22", f"127.0.0.1:{port}").replace("10.88.0.14", "127.0.0.1")


def refused(server, authority, key, **options):
    with pytest.raises(DiscoveryError) as caught:
        add(server, authority, key, **options)
    return str(caught.value)


def test_the_servers_key_opens_and_the_host_is_set_up(programs, authority, keys):
    with host(programs, key=keys[0][1]) as server:
        assert add(server, authority, keys[0][0]) == guid_of("127.0.0.1")
    assert [re.search("/dev/kvm|keystore-setup|keystore-cert-import|cloudstack-setup-agent", command)[0] for command in server.commands] == [  # noqa: E501
        "/dev/kvm", "keystore-setup", "keystore-cert-import", "cloudstack-setup-agent",
    ]  # fmt: skip
    pem = (programs / "certificate").read_text().replace("^", "\n").replace("~", " ")
    assert x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string() == "CN=h4.lab.test"
    assert server.slept == 4, "one second before each command"


def test_the_password_opens_where_the_key_does_not(programs, authority, keys):
    with host(programs, key=keys[1][1], password=PASSWORD) as server:
        assert add(server, authority, keys[0][0], password=PASSWORD) == guid_of("127.0.0.1")


@pytest.mark.parametrize(
    ("offered", "password", "case"),
    [
        ("right", "wrong", "wrong-password"),
        ("right", "", "key-refused-no-password"),
        (None, "right", "password-login-off"),
    ],
)
def test_logins_that_fail(programs, authority, keys, offered, password, case):
    with host(programs, key=keys[1][1], password=offered) as server:
        assert refused(server, authority, keys[0][0], password=password) == recorded(case)
        assert server.commands == []


def test_nothing_listens(programs, authority, keys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = host(programs)
    assert refused(server, authority, keys[0][0], port=port) == recorded("ssh-port-refused", port)


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("ciphers", ["aes256-gcm@openssh.com"]),
        ("digests", ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"]),
        ("kex", ["diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512"]),
    ],
)
def test_a_hardened_server_looks_like_a_closed_port(programs, authority, keys, option, values, caplog):
    known = getattr(
        paramiko.Transport,
        {"ciphers": "_preferred_ciphers", "digests": "_preferred_macs", "kex": "_preferred_kex"}[option],
    )
    usable = [value for value in values if value in known]
    if not usable:
        pytest.skip(f"this paramiko ({paramiko.__version__}) knows none of {values}")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    with host(programs, key=keys[0][1], **{option: usable}) as server:
        assert refused(server, authority, keys[0][0]) == recorded("ssh-port-refused", server.port)


def test_a_command_is_tried_three_times_and_its_reason_is_in_the_log(programs, authority, keys, caplog):
    caplog.set_level(logging.INFO, "lab.simulator.kvm.ssh")
    with host(programs, key=keys[0][1]) as server:
        (programs / "keystore-setup").unlink()
        assert refused(server, authority, keys[0][0]) == recorded("keystore-setup-missing")
    assert sum("keystore-setup" in command for command in server.commands) == 3
    assert "sudo: keystore-setup: command not found" in caplog.text
    assert len({re.search(r"cloud\.jks (\S+) 365", command)[1] for command in server.commands[1:]}) == 1, (
        "the same passphrase in all tries"
    )


def test_no_secret_is_in_the_log(programs, authority, keys, caplog):
    caplog.set_level(logging.DEBUG)
    with host(programs, key=keys[0][1]) as server:
        server.program("keystore-setup", "exit 0")  # no request: the private key goes over the wire
        add(server, authority, keys[0][0], password=PASSWORD)
    passphrase = re.search(r"cloud\.jks (\S+) 365", server.commands[1])[1]
    private = re.search(r'cloud\.key "([^"]+)"', server.commands[2])[1]
    assert private.startswith("-----BEGIN")
    assert "keystore-cert-import" in caplog.text
    assert [word for word in (passphrase, private, PASSWORD) if word in caplog.text] == []
