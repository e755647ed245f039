# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a TLS connection that did not come to stand. tests/integration/test_api_tls.py has real servers."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.tls_error import (
    Server,
    explain_certificate,
    explain_handshake,
)

SERVER, PINNED = Server("cloud.example.org", 8443), Server("192.0.2.1", 8443, "/etc/own-ca.pem")
# code of OpenSSL, server, names of the certificate -> words of what was seen, words of the next step
ROWS = [
    (9, SERVER, [], "is not valid yet", "clocks"),
    (10, SERVER, [], "has expired", "renew it"),
    (
        18,
        SERVER,
        [],
        "is self-signed",
        "Then let CLOUDSTACK_VERIFY (api_verify, in the inventory cloudstack_api_verify) name",
    ),
    (18, PINNED, [], "is self-signed", "put its certificate into /etc/own-ca.pem"),
    (19, SERVER, [], "a CA that the controller does not know", "update-ca-certificates"),
    (20, SERVER, [], "a CA that the controller does not know", "let it send its whole chain"),
    (
        20,
        PINNED,
        [],
        "not signed by a CA of /etc/own-ca.pem",
        "name the file of the CA that signed it; if the CA is the right",
    ),
    (19, PINNED, [], "not signed by a CA of /etc/own-ca.pem", "name the file of the CA that signed it"),
    (23, SERVER, [], "is revoked", "a new certificate"),
    (
        62,
        SERVER,
        ["api.example.org", "10.0.0.1"],
        "not made for cloud.example.org, but for api.example.org, 10.0.0.1",
        "ENDPOINT",
    ),
    (62, SERVER, [], "it names no host in its subjectAltName", "whose subjectAltName has cloud.example.org"),
    (64, PINNED, None, "not made for 192.0.2.1", "whose subjectAltName has 192.0.2.1"),
    (66, SERVER, [], "too weak for this controller (EE certificate key too weak)", "2048 bits"),
    (79, SERVER, [], "is not accepted: EE certificate key too weak", "that OpenSSL accepts"),
]


@pytest.mark.parametrize(("code", "server", "names", "seen", "step"), ROWS)
def test_certificates(code, server, names, seen, step):
    observed, next_step = explain_certificate(code, "EE certificate key too weak", server, names)
    assert seen in observed
    assert step in next_step


@pytest.mark.parametrize("server", [SERVER, PINNED])
@pytest.mark.parametrize("code", [18, 20])
def test_without_check_is_named_with_its_price_only_where_the_operator_can_trust_instead(server, code):
    _observed, next_step = explain_certificate(code, "", server, [])
    named = (code, server) != (20, PINNED)  # there a file of CAs is in use already
    assert ("anybody on the way can read and change" in next_step) is named


@pytest.mark.parametrize(
    ("text", "seen", "step"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "answers without TLS", "begin with http://"),
        ("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version", "no version of TLS in common", "TLS 1.2"),
        ("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure", "no cipher in common", "which ciphers"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert", "certificate of the client", "CLOUDSTACK_CERT_KEY"),
    ],
)
def test_handshakes(text, seen, step):
    explained = explain_handshake(text)
    assert explained is not None
    assert seen in explained[0]
    assert step in explained[1]


def test_what_is_not_about_tls_is_not_explained():
    assert explain_handshake("Connection refused") is None
    assert explain_handshake("") is None


@pytest.mark.parametrize(
    ("server", "command"),
    [
        (
            SERVER,
            "openssl s_client -connect cloud.example.org:8443 -servername cloud.example.org -verify_hostname"
            " cloud.example.org -showcerts </dev/null",
        ),
        (
            PINNED,
            "openssl s_client -connect 192.0.2.1:8443 -verify_ip 192.0.2.1 -CAfile /etc/own-ca.pem -showcerts"
            " </dev/null",
        ),
        (
            Server("2001:db8::1", 443),
            "openssl s_client -connect [2001:db8::1]:443 -verify_ip 2001:db8::1 -showcerts </dev/null",
        ),
    ],
)
def test_the_command_that_shows_it(server, command):
    assert server.reproduce == command
