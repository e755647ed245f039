# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""(settings wanted, text of a file) -> the text with these settings and everything else as it was.

A key is left alone when each of its lines says what is wanted, so the equal duplicates that cloudstack-setup-agent
leaves are no change. If one line says something else, the last one is corrected and the others go: libvirt takes the
first line of a key, sh and systemd the last, so only one line is unambiguous. A new key is put behind its commented
default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.settings import (
    Entry,
    Value,
    find_entries,
    parse_value,
)


def edit_settings(text: str, wanted: Mapping[str, Any], grammar: str, source: str) -> str:
    """Set each key of `wanted`; None removes the key. Raises InputError for a value that the grammar cannot write."""
    for key, value in wanted.items():
        text = _edit_key(text, key, value, grammar, source)
    return text


def _edit_key(text: str, key: str, wanted: Any, grammar: str, source: str) -> str:
    entries = [entry for entry in find_entries(text, grammar) if entry.key == key]
    active = [entry for entry in entries if not entry.commented]
    if wanted is None:
        return _replace(text, active, None)
    model = (active or entries)[-1] if entries else None
    value = _coerce(key, wanted, model, grammar, source)
    if active and all(_same(entry, value, grammar, source) for entry in active):
        return text
    line = _render(key, value, model, grammar, source)
    if active:
        return _replace(text, active, line)
    return _insert(text, line, after=model.last if model else None)


def _same(entry: Entry, value: Value, grammar: str, source: str) -> bool:
    found = parse_value(entry, grammar, source)
    return found == value and isinstance(found, str) == isinstance(value, str)


def _coerce(key: str, wanted: Any, model: Optional[Entry], grammar: str, source: str) -> Value:
    """The value with the type that the file itself shows for the key (libvirtd refuses `listen_tls = "1"`)."""
    if isinstance(wanted, str) and ("\n" in wanted or "\r" in wanted):
        raise InputError(f"{source}: the value of {key} has several lines", expected="one line")
    if grammar != "libvirt":
        if isinstance(wanted, (bool, list, dict)):
            raise InputError(
                f"{source}: the value of {key} is a {type(wanted).__name__}",
                expected="a text or a number",
                next_step=f"write {key}: in quotes, exactly as the file shall have it",
            )
        return str(wanted).strip() if grammar == "ini_flat" else str(wanted)
    if isinstance(wanted, list):
        return [_checked(key, str(item), source) for item in wanted]
    if not isinstance(wanted, (str, int)):
        raise InputError(
            f"{source}: the value of {key} is a {type(wanted).__name__}",
            expected="a text, a whole number, a truth value or a list of texts",
        )
    return _coerce_libvirt(key, int(wanted) if isinstance(wanted, bool) else wanted, model, source)


def _coerce_libvirt(key: str, wanted: Any, model: Optional[Entry], source: str) -> Value:
    shown = _shown(model, source)
    text = str(wanted)
    if isinstance(shown, int) and text.lstrip("-").isdigit() and text.isascii():
        return int(text)
    if isinstance(shown, str):
        return _checked(key, text, source)
    return wanted if isinstance(wanted, int) else _checked(key, text, source)


def _shown(model: Optional[Entry], source: str) -> Optional[Value]:
    try:
        return parse_value(model, "libvirt", source) if model else None
    except ParseError:
        if model is None or not model.commented:
            raise
        return None  # prose that looks like a setting


def _checked(key: str, text: str, source: str) -> str:
    if '"' in text or "\n" in text:
        raise InputError(
            f'{source}: the value of {key} has a " or a line break, libvirt has no way to write that', observed=text
        )
    return text


def _render(key: str, value: Value, model: Optional[Entry], grammar: str, source: str) -> str:
    if grammar == "ini_flat":
        return f"{key} = {value}"
    if grammar == "shell":
        return f"{key}={_quote(str(value), model)}"
    if isinstance(value, list):
        return f"{key} = [ {', '.join(_libvirt_string(item) for item in value)} ]" if value else f"{key} = []"
    return f"{key} = {value}" if isinstance(value, int) else f"{key} = {_libvirt_string(value)}"


def _libvirt_string(text: str) -> str:
    return f'"{text}"'


def _quote(value: str, model: Optional[Entry]) -> str:
    """Quotes as the file already has them: SELinux does not read SELINUX="permissive"."""
    bare = model is not None and model.raw[:1] not in ("", '"', "'")
    if bare and value and all(char.isalnum() or char in "_-./:,@%+" for char in value):
        return value
    escaped = "".join("\\" + char if char in '"\\$`' else char for char in value)
    return f'"{escaped}"'


def _replace(text: str, entries: list[Entry], line: Optional[str]) -> str:
    """Put `line` in the place of the last entry and take the others out; None takes them all out."""
    lines = text.split("\n")
    for entry in reversed(entries):
        lines[entry.first : entry.last + 1] = [line] if line is not None and entry is entries[-1] else []
    return "\n".join(lines)


def _insert(text: str, line: str, after: Optional[int]) -> str:
    lines = text.split("\n")
    if after is None:
        # The text behind the last line break is no line: write before it.
        if lines[-1] == "":
            lines.pop()
        return "\n".join([*lines, line, ""])
    lines.insert(after + 1, line)
    return "\n".join(lines) if lines[-1] == "" else "\n".join([*lines, ""])
