# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions, journal lines and processes of a join."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.parse.signs import (
    Event,
    parse_events,
    parse_sessions,
    set_up_program,
)

SESSIONS = """\
0 0 10.88.0.11:22 10.88.0.254:51022 users:(("sshd",pid=411,fd=4),("sshd",pid=409,fd=4))
0 0 [::ffff:10.88.0.11]:22 [::ffff:10.88.0.1]:40112 users:(("sshd-session",pid=9,fd=4))
0 0 [2001:db8::11]:22 [2001:db8::1]:40112 users:(("sshd",pid=10,fd=4))
0 0 10.88.0.11:46210 10.88.0.254:8250 users:(("java",pid=500,fd=7))
0 0 10.88.0.11:22 10.88.0.99:51022
"""
UTIL = "/usr/share/cloudstack-common/scripts/util"
JOURNAL = f"""\
1795864801.120001 host1 sshd[409]: Accepted publickey for root from 10.88.0.254 port 51022 ssh2: ECDSA SHA256:abc
1795864801.220001 host1 sshd[409]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)
1795864803.000000 host1 sudo[420]:     root : PWD=/root ; USER=root ; COMMAND={UTIL}/keystore-setup /etc/cloudstack/agent/agent.properties x PaSsPhRaSe
1795864804.000000 host1 cloudstack-keystore-setup[425]: Generating new key
1795864805.000000 host1 sudo[430]:    cloud : USER=root ; COMMAND=/usr/bin/cloudstack-setup-agent -m 10.88.0.254
1795864806.000000 host1 sudo[431]:    admin : USER=root ; COMMAND=/bin/sh -c echo keystore-setup
1795864899.500000 host1 sshd[409]: Received disconnect from 10.88.0.254 port 51022:11: Closed due to user request.
1795864899.600000 host1 sshd[409]: Disconnected from user root 10.88.0.254 port 51022
-- Boot 0123 --
"""  # noqa: E501 - captured output


def test_sessions_of_sshd():
    assert parse_sessions(SESSIONS) == [("10.88.0.254", (411, 409)), ("10.88.0.1", (9,)), ("2001:db8::1", (10,))]
    assert parse_sessions("") == []


def test_events_hold_no_argument():
    events = parse_events(JOURNAL.splitlines())
    assert [(event.kind, event.address) for event in events] == [
        ("login", "10.88.0.254"),
        ("set-up", ""),
        ("set-up", ""),
        ("set-up", ""),
        ("logout", "10.88.0.254"),
        ("logout", "10.88.0.254"),
    ]
    assert events[0] == Event(1795864801.120001, "login", "10.88.0.254")
    assert "PaSsPhRaSe" not in str(events)


@pytest.mark.parametrize(
    ("argv", "program"),
    [
        ([f"{UTIL}/keystore-setup", "x"], "keystore-setup"),
        (["/bin/bash", f"{UTIL}/keystore-cert-import", "x"], "keystore-cert-import"),
        (["sudo", f"{UTIL}/keystore-setup", "x"], "keystore-setup"),
        (["/usr/bin/python3.11", "/usr/bin/cloudstack-setup-agent", "-m"], "cloudstack-setup-agent"),
        (["vim", f"{UTIL}/keystore-setup"], ""),
        (["sh", "-c", f"sudo {UTIL}/keystore-setup x"], ""),
        (["keytool", "-genkeypair"], ""),
        ([], ""),
        ([""], ""),
    ],
)
def test_programs_of_the_set_up(argv, program):
    assert set_up_program(argv) == program
