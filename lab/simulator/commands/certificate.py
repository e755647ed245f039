# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA of the server (recorded/discovery.json, entries 14 to 29)."""

from __future__ import annotations

from typing import Any

from ..cloud import Cloud
from ..errors import ApiError, bad_parameter, failed
from ..registry import Arguments, Work, command

PROVIDER = "root"


def _authority(cloud: Cloud, provider: str | None) -> Any:
    """The root CA, made at first use where no KVM side has made it. Raises 530 for another provider."""
    if provider not in (None, PROVIDER):
        raise failed(f"CA provider plugin '{provider}' not found")
    if cloud.authority is None:
        from ..kvm.ca import CertificateAuthority  # costs a library that an empty cloud does without

        cloud.authority = CertificateAuthority(cloud.clock)
    return cloud.authority


@command("listCAProviders")
def list_providers(cloud: Cloud, given: Arguments) -> dict:
    return {"count": 1, "caprovider": [{"name": PROVIDER, "description": "CloudStack's Root CA provider plugin"}]}


@command("listCaCertificate", "provider")
def list_certificate(cloud: Cloud, given: Arguments) -> dict:
    return {"cacertificates": {"certificate": _authority(cloud, given.get("provider")).certificate}}


@command("issueCertificate", "csr domain duration ipaddress provider")
def issue(cloud: Cloud, given: Arguments) -> Work:
    def work() -> dict:
        authority = _authority(cloud, given.get("provider"))
        csr, names = given.get("csr") or "", _words(given.get("ipaddress")) + _words(given.get("domain"))
        if not csr and not given.get("domain"):
            raise bad_parameter("Please provide the domains or the CSR, none of them are provided")
        if csr and "-----BEGIN" not in csr:
            raise ApiError(530, f"Unable to read/process CSR: {csr}")
        issued = authority.issue(csr, names, int(given.get("duration") or 365))
        key = {"privatekey": issued.key} if issued.key else {}
        return {"certificates": {"certificate": issued.certificate, **key, "cacertificates": issued.ca}}

    return Work(work)


@command("provisionCertificate", "provider")
def provision(cloud: Cloud, given: Arguments) -> Work:
    row = cloud.get("host", given["hostid"])

    def work() -> dict:
        _authority(cloud, given.get("provider"))
        if row["state"] != "Up":
            raise ApiError(530, f"Failed to generate keystore and get CSR from the host/agent {row}")
        if row["hypervisor"] != "Simulator":  # our agents take a certificate only when they are added
            raise ApiError(530, f"Failed to generate keystore and get CSR from the host/agent {row}")
        return {"success": True}

    return Work(work)


def _words(value: Any) -> list[str]:
    words = value if isinstance(value, list) else (value or "").split(",")
    return [word.strip() for word in words if word.strip()]
