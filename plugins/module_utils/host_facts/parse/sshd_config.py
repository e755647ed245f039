# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What sshd does (`sshd -T`), where its configuration depends on who connects, and who may log in with which key."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

SOURCE = "sshd -T"
# Taken over as text, as names separated by commas, as words, and as one value for each line.
_SINGLE = (
    "permitrootlogin",
    "passwordauthentication",
    "pubkeyauthentication",
    "authenticationmethods",
    "authorizedkeyscommand",
    "forcecommand",
)
_COMMAS = ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms", "pubkeyacceptedalgorithms")
_WORDS = ("authorizedkeysfile",)
_REPEATED = ("port", "allowusers", "denyusers", "allowgroups", "denygroups")
_OLD_NAMES = {"pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms"}  # before OpenSSH 8.5, Enterprise Linux 8
_WHO = re.compile(r"^[ \t]*Match[ \t].*\b(?:Address|Host)\b", re.IGNORECASE | re.MULTILINE)
_INCLUDE = re.compile(r"^[ \t]*Include[ \t]+(.*)$", re.IGNORECASE | re.MULTILINE)
_POLICY = re.compile(r"^CRYPTO_POLICY='?([^'\n]*)", re.MULTILINE)
_KEY = re.compile(
    r'(?:(?P<options>(?:[^\s"]|"(?:\\.|[^"\\])*")+)\s+)?'
    r"(?P<type>(?:sk-)?(?:ssh|ecdsa)-[a-z0-9-]+(?:@openssh\.com)?)\s+(?P<key>[A-Za-z0-9+/]{16,}={0,2})(?:\s.*)?"
)
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')


def parse_settings(text: str) -> dict[str, Any]:
    """`sshd -T` -> the settings that a login depends on. Lists are empty where nothing is set. Raises ParseError."""
    found: dict[str, Any] = {**dict.fromkeys(_SINGLE), **{name: [] for name in (*_REPEATED, *_WORDS, *_COMMAS)}}
    for line in text.split("\n"):
        key, _blank, value = line.strip().partition(" ")
        key, value = _OLD_NAMES.get(key, key), value.strip()
        if key in _SINGLE:
            found[key] = value
        elif key in _COMMAS:
            found[key] = [name for name in value.split(",") if name]
        elif key in _WORDS:
            found[key] = value.split()
        elif key in _REPEATED:
            found[key].extend(value.split())  # older versions print all users on one line
    missing = [name for name in _SINGLE[:3] if found[name] is None]
    if missing or not found["port"]:
        raise ParseError(SOURCE, f"no {', '.join(missing) or 'port'}", text=text)
    return found


def depends_on_address(text: str) -> bool:
    """Whether a part of sshd_config counts only for some addresses or names of clients."""
    return bool(_WHO.search(text))


def included(text: str) -> list[str]:
    """The patterns of files that sshd_config includes, relative ones below /etc/ssh."""
    patterns = [word.strip('"') for match in _INCLUDE.finditer(text) for word in match[1].split()]
    return [pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}" for pattern in patterns if pattern]


def policy_options(text: str) -> list[str]:
    """The options that Enterprise Linux 8 starts sshd with (opensshserver.config of crypto-policies); later ones
    include a file instead."""
    match = _POLICY.search(text)
    return [word for word in match[1].split() if word.startswith("-o")] if match else []


def key_files(patterns: list[str], user: str, uid: int, home: str) -> list[str]:
    """AuthorizedKeysFile with its tokens (sshd_config(5)) and home folder of an account filled in."""
    tokens = {"%%": "%", "%h": home, "%u": user, "%U": str(uid)}
    paths = [re.sub("%[%huU]", lambda token: tokens[token[0]], pattern) for pattern in patterns if pattern != "none"]
    return [path if path.startswith("/") else f"{home}/{path}" for path in paths]


def parse_authorized_keys(text: str) -> list[str]:
    """authorized_keys -> `<type> <base64>` of each key that opens a shell; what sshd does not understand it skips too.

    A key with a forced command does not let CloudStack in: cloud images give root such keys, to say whom to log in as.
    """
    found = []
    for line in text.split("\n"):
        match = None if line.lstrip().startswith("#") else _KEY.fullmatch(line.strip())
        if match and not _restricted(match["options"] or ""):
            found.append(f"{match['type']} {match['key']}")
    return found


def _restricted(options: str) -> bool:
    names = [option.partition("=")[0].lower() for option in _QUOTED.sub("", options).split(",")]
    return "command" in names or "cert-authority" in names


def fingerprint(text: str) -> str:
    """A public key file -> SHA256:..., as ssh-keygen -l prints it; "" for what is not a key."""
    parts = text.split()
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (IndexError, ValueError):
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
