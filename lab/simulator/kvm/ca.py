# SPDX-License-Identifier: GPL-3.0-or-later
"""The root CA of a management server, and the certificates that it gives to agents."""

from __future__ import annotations

import contextlib
import ipaddress
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from ..clock import Clock

ISSUER = "ca.cloudstack.apache.org"
EARLIER = timedelta(hours=12)  # notBefore lies 12 hours back
CA_YEARS = timedelta(days=30 * 365)
_CA_USAGE = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Issued:
    """A certificate, the CA's, and the private key if the server had to make it; all PEM."""

    certificate: str
    ca: str
    key: str


class CertificateAuthority:
    """Makes its own key and certificate at start, as a fresh server does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = _new_key()
        now = clock.utc()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER)
            .not_valid_after(now + CA_YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_CA_USAGE, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> str:
        """The CA's own certificate, PEM."""
        return _pem(self._certificate)

    def issue(self, csr: str, names: list[str], days: int = 365) -> Issued:
        """A certificate for a host of these `names`. Its subject and addresses come from the request; without one the
        server makes the key, and the subject is only the first name. The fully qualified name is no subject alternative
        name unless it is among the names; these stand there as DNS names too, though they are addresses."""
        request = _read_request(csr)
        if request is not None:
            subject, public, key = _subject(request), request.public_key(), ""
            wanted = [*_addresses(request), *names]
        else:
            private = _new_key()
            subject, public = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), private.public_key()
            key = private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
            wanted = names
        alternatives: list[x509.GeneralName] = [
            x509.IPAddress(address) for address in sorted(_as_addresses(wanted), key=lambda one: (one.version, one))
        ]
        alternatives += [x509.DNSName(name) for name in dict.fromkeys(names)]
        return Issued(_pem(self._sign(subject, public, alternatives, days)), self.certificate, key)

    def _sign(
        self, subject: x509.Name, public: object, alternatives: list[x509.GeneralName], days: int
    ) -> x509.Certificate:
        now = self._clock.utc()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._certificate.subject)
            .public_key(public)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER)
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def server_pair(self) -> Issued:
        """Key and certificate that the server itself shows to agents."""
        return self.issue("", ["127.0.0.1"])


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _read_request(csr: str) -> x509.CertificateSigningRequest | None:
    start = csr.find("-----BEGIN")
    if start < 0:
        return None
    try:
        return x509.load_pem_x509_csr(csr[start:].encode())
    except ValueError:
        return None


def _subject(request: x509.CertificateSigningRequest) -> x509.Name:
    """As it stands there: keystore-setup asks for the country "cloudstack", and for no name where `hostname --fqdn`
    fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return request.subject


def _addresses(request: x509.CertificateSigningRequest) -> list[str]:
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def _as_addresses(names: Iterable[str]) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Those of the names that are addresses."""
    found = set()
    for name in names:
        with contextlib.suppress(ValueError):
            found.add(ipaddress.ip_address(name))
    return found
