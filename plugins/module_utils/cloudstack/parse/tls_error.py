# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why TLS to the API did not come to stand, and what an operator can do about each reason."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

# Verification errors of OpenSSL, openssl-verification-options(1) and include/openssl/x509_vfy.h: X509_V_ERR_*
NO_ISSUER, NOT_YET, EXPIRED, SELF_SIGNED, SELF_SIGNED_CA, NO_LOCAL_ISSUER, UNVERIFIED_LEAF = 2, 9, 10, 18, 19, 20, 21
REVOKED, HOST_NAME, ADDRESS = 23, 62, 64
WEAK = (66, 67, 68)
UNKNOWN_CA = (NO_ISSUER, SELF_SIGNED_CA, NO_LOCAL_ISSUER, UNVERIFIED_LEAF)
SETTING = "CLOUDSTACK_VERIFY (api_verify, in the inventory cloudstack_api_verify)"
OFF = f"{SETTING} false leaves the check out: then anybody on the way can read and change what is sent"
# Words of OpenSSL in the text of a handshake that failed for another reason than the certificate.
WITHOUT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
OTHER_VERSION = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE")
NO_COMMON = ("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "INSUFFICIENT_SECURITY", "DH_KEY_TOO_SMALL", "EE_KEY_TOO_SMALL")
CLIENT_CERTIFICATE = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "ALERT_UNKNOWN_CA")


@dataclass(frozen=True)
class Server:
    """Whom the client asked: `host` and `port` of the URL, and `trusts`, the file or folder of CAs; "" for the
    controller's own."""

    host: str
    port: int
    trusts: str = ""

    @property
    def trust(self) -> str:
        """Whose word counts, for a message."""
        return f"a CA of {self.trusts}" if self.trusts else "a CA of the controller's trust store"

    @property
    def reproduce(self) -> str:
        """The command that shows the server's certificates, and what OpenSSL says of them."""
        name = f"-servername {self.host} -verify_hostname {self.host}"
        if is_address(self.host):
            name = f"-verify_ip {self.host}"
        store = f" -CAfile {self.trusts}" if self.trusts else ""
        where = f"[{self.host}]" if ":" in self.host else self.host
        return f"openssl s_client -connect {where}:{self.port} {name}{store} -showcerts </dev/null"


def is_address(host: str) -> bool:
    """Whether the host of a URL is an IP address, which a certificate has to name as such."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_about_name(code: int) -> bool:
    """Whether the certificate is good but for the name in it."""
    return code in (HOST_NAME, ADDRESS)


def explain_certificate(code: int, text: str, server: Server, names: Sequence[str] | None) -> tuple[str, str]:
    """What was seen of the certificate, and the next step. `code` is OpenSSL's verification error and `text` its words;
    `names` are those that the certificate is made for, None where they are not known.
    """
    if is_about_name(code):
        return _other_name(server.host, names)
    if code == SELF_SIGNED:
        return "the server's certificate is self-signed", _trust_this(server)
    if code in UNKNOWN_CA:
        return _unknown_ca(code, server)
    if code == EXPIRED:
        seen = "the server's certificate, or that of a CA above it, has expired"
        return (
            seen,
            "renew it on the server (or on the load balancer in front of it); see that the controller's clock is right",
        )
    if code == NOT_YET:
        seen = "the server's certificate, or that of a CA above it, is not valid yet"
        return seen, "see that the clocks of the controller and of the machine that made the certificate are right"
    if code == REVOKED:
        return "the server's certificate is revoked", "give the server a new certificate"
    if code in WEAK:
        seen = f"the key or the signature of a certificate is too weak for this controller ({text})"
        return seen, "give the server a certificate with an RSA key of 2048 bits or more, signed with SHA-256"
    return f"the certificate is not accepted: {text}", "give the server a certificate that OpenSSL accepts"


def _other_name(host: str, names: Sequence[str] | None) -> tuple[str, str]:
    if names is None:
        return (
            f"the certificate is not made for {host}",
            f"give the server a certificate whose subjectAltName has {host}",
        )
    if not names:
        seen = f"the certificate is not made for {host}; it names no host in its subjectAltName"
        return seen, f"give the server a certificate whose subjectAltName has {host}"
    seen = f"the certificate is not made for {host}, but for {', '.join(names)}"
    return seen, (
        "let CLOUDSTACK_ENDPOINT (api_url) use a name that the certificate has, or give the server a certificate whose"
        f" subjectAltName has {host}"
    )


def _trust_this(server: Server) -> str:
    if server.trusts:
        return (
            f"if it is your server, put its certificate into {server.trusts}: the command below shows it; compare its"
            f" fingerprint with the server's own. {OFF}"
        )
    return (
        "if it is your server, save its certificate to a file: the command below shows it; compare its fingerprint with"
        f" the server's own. Then let {SETTING} name that file. {OFF}"
    )


def _unknown_ca(code: int, server: Server) -> tuple[str, str]:
    chain = (
        "; if the CA is the right one, the server does not send the certificate of the CA between: let it send its"
        " whole chain"
    )
    if code == SELF_SIGNED_CA:
        chain = ""
    if server.trusts:
        seen = f"the server's certificate is not signed by a CA of {server.trusts}"
        return seen, f"let {SETTING} name the file of the CA that signed it{chain}"
    seen = "the server's certificate is signed by a CA that the controller does not know"
    return seen, (
        f"if it is your own CA, let {SETTING} name the file of its certificate, or add that to the controller's trust"
        f" store (update-ca-certificates on Debian, update-ca-trust on EL){chain}. {OFF}"
    )


def explain_handshake(text: str) -> tuple[str, str] | None:
    """What was seen of a handshake that failed for another reason than the certificate, and the next step, by OpenSSL's
    text; None where it is not known."""
    if any(word in text for word in WITHOUT_TLS):
        return (
            f"the server answers without TLS on this port ({text})",
            "let CLOUDSTACK_ENDPOINT (api_url) begin with http://, or name the port that speaks TLS",
        )
    if any(word in text for word in OTHER_VERSION):
        return (
            f"server and controller have no version of TLS in common ({text})",
            "let the server, or the load balancer in front of it, speak TLS 1.2 or newer",
        )
    if any(word in text for word in CLIENT_CERTIFICATE):
        return (
            f"the server wants a certificate of the client, or does not accept the one that it got ({text})",
            "name certificate and key in CLOUDSTACK_CERT and CLOUDSTACK_CERT_KEY",
        )
    if any(word in text for word in NO_COMMON):
        return (
            f"server and controller have no cipher in common, or the server wants a certificate of the client ({text})",
            "see which ciphers the server, or the load balancer in front of it, offers; a certificate of the client and"
            " its key are named in CLOUDSTACK_CERT and CLOUDSTACK_CERT_KEY",
        )
    return None
