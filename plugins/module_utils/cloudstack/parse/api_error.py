# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Error answers of the API: without secrets, and with what an operator can do about each code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "********"
# Errors of out-of-band management quote the whole command line: /usr/bin/ipmitool ... -P <password> user list
IPMITOOL_PASSWORD = re.compile(r"(\s-P\s+)(?:'[^']*'|\"[^\"]*\"|\S+)")
# A server or proxy may quote the request: apikey=...&signature=..., or the same as JSON
QUOTED = re.compile(r"(?i)\b(apikey|signature|password|secret\w*)(=|\"\s*:\s*\")[^&\s,;\"'<>]+")
SECRET_NAMES = ("password", "secret", "privatekey")
SHORTEST = 3  # characters; replacing shorter values would only garble the text, and tell more than it hides

ADVICE = {
    400: (
        "look at the management server's log; enforce.post.requests.and.timestamps may be on and the controller's clock"
        " wrong"
    ),
    429: "wait until the account may ask again, or raise api.throttling.max",
    430: "correct the value that the text names",
    431: "correct the value that the text names",
    432: "use the key of an account whose role has this call: a root administrator's",
    531: "use the key of a root administrator, or bring the object into the state that the text asks for",
    532: "raise the limit that the text names",
    533: "free some capacity, or add some",
    534: "see which resource is not available, in the text or in the management server's log",
    536: "remove first what still uses it",
    537: "remove the rule that the new one collides with",
}
LOG = (
    "see the text; the management server's log (/var/log/cloudstack/management/management-server.log) has the whole"
    " story"
)

# One text stands for all of these: the server tells them apart in its own log only.
UNAUTHORISED = (
    "check CLOUDSTACK_KEY and CLOUDSTACK_SECRET, the controller's clock (a request is valid for ten minutes), that the"
    " account is an enabled administrator, and that the controller's address is in api.allowed.source.cidr.list"
)


def advice(code: int) -> str:
    """The next step after an error of this code."""
    return UNAUTHORISED if code == 401 else ADVICE.get(code, LOG)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """The text without these values, without any password on a quoted ipmitool command line, and without those of a
    quoted request."""
    for secret in sorted((secret for secret in secrets if len(secret) >= SHORTEST), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return QUOTED.sub(rf"\g<1>\g<2>{HIDDEN}", IPMITOOL_PASSWORD.sub(rf"\g<1>{HIDDEN}", text))


def secrets_of(params: Mapping[str, Any]) -> list[str]:
    """The values of a request that must not come back in a message."""
    return [
        str(value) for name, value in params.items() if value and any(mark in name.lower() for mark in SECRET_NAMES)
    ]
