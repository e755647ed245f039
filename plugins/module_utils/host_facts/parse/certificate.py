# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `openssl x509 -noout` says of a certificate."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

SOURCE = "openssl x509"
# One line for each part of a name: the usual form quotes and escapes what a name may contain.
QUESTION = (
    "openssl",
    "x509",
    "-noout",
    "-subject",
    "-issuer",
    "-dates",
    "-ext",
    "subjectAltName",
    "-nameopt",
    "multiline,utf8",
    "-in",
)
LINE = re.compile(r"^(notBefore|notAfter)=(.+) GMT$", re.MULTILINE)
_NAMES = re.compile(r"^X509v3 Subject Alternative Name:.*\n[ ]+(.*)$", re.MULTILINE)
_COMMON_NAME = re.compile(r"^[ ]+commonName[ ]+= (.*)$", re.MULTILINE)


def parse_certificate(text: str) -> dict[str, Any]:
    """The answer to QUESTION -> subject_cn, issuer_cn, not_before, not_after (ISO 8601, UTC) and names (of the SAN).
    Raises ParseError."""
    dates, names = _dates(text), _NAMES.search(text)
    return {
        "subject_cn": _common_name(text, "subject"),
        "issuer_cn": _common_name(text, "issuer"),
        "not_before": dates["notBefore"].isoformat(timespec="seconds"),
        "not_after": dates["notAfter"].isoformat(timespec="seconds"),
        "names": [name.strip() for name in names[1].split(", ") if name.strip()] if names else [],
    }


def certificate_state(text: str, now: datetime) -> dict[str, str]:
    """not_before, not_after and now in ISO 8601, and state: valid, not yet valid or expired. Raises ParseError."""
    found = _dates(text)
    state = "not yet valid" if now < found["notBefore"] else "expired" if now > found["notAfter"] else "valid"
    stamps = {"not_before": found["notBefore"], "not_after": found["notAfter"], "now": now}
    return {**{name: moment.isoformat(timespec="seconds") for name, moment in stamps.items()}, "state": state}


def _common_name(text: str, part: str) -> Optional[str]:
    """The CN of the subject or the issuer, None for a name without one."""
    block = re.search(rf"^{part}=.*(?:\n[ ]+.*)*", text, re.MULTILINE)
    if not block:
        raise ParseError(SOURCE, f"no {part}", text=text.strip(), expected=f"{part}= and its parts below")
    found = _COMMON_NAME.search(block[0])
    return found[1].strip() if found else None


def _dates(text: str) -> dict[str, datetime]:
    found = {name: _moment(value) for name, value in LINE.findall(text)}
    if set(found) != {"notBefore", "notAfter"}:
        raise ParseError(SOURCE, "no two dates", text=text.strip(), expected="notBefore=... and notAfter=...")
    return found


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(" ".join(text.split()), "%b %d %H:%M:%S %Y").replace(tzinfo=timezone.utc)
    except ValueError:
        raise ParseError(SOURCE, "no date", text=text, expected="such as Nov 21 00:31:40 2026") from None
