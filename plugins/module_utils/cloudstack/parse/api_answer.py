# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an HTTP answer is that should have come from CloudStack: its own refusal, or the words of something in front of
it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
SHOWN = 80  # characters of a title or of a foreign text
WITHOUT_ID = ("configuration", "alert")  # kinds of objects that no call names
SHAPES = {"id": str, "name": str, "details": dict, "outofbandmanagement": dict}
LONGEST = 4000  # characters of an error text
# Statuses of a proxy or server that took the request and then failed or gave up (RFC 9110; 499 is nginx's): what lies
# behind it may have carried the command out. All of 5xx belongs to them too.
GAVE_UP = (408, 499)


def is_refusal(body: Any) -> bool:
    """Whether this is CloudStack's own error: an object with an errorcode or an errortext."""
    return isinstance(body, dict) and bool({"errorcode", "errortext"} & body.keys())


def refusal(body: Mapping[str, Any], status: int) -> tuple[int, str]:
    """(errorcode, errortext) of CloudStack's error; the HTTP status, which is the same number, where the code is not
    one."""
    code, text = body.get("errorcode"), body.get("errortext")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 6:
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool) or not 0 < code < 100000:
        code = status
    words = text or "" if isinstance(text, (str, type(None))) else json.dumps(text, default=str)
    return code, words.strip()[:LONGEST] or "no reason given"


def may_have_run(status: int) -> bool:
    """Whether a command may have been carried out although this status came without CloudStack's own words."""
    return 200 <= status < 300 or status >= 500 or status in GAVE_UP


def describe_answer(status: int, reason: str, content_type: str, text: str) -> str:
    """One line about an answer that is not CloudStack's: status, kind, and the title of a page."""
    kind = content_type.partition(";")[0].strip().lower()[:SHOWN]
    title = TITLE.search(text[:20000])
    if title or "html" in kind:
        what = "an HTML page" + (f" titled {' '.join(title[1].split())[:SHOWN]!r}" if title else "")
    elif not text.strip():
        what = "an empty body"
    elif "json" in kind or "javascript" in kind:
        what = "JSON that is cut or malformed" if not _is_json(text) else "JSON that is not an answer of CloudStack"
    else:
        what = f"content of type {kind or 'unknown'}"
    return f"HTTP {status} {reason}".strip()[:SHOWN] + f", {what}"


def without_query(location: str) -> str:
    """An address without what may be secret in it: query, fragment, user and password."""
    return re.sub(r"//[^/?#]*@", "//", location.partition("?")[0].partition("#")[0])[:200]


def objects_of(answer: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The objects in the answer of a list call; absent where there are none. Raises ParseError for what cannot be
    worked with."""
    objects = answer.get(kind, [])
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise _odd(f"{kind} is not a list of objects", "a list of objects", objects)
    for each in objects:
        if kind not in WITHOUT_ID and not each.get("id"):
            raise _odd(f"one {kind} has no id", "an id", each)
        for name, shape in SHAPES.items():
            if not isinstance(each.get(name), (shape, type(None))):
                raise _odd(f"{name} of one {kind} is not a {shape.__name__}", f"a {shape.__name__}", each[name])
    return objects


def number_of(value: Any, what: str) -> int:
    """A small whole number, also where it came as text. Raises ParseError."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _odd(f"{what} is not a number", "a number", value)


def _odd(message: str, expected: str, value: Any) -> ParseError:
    return ParseError(
        "the answer of CloudStack", message, expected=expected, text=json.dumps(value, default=str)[:SHOWN]
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
