# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose certificates the client of the API trusts."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.configuration import truth
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.tls_error import (
    SETTING,
    Server,
    explain_certificate,
    explain_handshake,
    is_about_name,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

try:
    from requests.adapters import HTTPAdapter
    from urllib3 import disable_warnings
    from urllib3.exceptions import InsecureRequestWarning
    from urllib3.util.ssl_ import create_urllib3_context

    Adapter: Any = HTTPAdapter
except ImportError:  # reported by cloudstack/client/cloudstack.py, with what to do about it
    Adapter = object

LOOK = 5  # seconds to read the names of a certificate


class SystemTrust(Adapter):
    """Trusts the CAs of the controller's own store too. requests alone knows only those that certifi brings along, so
    that a company's CA would have to be named although each other program of the machine trusts it.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_system_context(), **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, ssl_context=_system_context(), **kwargs)


def trusting(session: Any, verify: bool | str) -> Any:
    """The session, prepared for what `read_verify` returned. A file of CAs counts alone, as requests does it."""
    if verify is True:
        session.mount("https://", SystemTrust())
    if verify is False:
        disable_warnings(InsecureRequestWarning)  # the operator has said so
    return session


def _system_context() -> Any:
    """requests adds the CAs of certifi to it."""
    context = create_urllib3_context()
    context.load_default_certs()
    return context


def read_verify(value: Any) -> bool | str:
    """What `api_verify` or CLOUDSTACK_VERIFY says: true, false, or the absolute path of a file or folder of CAs. Raises
    InputError where that cannot be used, before anything is sent.
    """
    if value is None or isinstance(value, bool):
        return value is not False
    word = truth(str(value))
    if word is not None:
        return word
    path = os.path.abspath(os.path.expanduser(str(value)))
    try:
        _load(path)
    except OSError as error:  # an ssl.SSLError too: the file holds no certificate
        raise InputError(
            f"{SETTING} is not valid",
            expected="true, false, or the path of a file with certificates of CAs, in PEM",
            observed=f"{path}: {_why(error)}",
            next_step="correct the path, or the file",
        ) from None
    return path


def read_client_certificate(certificate: str, key: str | None) -> str | tuple[str, str]:
    """CLOUDSTACK_CERT, and CLOUDSTACK_CERT_KEY where the key is in a file of its own. Raises InputError."""
    paths = [os.path.abspath(os.path.expanduser(path)) for path in (certificate, key) if path]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(paths[0], paths[-1], password="")
    except (OSError, ValueError) as error:
        raise InputError(
            "CLOUDSTACK_CERT or CLOUDSTACK_CERT_KEY is not valid",
            expected="the paths of a certificate and of its key without passphrase, in PEM",
            observed=f"{' and '.join(paths)}: {error.strerror if isinstance(error, OSError) else error}",
            next_step="correct the paths, or the files",
        ) from None
    return (paths[0], paths[1]) if key else paths[0]


def _load(path: str) -> None:
    if not os.path.isdir(path):
        with open(path, "rb"):  # says which of missing and unreadable it is
            pass
    _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), path)


def _trust(context: ssl.SSLContext, path: str) -> None:
    if os.path.isdir(path):
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)


def _why(error: OSError) -> str:
    return "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else str(error.strerror)


def explain_tls(error: BaseException, url: str, verify: bool | str) -> dict[str, Any] | None:
    """The parts of the message for a TLS connection that did not come to stand; None where it was something else."""
    refused = _cause(error, ssl.SSLCertVerificationError)
    if refused is not None:
        return _explain_refused(refused, url, verify)
    explained = explain_handshake(str(_cause(error, ssl.SSLError) or ""))
    if explained is None:
        return None
    return {"expected": "a TLS connection", "observed": explained[0], "next_step": explained[1]}


def _explain_refused(refused: ssl.SSLCertVerificationError, url: str, verify: bool | str) -> dict[str, str]:
    parts = urlsplit(url)
    server = Server(parts.hostname or "", parts.port or 443, verify if isinstance(verify, str) else "")
    code = refused.verify_code
    names = _names(server, verify) if is_about_name(code) else []
    observed, next_step = explain_certificate(code, refused.verify_message, server, names)
    expected = f"a certificate that is valid now, made for {server.host} and signed by {server.trust}"
    return {"expected": expected, "observed": observed, "next_step": next_step, "reproduce": server.reproduce}


def _cause(error: BaseException | None, kind: type[ssl.SSLError]) -> Any:
    """The exception of Python's ssl that requests and urllib3 have wrapped; None where there is none."""
    while error is not None and not isinstance(error, kind):
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            inner = error.__cause__ or error.__context__
        error = inner
    return error


def _names(server: Server, verify: bool | str) -> list[str] | None:
    """The names that the server's certificate is made for. Only one that is trusted but for its name can be read; None
    where that does not succeed, as these are for a message.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if isinstance(verify, str):
        _trust(context, verify)
    else:
        context.load_default_certs()
    try:
        raw = socket.create_connection((server.host, server.port), LOOK)
        with raw, context.wrap_socket(raw, server_hostname=server.host) as tls:
            certificate: Any = tls.getpeercert()
    except OSError:
        return None
    return [str(name) for _kind, name in certificate.get("subjectAltName", ())]
