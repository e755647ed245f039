# SPDX-License-Identifier: GPL-3.0-or-later
"""The API behind TLS: which certificates are accepted by which setting, and what is said of the others."""

from __future__ import annotations

from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.integration.modules import run_module
from tests.integration.playbooks import play
from tests.integration.simulator import run_simulator
from tests.integration.tls import make, tls_in_front_of

HOSTS = {"host1": {"ansible_host": "192.0.2.1"}}
SETTING = "CLOUDSTACK_VERIFY (api_verify, in the inventory cloudstack_api_verify)"
OK: tuple[str, ...] = ()
# The server's certificate -> the client's setting -> words of the message; OK: the API answers. A setting is the value
# of api_verify, where a name in {} is the file of a certificate below; "store": the CA is in the controller's own
# store.
ROWS = {
    "good": {
        "default": (
            "signed by a CA that the controller does not know",
            "expected: a certificate that is valid now, made for localhost and signed by a CA of the",
            f"if it is your own CA, let {SETTING} name the file of its certificate, or add that to the",
            "Reproduce: openssl s_client -connect localhost:",
        ),
        "{ca}": OK,
        "store": OK,
        "false": OK,
        "{other_ca}": ("not signed by a CA of", f"let {SETTING} name the file of the CA that signed it", "-CAfile"),
    },
    "chain": {"{ca}": OK, "store": OK},
    "no_chain": {
        "{ca}": ("not signed by a CA of", "let it send its whole chain"),
        "store": ("signed by a CA that the controller does not know", "let it send its whole chain"),
        "false": OK,
    },
    "self_signed": {
        "default": (
            "the server's certificate is self-signed",
            "save its certificate to a file",
            "compare its fingerprint",
        ),
        "store": ("the server's certificate is self-signed",),
        "{self_signed}": OK,
        "{ca}": ("the server's certificate is self-signed", "put its certificate into"),
        "false": OK,
    },
    "expired": {
        "{ca}": ("has expired", "renew it on the server (or on the load balancer in front of it)", "clock is right"),
        "store": ("has expired",),
        "false": OK,
    },
    "not_yet": {"{ca}": ("is not valid yet", "the clocks of the controller"), "false": OK},
    "other_name": {
        "{ca}": (
            "the certificate is not made for localhost, but for api.example.org, 192.0.2.9",
            "let CLOUDSTACK_ENDPOINT (api_url) use a name that the certificate has",
        ),
        "store": ("is not made for localhost, but for api.example.org, 192.0.2.9",),
        "false": OK,
    },
    "no_name": {"{ca}": ("names no host in its subjectAltName", "whose subjectAltName has localhost")},
}
CASES = [(certificate, setting) for certificate, settings in ROWS.items() for setting in settings]
# What cannot be used is told before anything is sent.
BAD_SETTINGS = {
    "/nonexistent/ca.pem": "/nonexistent/ca.pem: No such file or directory",
    "{empty}": "it holds no certificate in PEM",
    "fales": "No such file or directory",
}


