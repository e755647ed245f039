# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as JSON or XML, as the server writes them."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

from . import VERSION
from .errors import ApiError

JSON_TYPE = "application/json;charset=utf-8"
XML_TYPE = "text/xml;charset=utf-8"


def success(key: str, body: Any, as_json: bool) -> tuple[str, str]:
    """(text, content type) of a good answer."""
    if as_json:
        return json.dumps({key: body}, separators=(",", ":"), ensure_ascii=False), JSON_TYPE
    return _document(key, _xml(body), version=True), XML_TYPE


def error(key: str, fault: ApiError, as_json: bool) -> tuple[str, str]:
    """(text, content type) of a refusal. One without a cserrorcode never names the version either."""
    fields: dict[str, Any] = {"uuidList": fault.uuids, "errorcode": fault.code}
    if fault.cserror is not None:
        fields["cserrorcode"] = fault.cserror
    fields["errortext"] = fault.text
    if as_json:
        return json.dumps({key: fields}, separators=(",", ":"), ensure_ascii=False), JSON_TYPE
    return _document(
        key,
        _xml({name: value for name, value in fields.items() if name != "uuidList"}),
        version=fault.cserror is not None,
    ), XML_TYPE


def _document(key: str, inner: str, version: bool) -> str:
    attribute = f' cloud-stack-version="{VERSION}"' if version else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><{key}{attribute}>{inner}</{key}>'


def _xml(value: Any, key: str | None = None) -> str:
    if isinstance(value, dict):
        inner = "".join(_xml(item, name) for name, item in value.items())
    elif isinstance(value, list):
        return "".join(_xml(item, key) for item in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape(str(value))
    return inner if key is None else f"<{key}>{inner}</{key}>"
