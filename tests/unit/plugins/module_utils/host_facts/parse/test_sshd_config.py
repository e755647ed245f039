# SPDX-License-Identifier: GPL-3.0-or-later
"""`sshd -T` of OpenSSH 9.2 (fixtures), Match, Include and authorized_keys."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.sshd_config import (
    depends_on_address,
    fingerprint,
    included,
    key_files,
    parse_authorized_keys,
    parse_settings,
    policy_options,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

KEY = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDDO"
NIST, ED = f"ecdsa-sha2-nistp256 {KEY}", f"ssh-ed25519 {KEY}"


def test_settings_as_debian_ships_them():
    found = parse_settings(text("sshd/debian12.txt"))
    assert (found["permitrootlogin"], found["passwordauthentication"], found["pubkeyauthentication"]) == (
        "without-password",
        "yes",
        "yes",
    )
    assert (found["port"], found["allowusers"], found["authenticationmethods"]) == (["22"], [], "any")
    assert found["authorizedkeysfile"] == [".ssh/authorized_keys", ".ssh/authorized_keys2"]
    assert "aes128-ctr" in found["ciphers"]
    assert "hmac-sha2-256" in found["macs"]
    assert "curve25519-sha256" in found["kexalgorithms"]
    assert "ssh-ed25519" in found["hostkeyalgorithms"]
    assert "ecdsa-sha2-nistp256" in found["pubkeyacceptedalgorithms"]


def test_settings_of_several_lines():
    found = parse_settings(text("sshd/users_ports_and_ciphers.txt"))
    assert found["port"] == ["22", "2222"]
    assert found["allowusers"] == ["root", "ops@10.88.0.*", "other"]
    assert found["denygroups"] == ["x"]
    assert found["ciphers"] == ["aes256-gcm@openssh.com", "aes128-ctr"]
    assert found["authorizedkeysfile"] == [".ssh/authorized_keys", "/etc/ssh/keys/%u"]


def test_the_name_of_an_older_version():
    assert parse_settings(text("sshd/debian12.txt").replace("pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"))[
        "pubkeyacceptedalgorithms"
    ]


@pytest.mark.parametrize(
    "content", ["", "port 22\n", "permitrootlogin yes\npasswordauthentication yes\npubkeyauthentication yes\n"]
)
def test_no_settings(content):
    with pytest.raises(ParseError):
        parse_settings(content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Match User ops\n PermitRootLogin no\n", False),
        ("Match Address 10.88.0.0/24\n", True),
        ("  match user root host *.lab.test\n", True),
        ("# Match Address 10.0.0.0/8\n", False),
        ("Match LocalAddress 10.88.0.11\n", False),
    ],
)
def test_depends_on_address(content, expected):
    assert depends_on_address(content) is expected


def test_included():
    assert included('Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\ninclude extra.conf "b.conf"\n#Include c\n') == [
        "/etc/ssh/sshd_config.d/*.conf",
        "/etc/ssh/extra.conf",
        "/etc/ssh/b.conf",
    ]


def test_the_policy_of_enterprise_linux():
    el8 = "CRYPTO_POLICY='-oCiphers=aes256-gcm@openssh.com,aes256-ctr -oMACs=hmac-sha2-256 -x'\n"
    assert policy_options(el8) == ["-oCiphers=aes256-gcm@openssh.com,aes256-ctr", "-oMACs=hmac-sha2-256"]
    assert policy_options("Ciphers aes256-ctr\n") == []


def test_key_files():
    patterns = [".ssh/authorized_keys", "/etc/ssh/%u/%U%%", "%h/x", "none"]
    assert key_files(patterns, "ops", 1000, "/home/ops") == [
        "/home/ops/.ssh/authorized_keys",
        "/etc/ssh/ops/1000%",
        "/home/ops/x",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{NIST} cloud@mgmt1", [NIST]),
        (f"{ED}", [ED]),
        (f"ssh-rsa   {KEY}==  a b c", [f"ssh-rsa {KEY}=="]),
        (f"sk-ssh-ed25519@openssh.com {KEY} x", [f"sk-ssh-ed25519@openssh.com {KEY}"]),
        (f'from="10.0.0.1, 10.0.0.2",no-pty {NIST}', [NIST]),
        (f'environment="A=command=x" {NIST}', [NIST]),
        (f'no-pty,command="echo \'Please login as \\"ubuntu\\"\';sleep 1" {NIST}', []),
        (f"cert-authority {NIST}", []),
        (f"# {NIST}", []),
        ("ssh-rsa", []),
        ("", []),
    ],
)
def test_authorized_keys(line, expected):
    assert parse_authorized_keys(f"{line}\r\n") == expected


WORDS = st.sampled_from(
    [
        "Match ",
        "Address",
        '"',
        "\\",
        "command=",
        "port",
        "22",
        " ",
        "\n",
        ",",
        "ssh-rsa",
        KEY,
        "=",
        "permitrootlogin yes\n",
        "%u",
        "%",
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=30).map("".join)))
def test_garbage_is_a_value_or_a_parse_error(content):
    depends_on_address(content)
    policy_options(content)
    key_files(included(content), "ops", 1, "/home/ops")
    assert all(len(key.split()) == 2 for key in parse_authorized_keys(content))
    try:
        parse_settings(content)
    except ParseError as error:
        assert "sshd -T" in str(error)


def test_fingerprint_is_what_ssh_keygen_prints():
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGaNO+iuFUZrFhy5LLlt0HhYAsJw+lnzLkB1Yd7KA3eo root@h1\n"
    assert fingerprint(key) == "SHA256:5jBcSNmauki0qqGfntoKnzU8lIMG5FVjTFopWHy3+r8"
    assert [fingerprint(broken) for broken in ("", "ssh-rsa", "ssh-rsa not/base64?")] == ["", "", ""]
