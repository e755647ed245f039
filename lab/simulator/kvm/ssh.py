# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH client of the real server as far as hosts notice it: its algorithms, waits, tries and words
(Trilead, SSHCmdHelper.java)."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import paramiko

from ..ports import DiscoveryError

LOG = logging.getLogger(__name__)
# what trilead build-217-jenkins-27 can do: each algorithm was tried with a real 4.22.1
KEX = (
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
)
CIPHERS = ("aes128-ctr", "aes256-ctr", "aes128-cbc", "aes256-cbc")
MACS = ("hmac-sha2-256", "hmac-sha2-512", "hmac-sha1")
KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
CONNECT_TIMEOUT = 60  # seconds, for the connect and for the key exchange
SILENCE = 120  # seconds without output after which a command is given up
TRIES = 3


def java(exception: str, text: str, twice: bool = True) -> DiscoveryError:
    """ "can't setup agent, due to <class>: <text> - <text>", with the blank in front that the real text has."""
    return DiscoveryError(f" can't setup agent, due to {exception}: {text}" + (f" - {text}" if twice else ""))


def blank(text: str, secrets: Sequence[str]) -> str:
    """The text without the secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "(blanked)")
    return text


class Session:
    """A login on a host."""

    def __init__(self, address: str, port: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self.address, self.port, self._sleep = address, port, sleep
        self._transport = self._connect()

    def _connect(self) -> paramiko.Transport:
        refused = f"There was a problem while connecting to {self.address}:{self.port}"
        try:
            raw = socket.create_connection((self.address, self.port), timeout=CONNECT_TIMEOUT)
        except socket.timeout:
            raise java(
                "java.net.SocketTimeoutException", f"The kexTimeout ({CONNECT_TIMEOUT * 1000} ms) expired."
            ) from None
        except OverflowError:
            raise java("java.lang.IllegalArgumentException", f"port out of range:{self.port}") from None
        except OSError:
            raise java("java.io.IOException", refused) from None
        transport = paramiko.Transport(raw)
        options = transport.get_security_options()
        for name, wanted in (("kex", KEX), ("ciphers", CIPHERS), ("digests", MACS), ("key_types", KEYS)):
            setattr(options, name, tuple(one for one in wanted if one in getattr(options, name)))
        try:
            transport.start_client(timeout=CONNECT_TIMEOUT)
        except (paramiko.SSHException, EOFError, OSError) as error:
            transport.close()
            if "timeout" in str(error).lower():
                raise java(
                    "java.net.SocketTimeoutException", f"The kexTimeout ({CONNECT_TIMEOUT * 1000} ms) expired."
                ) from None
            raise java("java.io.IOException", refused) from None
        return transport

    def login(self, username: str, password: str | None, key: Path | None) -> None:
        """The server's key first, then the password, if there is one. Raises DiscoveryError in the real words."""
        if key is not None and self._try_key(username, key):
            return
        if not password:
            raise DiscoveryError("Authentication error with SSH private key")
        if not self._transport.is_active():
            self._transport = self._connect()
        try:
            self._transport.auth_password(username, password, fallback=False)  # no keyboard-interactive
        except paramiko.BadAuthenticationType:
            raise java("java.io.IOException", "Password authentication failed.") from None
        except paramiko.SSHException:
            raise DiscoveryError("Authentication error with host password") from None

    def _try_key(self, username: str, path: Path) -> bool:
        try:
            self._transport.auth_publickey(username, _load(path))
        except (paramiko.SSHException, OSError):
            return False
        return self._transport.is_authenticated()

    def run(self, command: str, secrets: Sequence[str] = ()) -> tuple[int, str]:
        """(exit status, standard output) of a command; tried three times where it fails, each try after a second.
        Everything goes to the log as on the real server, with the `secrets` blanked: the reason of a failure stands
        nowhere else."""
        status, output = -1, ""
        for _ in range(TRIES):
            self._sleep(1)
            status, output, errors = self._once(command)
            LOG.info(
                "%s",
                blank(f"SSH command: {command}\nexit status: {status}\nSSH command output: {output}{errors}", secrets),
            )
            if status == 0:
                break
        return status, output

    def _once(self, command: str) -> tuple[int, str, str]:
        output, errors = b"", b""
        channel = None
        try:
            channel = self._transport.open_session(timeout=CONNECT_TIMEOUT)
            channel.settimeout(SILENCE)
            channel.exec_command(command)
            while chunk := channel.recv(65536):
                output += chunk
            while chunk := channel.recv_stderr(65536):
                errors += chunk
            status = channel.recv_exit_status()
        except (paramiko.SSHException, EOFError, OSError) as error:  # silent for too long, or the connection is gone
            status, errors = -1, errors + str(error).encode()
        finally:
            if channel is not None:
                channel.close()
        return status, output.decode(errors="replace"), errors.decode(errors="replace")

    def close(self) -> None:
        """Log out."""
        self._transport.close()


def _load(path: Path) -> paramiko.PKey:
    for kind in (paramiko.ECDSAKey, paramiko.RSAKey, paramiko.Ed25519Key):
        try:
            return kind.from_private_key_file(str(path))
        except (paramiko.SSHException, ValueError):  # another kind of key
            continue
    raise OSError(f"{path} is not a private key that paramiko understands")
