# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates as a real server issues them (captures openssl-x509-cloud*.txt)."""

from __future__ import annotations

import ipaddress
import warnings
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from lab.simulator.kvm.ca import CertificateAuthority
from tests.unit.lab.kvm.clouds import START, SteppedClock


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority(SteppedClock())


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def request(key, name, addresses):
    """What keystore-setup prints: its country has more than two letters, its name may be empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attributes = [
            x509.NameAttribute(kind, value, _validate=False)
            for kind, value in (
                (NameOID.COUNTRY_NAME, "cloudstack"),
                (NameOID.ORGANIZATION_NAME, "cloudstack"),
                (NameOID.COMMON_NAME, name),
            )
        ]
        alternatives = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(one)) for one in addresses])
        csr = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name(attributes))
            .add_extension(alternatives, critical=False)
        )
        return csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def read(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def subject(certificate):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {attribute.oid: attribute.value for attribute in certificate.subject}


def alternatives(certificate):
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(one) for one in names.get_values_for_type(x509.IPAddress)], names.get_values_for_type(x509.DNSName)


def day(certificate, which):
    """A date of the certificate, with old and new cryptography."""
    new = getattr(certificate, f"not_valid_{which}_utc", None)
    return new if new is not None else getattr(certificate, f"not_valid_{which}").replace(tzinfo=timezone.utc)


def test_a_request_gives_its_name_and_addresses(authority, key):
    issued = authority.issue(
        "noise before it\n" + request(key, "h1.lab.test", ["10.88.1.11", "10.88.0.11"]), ["10.88.0.11"]
    )
    certificate = read(issued.certificate)
    assert subject(certificate)[NameOID.COMMON_NAME] == "h1.lab.test"
    assert subject(certificate)[NameOID.COUNTRY_NAME] == "cloudstack"
    assert alternatives(certificate) == (["10.88.0.11", "10.88.1.11"], ["10.88.0.11"])
    assert certificate.public_key().public_numbers() == key.public_key().public_numbers()
    assert issued.key == ""


def test_the_certificate_holds_a_year_and_began_twelve_hours_ago(authority, key):
    certificate, now = (
        read(authority.issue(request(key, "h", []), ["10.88.0.11"]).certificate),
        datetime.fromtimestamp(START, timezone.utc),
    )
    assert (day(certificate, "before"), day(certificate, "after")) == (
        now - timedelta(hours=12),
        now + timedelta(days=365),
    )


def test_a_host_without_a_name_gets_one_all_the_same(authority, key):
    assert (
        subject(read(authority.issue(request(key, "", ["10.88.0.11"]), ["10.88.0.11"]).certificate)).get(
            NameOID.COMMON_NAME, ""
        )
        == ""
    )


@pytest.mark.parametrize("csr", ["", "sudo: something else\n", "-----BEGIN NEW CERTIFICATE REQUEST-----\nbroken\n"])
def test_without_a_request_the_server_makes_the_key(authority, csr):
    issued = authority.issue(csr, ["10.88.0.14"])
    certificate = read(issued.certificate)
    assert subject(certificate) == {NameOID.COMMON_NAME: "10.88.0.14"}
    assert alternatives(certificate) == (["10.88.0.14"], ["10.88.0.14"])
    made = serialization.load_pem_private_key(issued.key.encode(), None)
    assert made.public_key().public_numbers() == certificate.public_key().public_numbers()


def test_a_host_added_by_name_has_the_name_too(authority):
    assert alternatives(read(authority.issue("", ["h4.lab.test", "10.88.0.14"]).certificate)) == (
        ["10.88.0.14"],
        ["h4.lab.test", "10.88.0.14"],
    )


def test_the_ca_signs_and_is_one(authority, key):
    ca, certificate = (
        read(authority.certificate),
        read(authority.issue(request(key, "h", []), ["10.88.0.11"]).certificate),
    )
    ca.public_key().verify(
        certificate.signature,
        certificate.tbs_certificate_bytes,
        padding.PKCS1v15(),
        certificate.signature_hash_algorithm,
    )
    assert ca.subject.rfc4514_string() == "CN=ca.cloudstack.apache.org" == certificate.issuer.rfc4514_string()
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign) == (True, True)
    assert day(ca, "after") - day(ca, "before") > timedelta(days=30 * 365)
