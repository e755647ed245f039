# SPDX-License-Identifier: GPL-3.0-or-later
"""Out-of-band management is configured, enabled and asked for proof only where something says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.plan.oobm import (
    Bmc,
    explain_bmc_error,
    needs_verification,
    plan_oobm,
    validate_bmc,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

BMC = Bmc("ipmitool", "198.51.100.1", "623", "ADMIN", "s3cret")
WORKING = {
    "driver": "ipmitool",
    "address": "198.51.100.1",
    "port": "623",
    "username": "ADMIN",
    "password": "s****",
    "enabled": True,
    "powerstate": "On",
}


@pytest.mark.parametrize(
    ("wanted", "current", "expected"),
    [
        (BMC, WORKING, []),
        (BMC, {**WORKING, "powerstate": "Off"}, []),
        (BMC, {"enabled": False, "powerstate": "Disabled"}, ["configure", "enable"]),
        (BMC, {**WORKING, "address": "198.51.100.2"}, ["configure"]),
        (BMC, {**WORKING, "password": "x****"}, ["configure"]),
        (BMC, {**WORKING, "powerstate": "Unknown"}, ["configure"]),
        (BMC, {**WORKING, "enabled": False, "powerstate": "Disabled"}, ["configure", "enable"]),
        (replace(BMC, always_send_password=True), WORKING, ["configure"]),
        (replace(BMC, enabled=False), WORKING, ["disable"]),
        (replace(BMC, enabled=False), {**WORKING, "enabled": False, "powerstate": "Disabled"}, []),
    ],
)
def test_plan(wanted, current, expected):
    assert [change.action for change in plan_oobm(wanted, "h1", current, "x")] == expected


@pytest.mark.parametrize(
    ("wanted", "current", "expected"),
    [
        (BMC, WORKING, False),
        (BMC, {**WORKING, "powerstate": "Unknown"}, True),
        (BMC, {}, True),
        (replace(BMC, enabled=False), WORKING, False),
    ],
)
def test_proof(wanted, current, expected):
    assert needs_verification(wanted, plan_oobm(wanted, "h1", current, "x"), current) is expected


def test_password_is_in_no_diff_and_no_repr():
    assert "s3cret" not in str(plan_oobm(BMC, "h1", {}, "x").diff())
    assert "s3cret" not in repr(BMC)


@pytest.mark.parametrize(
    ("text", "observed"),
    [
        ("failed due to authentication error: RAKP 2 HMAC is invalid", "refuses the password"),
        ("RAKP 2 message indicates an error : unauthorized name", "does not know the account"),
        ("Get Auth Capabilities error; Unable to establish IPMI v2 / RMCP+ session", "does not answer"),
        ("Configured out-of-band management driver is not available.", "no such driver"),
        ("Out-of-band management is disabled for the host's zone. Aborting Operation.", "disabled for the zone"),
        (
            "Failed to execute HTTP GET request retry attempt 2/2 [URL: https://127.0.0.1/redfish/v1/Systems] due to "
            "exception org.apache.http.conn.HttpHostConnectException: Connect to 127.0.0.1:443 failed",
            "over Redfish",
        ),
        (
            "Failed to execute HTTP GET request [URL: https://192.0.2.1/redfish/v1/Systems] due to exception "
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed",
            "does not trust the BMC's certificate",
        ),
        ("failed due to authentication error: HTTP error code: 401. Please check", "refuses account or password"),
        ("Set Session Privilege Level to ADMINISTRATOR failed", "privilege ADMINISTRATOR"),
        ("something else", "cannot be read"),
    ],
)
def test_explanation(text, observed):
    assert observed in explain_bmc_error(text)[0]


@pytest.mark.parametrize(
    "bad",
    [
        {"password": "seventeenletters!"},
        {"password": "ü" * 9},
        {"address": "not an address;"},
        {"address": "192.0.2.1 -x"},
        {"address": "-h"},
        {"address": ""},
        {"port": "abc"},
        {"port": "0"},
        {"port": "65536"},
        {"driver": "redfish", "address": "192.0.2.1:9443"},
        {"driver": "redfish", "address": "bmc1.example.org:443"},
    ],
)
def test_what_cloudstack_would_store_and_fail_on_is_refused(bad):
    with pytest.raises(InputError) as caught:
        validate_bmc(replace(BMC, **bad), "host1")
    for part in ("host1", "Expected", "Observed", "Next"):
        assert part in str(caught.value)
    assert bad.get("password", "seventeen") not in str(caught.value)


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"password": "sixteen letters!"},
        {"address": "bmc1.example.org"},
        {"address": "2001:db8::1"},
        {"driver": "redfish", "address": "2001:db8::1"},
        {"driver": "redfish", "password": "longer than sixteen letters"},
        {
            "driver": "nestedcloudstack",
            "address": "http://192.0.2.1:8080/client/api",
            "port": "0b1e8a3c-7d4f-4f41-8f0e-2d2f2a1c9a55",
        },
    ],
)
def test_what_works_is_let_through(good):
    validate_bmc(replace(BMC, **good), "host1")
