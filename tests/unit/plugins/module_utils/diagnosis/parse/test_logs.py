# SPDX-License-Identifier: GPL-3.0-or-later
"""addHost leaves a passphrase and sometimes a private key in the host's journal: neither may leave the host."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.logs import scrub

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
