# SPDX-License-Identifier: GPL-3.0-or-later
"""Request signatures (ApiServer.java:972-1136; the matrix in recorded/auth.json)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

FURTHEST = timedelta(minutes=15)


def string_to_sign(parameters: Mapping[str, str]) -> str:
    """Sorted name=value pairs in lower case. Values are encoded as Java's URLEncoder does, with %20 for a space:
    letters, digits, - _ . * stay, ~ does not."""
    pairs = [
        f"{name}={quote(parameters[name], safe='*').replace('~', '%7E')}"
        for name in sorted(parameters)
        if name.lower() != "signature"
    ]
    return "&".join(pairs).lower()


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA1 in base64."""
    return base64.b64encode(
        hmac.new(secret.encode(), string_to_sign(parameters).encode(), hashlib.sha1).digest()
    ).decode()


def is_valid(parameters: Mapping[str, str], secret: str, now: datetime, enforced: bool = False) -> bool:
    """Whether the signature fits and, with signatureVersion 3, has not expired. `now` is in UTC. Where it is
    `enforced`, version 3 is compulsory and may not be good for more than 15 minutes (setting
    enforce.post.requests.and.timestamps)."""
    lower = {name.lower(): value for name, value in parameters.items()}
    versioned = lower.get("signatureversion") == "3"
    if (enforced and not versioned) or (
        versioned and not _in_time(lower.get("expires"), now, FURTHEST if enforced else None)
    ):
        return False
    given = lower.get("signature") or ""
    return bool(given) and hmac.compare_digest(given, sign(parameters, secret))


def _in_time(expires: str | None, now: datetime, furthest: timedelta | None) -> bool:
    if not expires:
        return False
    for pattern in ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            moment = datetime.strptime(expires, pattern)
        except ValueError:
            continue
        left = (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)) - now
        return left >= timedelta(0) and (furthest is None or left <= furthest)
    return False