@pytest.fixture(scope="module")
def api():
    """A simulator for all rows: they only read."""
    with run_simulator() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """The certificates that the rows name."""
    folder = tmp_path_factory.mktemp("certificates")
    ca, other_ca = make(folder, "ca", ca=True), make(folder, "other_ca", ca=True)
    between = make(folder, "between", ca=True, issuer=ca)
    found = {"ca": ca, "other_ca": other_ca, "self_signed": make(folder, "self_signed")}
    rows = {
        "good": {},
        "chain": {"issuer": between, "chain": [between]},
        "no_chain": {"issuer": between},
        "expired": {"days": (-3, -1)},
        "not_yet": {"days": (1, 3)},
        "other_name": {"names": ["api.example.org", "192.0.2.9"]},
        "no_name": {"names": []},
        "client": {},
    }
    found.update({name: make(folder, name, **{"issuer": ca, **options}) for name, options in rows.items()})
    (folder / "empty.pem").write_text("nothing of interest\n")
    return {name: each.path for name, each in found.items()} | {"empty": folder / "empty.pem"}


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch, tmp_path):
    """The machine that runs the tests has no settings of `cs`, and no CA of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    monkeypatch.delenv("CLOUDSTACK_VERIFY", raising=False)


@contextmanager
def served(api, certificate, clients=None):
    """The address of the API behind TLS."""
    with tls_in_front_of(urlsplit(api.endpoint).port, certificate, clients) as port:
        yield f"https://localhost:{port}/client/api"


def ask(api, url, **options):
    """The result of a module that reads one setting of the server."""
    given = {"api_url": url, "api_key": api.key, "api_secret": api.secret, "api_timeout": 60, **options}
    return run_module("configuration", {"name": "host", **given}, check=True)


def check(result, words):
    """It answered, or it said these words; no secret is in either."""
    if not words:
        assert not result.failed, result.text
    for part in words:
        assert part.lower() in result.message.lower(), result.message
    assert "signature" not in result.text


@pytest.mark.parametrize("way", ["option", "environment"])
@pytest.mark.parametrize(("certificate", "setting"), CASES)
def test_certificates(api, certificates, monkeypatch, certificate, setting, way):
    value = setting.format(**certificates)
    if setting == "store":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates["ca"]))
    given = {} if setting in ("default", "store") else {"api_verify": value}
    if way == "environment" and given:
        monkeypatch.setenv("CLOUDSTACK_VERIFY", value)
        given = {}
    with served(api, certificates[certificate]) as url:
        result = ask(api, url, **given)
    check(result, ROWS[certificate][setting])
    if ROWS[certificate][setting]:
        assert "there is no trusted connection to the CloudStack API at https://localhost:" in result.message


def test_an_address_in_the_url_has_to_be_in_the_certificate(api, certificates):
    with served(api, certificates["other_name"]) as url:
        result = ask(api, url.replace("localhost", "127.0.0.1"), api_verify=str(certificates["ca"]))
    check(result, ("not made for 127.0.0.1, but for api.example.org", "-verify_ip 127.0.0.1"))
    with served(api, certificates["good"]) as url:
        assert not ask(api, url.replace("localhost", "127.0.0.1"), api_verify=str(certificates["ca"])).failed


@pytest.mark.parametrize("setting", BAD_SETTINGS)
def test_settings_that_cannot_be_used(api, certificates, setting):
    result = ask(api, "https://localhost:1/client/api", api_verify=setting.format(**certificates))
    check(result, (f"{SETTING} is not valid", BAD_SETTINGS[setting], "Next: correct the path"))


def test_a_path_is_one_of_the_folder_that_ansible_was_started_in(api, certificates, monkeypatch):
    monkeypatch.chdir(certificates["ca"].parent)
    with served(api, certificates["good"]) as url:
        assert not ask(api, url, api_verify="ca.pem").failed


@pytest.mark.parametrize("value", [True, "yes"])
def test_true_is_the_default(api, certificates, monkeypatch, value):
    monkeypatch.setenv("CLOUDSTACK_VERIFY", "false")
    with served(api, certificates["good"]) as url:
        check(ask(api, url, api_verify=value), ("signed by a CA that the controller does not know",))


def test_https_to_a_port_without_tls_and_http_to_one_with_it(api, certificates):
    plain = api.endpoint.replace("http:", "https:")
    check(ask(api, plain), ("the server answers without TLS on this port", "begin with http://"))
    with served(api, certificates["good"]) as url:
        result = ask(api, url.replace("https:", "http:"))
    check(
        result,
        ("CloudStack did not answer", "if this port speaks TLS, let CLOUDSTACK_ENDPOINT (api_url) begin with https://"),
    )


def test_a_server_that_wants_a_certificate_of_its_clients(api, certificates, monkeypatch):
    monkeypatch.setenv("CLOUDSTACK_VERIFY", str(certificates["ca"]))
    with served(api, certificates["good"], clients=certificates["ca"]) as url:
        check(ask(api, url), ("wants a certificate of the client", "CLOUDSTACK_CERT and CLOUDSTACK_CERT_KEY"))
        monkeypatch.setenv("CLOUDSTACK_ENDPOINT", url)
        monkeypatch.setenv("CLOUDSTACK_CERT", str(certificates["client"]))
        assert not ask(api, url).failed
        monkeypatch.setenv("CLOUDSTACK_CERT_KEY", str(certificates["good"]))
        check(ask(api, url), ("CLOUDSTACK_CERT or CLOUDSTACK_CERT_KEY is not valid", "key values mismatch"))


def test_a_playbook_with_its_own_ca(api, certificates, inventory, tmp_path):
    """The whole way: role variable, folder, credentials check and roles; then the same without the CA."""
    with served(api, certificates["good"]) as url:
        env = {**api.env, "CLOUDSTACK_ENDPOINT": url}
        trusting = inventory(HOSTS, cloudstack_api_verify=str(certificates["ca"]))
        run = play("register_cluster.yml", trusting, "--check", env=env)
        assert run.code == 0, run.output
        run = play("register_cluster.yml", inventory(HOSTS), "--check", env=env)
    said = " ".join(run.output.split())
    assert run.code == 2
    for part in ("host1: CloudStack cannot be used", "signed by a CA that the controller does not know", SETTING):
        assert part in said, run.output
    assert said.count("FAILED!") == 1
    assert api.secret not in said


def test_nothing_warns_about_what_was_asked_for(api, certificates, recwarn):
    with served(api, certificates["good"]) as url:
        assert not ask(api, url, api_verify=False).failed
    assert not [each for each in recwarn if issubclass(each.category, urllib3.exceptions.InsecureRequestWarning)]
