# SPDX-License-Identifier: GPL-3.0-or-later
"""addHost leaves a passphrase and sometimes a private key in the host's journal: neither may leave the host. And logs
of earlier joins are not those of the last one.
"""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.logs import (
    last_minutes,
    last_setup_run,
    scrub,
    stamp_seconds,
)

SUDO = "Nov 21 h4 sudo[12]: root : PWD=/root ; USER=root ; COMMAND=/usr/share/cloudstack-common/scripts/util/"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            SUDO + "keystore-setup /etc/agent.properties /etc/cloud.jks s3cretPass 365 /x",
            SUDO + "keystore-setup (arguments hidden)",
        ),
        (
            SUDO + "keystore-cert-import /p s3cretPass -----BEGIN~PRIVATE^KEY",
            SUDO + "keystore-cert-import (arguments hidden)",
        ),
        ("keystore.passphrase=s3cretPass", "keystore.passphrase=(hidden)"),
        ("-----BEGIN RSA PRIVATE KEY-----MIIs3cretPass", "(hidden)"),
        ("password: s3cretPass end", "password: (hidden) end"),
        ("keytool error: keystore password was incorrect\n", "keytool error: keystore password was incorrect"),
    ],
)
def test_scrub(line, expected):
    assert scrub([line]) == [expected]


FIRST = ["DEBUG:root:execute:/usr/bin/lsb_release -i", "DEBUG:root:execute:hostname -f", "DEBUG:root:execute:kvm-ok"]
UBUNTU = ["DEBUG:root:execute:uname -r", "DEBUG:root:execute:uname -m", "DEBUG:root:execute:hostname -f", "more"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([*FIRST, *FIRST], FIRST),
        ([*FIRST, *UBUNTU], UBUNTU),
        (["tail of an older run", *FIRST], FIRST),
        (["DEBUG:root:execute:ufw allow 22"], ["DEBUG:root:execute:ufw allow 22"]),
        ([*FIRST, FIRST[0]], FIRST[:1]),  # the second run died at once
        ([], []),
    ],
)
def test_last_setup_run(lines, expected):
    assert last_setup_run(lines) == expected


@pytest.mark.parametrize(
    ("older", "kept"),
    [("2026-10-04 08:00:00,000 x", 3), ("2026-10-04 06:50:00,000 x", 2), ("2026-10-03 08:15:00,000 x", 2)],
)
def test_last_minutes(older, kept):
    """Of a join of 440 s, with an hour before it."""
    assert len(last_minutes([older, "2026-10-04 08:14:00,000 y", "2026-10-04 08:15:00,000 z"], 440)) == kept


def test_lines_without_a_time_stay():
    assert last_minutes(["java.lang.Error: x", "\tat y"], 440) == ["java.lang.Error: x", "\tat y"]
    assert stamp_seconds("2026-99-99 08:14:00,000 y") is None
