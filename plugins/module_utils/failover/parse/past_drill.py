# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The result of a drill out of its JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import load_json, real
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.past_drill import PastDrill

FILE = "the result of a drill"


def read_past_drill(text: str) -> PastDrill:
    """A file with host, failure, finished (or created_at), verdict (or passed) and seconds (or times, each with what
    was seen). Raises ParseError for anything else.
    """
    data = load_json(text, FILE)
    if not isinstance(data, Mapping):
        raise ParseError(FILE, "it is not an object", text=text)
    finished = _moment(_text(data, "finished" if "finished" in data else "created_at"))
    return PastDrill(_text(data, "host"), _text(data, "failure"), finished, _verdict(data), _seconds(data))


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise ParseError(FILE, f"{key} is not a text", text=str(value))
    return value


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ParseError(FILE, "the end of the drill is not a time", text=text) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def _verdict(data: Mapping[str, Any]) -> str:
    if isinstance(data.get("passed"), bool):
        return "passed" if data["passed"] else "failed"
    return _text(data, "verdict")


def _seconds(data: Mapping[str, Any]) -> Optional[float]:
    if data.get("seconds") is not None:
        return real(str(data["seconds"]), FILE)
    times = data.get("times")
    seen = [each.get("seen") for each in times if isinstance(each, Mapping)] if isinstance(times, list) else []
    return max([real(str(each), FILE) for each in seen if each is not None], default=None)
