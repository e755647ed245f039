# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSH's words into the stage at which a login ended. The texts are those of OpenSSH 9.2."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse.ssh_client import (
    CIPHERS,
    KEX,
    LIMIT,
    MACS,
    one_line,
    stage,
)
from hypothesis import given
from hypothesis import strategies as st

KEPT = "Warning: Permanently added '[192.0.2.11]:2222' (ECDSA) to the list of known hosts.\r\n"
IN = f'{KEPT}Authenticated to 192.0.2.11 ([192.0.2.11]:2222) using "publickey".\r\n'
OUT = "Transferred: sent 2504, received 3776 bytes, in 0.2 seconds\r\nBytes per second: sent 16233.9, received 24480.5\r\n"  # noqa: E501
DENIED = "root@192.0.2.11: Permission denied (publickey,password).\r\n"


@pytest.mark.parametrize(
    ("status", "errors", "answered", "expected"),
    [
        (0, IN + OUT, True, ""),
        (255, "ssh: connect to host 192.0.2.11 port 22: Connection refused\r\n", False, "connect"),
        (255, "ssh: connect to host 192.0.2.11 port 22: Connection timed out\r\n", False, "connect"),
        (255, "ssh: Could not resolve hostname kvm1: Name or service not known\r\n", False, "connect"),
        (
            255,
            "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 192.0.2.11 port "
            "22\r\n",
            False,
            "connect",
        ),
        (
            255,
            "Connection timed out during banner exchange\r\nConnection to 192.0.2.11 port 22 timed out\r\n",
            False,
            "connect",
        ),
        (None, "", False, "connect"),
        (
            255,
            "Unable to negotiate with 192.0.2.11 port 22: no matching cipher found. Their offer: "
            "aes256-gcm@openssh.com\r\n",
            False,
            "algorithms",
        ),
        (
            255,
            "Unable to negotiate with 192.0.2.11 port 22: no matching MAC found. Their offer: umac-128@openssh.com\r\n",
            False,
            "algorithms",
        ),
        (255, KEPT + DENIED, False, "authentication"),
        (
            255,
            f"{KEPT}Received disconnect from 192.0.2.11 port 22:2: Too many authentication failures\r\n",
            False,
            "authentication",
        ),
        (None, KEPT, False, "authentication"),
        (255, f"{KEPT}Unable to negotiate with nobody: so says a banner\n{DENIED}", False, "authentication"),
        (255, f'{KEPT}Load key "/root/id_rsa": error in libcrypto\r\n{DENIED}', False, "local"),
        (255, "command-line: line 0: Bad SSH2 cipher spec 'aes128-cbc'.\r\n", False, "local"),
        (1, IN + OUT, True, "command"),
        (255, IN + OUT, False, "command"),
        (0, IN + OUT, False, "command"),
        (None, IN, True, "command"),
    ],
)
def test_stage(status, errors, answered, expected):
    assert stage(status, errors, answered) == expected


def test_one_line_keeps_what_went_wrong():
    assert one_line(IN + OUT) == ""
    assert one_line(KEPT + DENIED) == DENIED.strip()
    assert one_line(
        "Loading IANA PEN Registry...\nUnable to Get Channel Cipher Suites\n> RAKP 2 HMAC is invalid\n"
    ) == ("Unable to Get Channel Cipher Suites; RAKP 2 HMAC is invalid")
    assert one_line("a banner\n" * LIMIT + DENIED).endswith(DENIED.strip())


def test_nothing_that_the_servers_client_lacks():
    assert not [
        name
        for name in (*KEX, *CIPHERS, *MACS)
        if any(part in name for part in ("gcm", "chacha", "etm", "umac", "group14", "group16", "sntrup"))
    ]


@given(st.one_of(st.none(), st.integers(0, 255)), st.text(), st.booleans())
def test_garbage_ends_somewhere(status, errors, answered):
    assert stage(status, errors, answered) in {"", "connect", "algorithms", "authentication", "command", "local"}
    assert "\n" not in one_line(errors)
