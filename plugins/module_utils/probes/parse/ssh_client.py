# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What CloudStack's SSH client can do, and how far OpenSSH's client came, by its own words."""

from __future__ import annotations

import re
from typing import Optional

# trilead build-217-jenkins-27, tried one by one against OpenSSH 9.2: no GCM, no chacha20, no -etm MAC, no
# group14/16/18, no sntrup761 (F60)
KEX = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
)
CIPHERS = ("aes128-ctr", "aes256-ctr", "aes128-cbc", "aes256-cbc")
MACS = ("hmac-sha2-256", "hmac-sha2-512", "hmac-sha1")
HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
)
OPTIONS = {
    "KexAlgorithms": ",".join(KEX),
    "Ciphers": ",".join(CIPHERS),
    "MACs": ",".join(MACS),
    "HostKeyAlgorithms": ",".join(HOST_KEYS),
}

LOCAL = "local"  # the client could not even try: says nothing about the host
FAILED = 255  # the client's own exit status; others are the remote command's
LIMIT = 500  # characters of a text
# What the client says on its way at LogLevel VERBOSE, with StrictHostKeyChecking=no and no known hosts.
_KEYS_EXCHANGED = re.compile(r"^Warning: Permanently added ", re.M)
_LOGGED_IN = re.compile(r"^Authenticated to .* \(\[", re.M)
_NO_COMMON = re.compile(r"^Unable to negotiate with ", re.M)
_UNUSABLE = re.compile(
    r"^(Load key |command-line|Bad configuration option)", re.M
)  # a key or an option that this client does not take
_NOISE = (
    "Warning: Permanently added ",
    "Authenticated to ",
    "Transferred: ",
    "Bytes per second: ",
    "Loading IANA PEN Registry",
)


def stage(status: Optional[int], errors: str, answered: bool) -> str:
    """Where a login ended: local, connect, algorithms, authentication, command, or "" where the remote command came to
    a good end.

    `status` is the client's exit status (None: it was stopped because it took too long), `errors` its standard error,
    `answered` is whether the remote command printed anything."""
    if status == 0 and answered:
        return ""
    if answered or status not in (FAILED, None) or _LOGGED_IN.search(errors):
        return "command"
    if _UNUSABLE.search(errors):
        return LOCAL
    if _KEYS_EXCHANGED.search(errors):
        return "authentication"
    return "algorithms" if _NO_COMMON.search(errors) else "connect"


def one_line(text: str) -> str:
    """The text on one line, without what ssh and ipmitool say when all goes well. The end of a long text: errors stand
    there, not in a banner."""
    lines = [line.strip(" \r>@") for line in text.splitlines()]
    return "; ".join(line for line in lines if line and not line.startswith(_NOISE))[-LIMIT:]
