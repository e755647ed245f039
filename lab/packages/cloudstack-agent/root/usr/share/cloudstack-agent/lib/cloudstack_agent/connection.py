# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a management server: keystore, TCP, TLS, and the real agent's words for what goes wrong on it."""

import errno
import os
import socket
import ssl
import subprocess

from . import log

FOLDER = "/etc/cloudstack/agent"
TIMEOUT = 130  # seconds for a connect, as long as Linux tries; a packet that is dropped on the way costs all of them
SOURCE = "utils.nio.NioClient"
JAVA_NAMES = {
    errno.ECONNREFUSED: "java.net.ConnectException: Connection refused",
    errno.ETIMEDOUT: "java.net.ConnectException: Connection timed out",
    errno.EHOSTUNREACH: "java.net.NoRouteToHostException: No route to host",
    errno.ENETUNREACH: "java.net.SocketException: Network is unreachable",
}


class NotConnected(Exception):
    """An attempt failed; the text is that of the real exception, without its class."""


def java_name(error):
    """How Java calls an error of the socket layer."""
    if isinstance(error, socket.gaierror):
        return "java.net.UnknownHostException: Name or service not known"
    if isinstance(error, ssl.SSLError):
        return f"java.io.IOException: SSL: Handshake failed: {error}"
    if isinstance(error, TimeoutError):
        return JAVA_NAMES[errno.ETIMEDOUT]
    if error.errno in JAVA_NAMES:
        return JAVA_NAMES[error.errno]
    return f"java.net.SocketException: {os.strerror(error.errno)}" if error.errno else f"java.io.IOException: {error}"


def keystore_problem(passphrase):
    """None where the keystore opens with the passphrase, else keytool's words. A stale keystore never opens."""
    path = f"{FOLDER}/cloud.jks"
    if not os.path.exists(path):
        return None  # the real agent then connects without a certificate, and is refused by a strict server
    done = subprocess.run(
        ["keytool", "-list", "-keystore", path, "-storepass:env", "PASSPHRASE"],
        capture_output=True,
        text=True,
        env={**os.environ, "PASSPHRASE": passphrase},
    )
    if done.returncode == 0:
        return None
    words = (done.stdout.strip() or done.stderr.strip() or "keystore cannot be read").splitlines()[0]
    return words.replace("keytool error: ", "").replace("java.io.IOException: ", "")


def _context():
    """The server's certificate must be of the CA; it names no host that could be compared."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.load_verify_locations(f"{FOLDER}/cloud.ca.crt")
    tls.load_cert_chain(f"{FOLDER}/cloud.crt", f"{FOLDER}/cloud.key")
    return tls


def once(server, port, passphrase):
    """A connection to a server. Raises NotConnected, after the lines that the real agent writes then."""
    log.write("INFO", SOURCE, f"Connecting to {server}:{port}")
    try:
        raw = socket.create_connection((server, port), timeout=TIMEOUT)
        log.write("INFO", SOURCE, f"Connected to {server}:{port}")
        problem = keystore_problem(passphrase)
        if problem:
            raw.close()
            raise OSError(problem)
        raw.settimeout(30)
        connection = _context().wrap_socket(raw)
    except OSError as error:  # ssl.SSLError and socket.gaierror are among them
        raise NotConnected(_complain(server, port, java_name(error))) from error
    connection.settimeout(None)
    log.write("INFO", SOURCE, "SSL: Handshake done")
    return connection


def _complain(server, port, name):
    log.write("ERROR", SOURCE, f"IOException while connecting to {server}:{port} {name}")
    if name.startswith("java.net.ConnectException"):
        log.write("WARN", SOURCE, f"Unable to connect to remote: is there a server running on port {port}? {name}")
    else:
        log.write("ERROR", SOURCE, f"Unable to initialize the threads. {name}")
    log.write("INFO", SOURCE, "NioClient connection closed")
    return name.partition(": ")[2]
