# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of a test's own, and a server that speaks TLS in front of another server."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """One certificate with its key; `path` holds both, and those of the CAs that the server sends along."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    path: Path

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def make(
    folder: Path,
    name: str,
    *,
    issuer: Certificate | None = None,
    ca: bool = False,
    names: Sequence[str] = ("localhost", "127.0.0.1"),
    days: tuple[int, int] = (-2, 2),
    chain: Sequence[Certificate] = (),
) -> Certificate:
    """A certificate of `issuer`, or one that signs itself; valid from the first to the second of `days`, from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    signing = issuer.key if issuer else key
    authority = issuer.certificate.subject if issuer else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if ca:
        builder = builder.add_extension(_signs_certificates(), critical=True)
    elif names:
        builder = builder.add_extension(x509.SubjectAlternativeName([*map(_general_name, names)]), critical=False)
    certificate = builder.sign(signing, hashes.SHA256())
    path = folder / f"{name}.pem"
    made = Certificate(certificate, key, path)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_text(private.decode() + made.pem + "".join(each.pem for each in chain))
    return made


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signs_certificates() -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name == "key_cert_sign" for name in names})


@contextmanager
def tls_in_front_of(port: int, certificate: Path, clients: Path | None = None) -> Iterator[int]:
    """The port of a server on the loopback interface that speaks TLS and hands everything on to `port`. `clients`: the
    CA of the certificates that it wants of its clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if clients:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = (
            ssl.TLSVersion.TLSv1_2
        )  # the client learns of it in the handshake, not at some time later
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_accept, args=(listener, context, port), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        listener.close()
        thread.join(10)


def _accept(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            raw, _peer = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(raw, context, port), daemon=True).start()


def _serve(raw: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError), raw, context.wrap_socket(raw, server_side=True) as tls:
        behind = socket.create_connection(("127.0.0.1", port))
        back = threading.Thread(target=_copy, args=(behind, tls), daemon=True)
        back.start()
        _copy(tls, behind)
        back.join(10)
        behind.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until one side ends: then the other one is told."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
