# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA over the API (recorded/discovery.json, entries 14 to 29)."""

from __future__ import annotations

import pytest
from cryptography import x509


def test_issues_for_a_name(api) -> None:
    issued = api.job("issueCertificate", domain="host1.example.org", ipaddress="192.0.2.10")["jobresult"][
        "certificates"
    ]
    names = (
        x509.load_pem_x509_certificate(issued["certificate"].encode())
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    assert "host1.example.org" in names.get_values_for_type(x509.DNSName)
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.10"]
    assert issued["cacertificates"] == api("listCaCertificate")["cacertificates"]["certificate"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ({}, 431, "Please provide the domains or the CSR, none of them are provided"),
        ({"csr": "garbage"}, 530, "Unable to read/process CSR: garbage"),
        ({"domain": "a", "provider": "nope"}, 530, "CA provider plugin 'nope' not found"),
    ],
)
def test_refuses(api, words: dict[str, str], code: int, text: str) -> None:
    job = api.job("issueCertificate", **words)
    assert (job["jobstatus"], job["jobresult"]) == (2, {"errorcode": code, "errortext": text})


def test_a_host_must_be_up_to_get_a_certificate(api, simulated_host) -> None:
    host = simulated_host()["id"]
    assert api.job("provisionCertificate", hostid=host)["jobresult"] == {"success": True}
    api.cloud.table("host").find(1)["state"] = "Disconnected"
    assert (
        "Failed to generate keystore and get CSR"
        in api.job("provisionCertificate", hostid=host)["jobresult"]["errortext"]
    )
