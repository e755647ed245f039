# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`openssl x509 -noout -startdate -enddate` -> whether the certificate is valid at a moment."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from ansible_collections.cloudstack.kvm.plugins.module_utils.errors import ParseError

SOURCE = "openssl x509"
LINE = re.compile(r"^(notBefore|notAfter)=(.+) GMT$", re.MULTILINE)


def certificate_state(text: str, now: datetime) -> dict[str, str]:
    """not_before, not_after and now in ISO 8601, and state: valid, not yet valid or expired. Raises ParseError."""
    found = {name: _moment(value) for name, value in LINE.findall(text)}
    if set(found) != {"notBefore", "notAfter"}:
        raise ParseError(SOURCE, "no two dates", text=text.strip(), expected="notBefore=... and notAfter=...")
    state = "not yet valid" if now < found["notBefore"] else "expired" if now > found["notAfter"] else "valid"
    stamps = {"not_before": found["notBefore"], "not_after": found["notAfter"], "now": now}
    return {**{name: moment.isoformat(timespec="seconds") for name, moment in stamps.items()}, "state": state}


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(" ".join(text.split()), "%b %d %H:%M:%S %Y").replace(tzinfo=timezone.utc)
    except ValueError:
        raise ParseError(SOURCE, "no date", text=text, expected="such as Nov 21 00:31:40 2026") from None
