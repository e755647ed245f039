# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""netplan's YAML: what the files say together, one definition taken out of a file, and a file written anew.

Values stay texts as they are written (netplan types them itself): YAML 1.1 would make a number of an unquoted MAC.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

try:
    import yaml
except ImportError:  # a host without netplan
    yaml = None  # type: ignore[assignment]

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files

FOLDERS = ("/lib/netplan", "/etc/netplan", "/run/netplan")  # the same name in a later one hides that in an earlier one
_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./:%+-]*(?<!:)")


def require_yaml() -> None:
    """Raises InputError where this Python cannot read YAML."""
    if yaml is None:
        raise InputError(
            "the files of netplan cannot be read, because the host's Python has no PyYAML",
            expected="the Python that netplan itself uses, with python3-yaml",
            next_step="install python3-yaml, or set ansible_python_interpreter to /usr/bin/python3",
        )


def load(text: str, path: str) -> dict[str, Any]:
    """What one file says, {} where it is empty. Raises ParseError, InputError without PyYAML."""
    require_yaml()
    try:
        found = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - knows texts, lists and mappings only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ParseError(path, str(error), line=mark.line + 1 if mark else 0) from None
    if not found:
        return {}
    if not isinstance(found, dict):
        raise ParseError(path, "not a mapping", text=text)
    return found


def in_order(files: Files) -> list[str]:
    """Paths of netplan's own files in the order in which netplan reads them: by name, whatever their folder."""
    found = [path for path in files if posixpath.dirname(path) in FOLDERS and path.endswith(".yaml")]
    return sorted(found, key=posixpath.basename)


def network(files: Files) -> dict[str, Any]:
    """The mapping `network` of all files together."""
    whole: dict[str, Any] = {}
    for path in in_order(files):
        whole = merge(whole, load(files[path], path).get("network") or {})
    return whole


def merge(first: Any, second: Any) -> Any:
    """As netplan does it: mappings key by key, lists one behind the other, and of texts the later one."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        new = {key: merge(value, second[key]) if key in second else value for key, value in first.items()}
        return {**second, **new}
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *(each for each in second if each not in first)]
    return second


def without(text: str, path: str, kind: str, name: str) -> str:
    """The text without network.<kind>.<name>, all other lines as they are. Raises InputError where the definition
    cannot be cut out by whole lines (flow style, an anchor that another one uses)."""
    expected = _without(load(text, path), ["network", kind, name])
    keys = _cut_path(yaml.compose(text, yaml.BaseLoader), ["network", kind, name])
    first, last = keys[0].start_mark.line, _last_line(keys[1])
    lines = text.splitlines(keepends=True)
    left = "".join(lines[:first] + lines[last + 1 :])
    try:
        same = load(left, path) == expected
    except ParseError:
        same = False
    if not same:
        raise InputError(
            f"the definition of {name} cannot be taken out of {path} line by line",
            expected="block style, one key on a line, without anchors",
            observed="".join(lines[first : last + 1]).strip()[:200],
            next_step=f"write network.{kind}.{name} in block style, or take it out by hand; nothing was changed",
            reproduce=f"netplan get network.{kind}.{name}",
        )
    return left


def _without(tree: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """What becomes of a mapping; one that would be left empty goes as well."""
    rest = dict(tree)
    inner = _without(tree[keys[0]], keys[1:]) if len(keys) > 1 else {}
    if inner:
        rest[keys[0]] = inner
    else:
        del rest[keys[0]]
    return rest


def _cut_path(node: Any, keys: Sequence[str]) -> tuple[Any, Any]:
    """The nodes (key, value) that have to go: the outermost that holds nothing else."""
    pair: tuple[Any, Any] = (None, node)
    for name in keys:
        found = next((key, value) for key, value in node.value if key.value == name)
        holds_nothing_else = pair[0] is not None and len(node.value) == 1
        pair = pair if holds_nothing_else else found
        node = found[1]
    return pair


def _last_line(node: Any) -> int:
    """The last line on which something of the node stands; a block's own mark is behind the comments that follow."""
    if not isinstance(node, yaml.ScalarNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    end = node.end_mark
    return int(end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line)


def dump(tree: Mapping[str, Any]) -> str:
    """A mapping of texts, lists and mappings as YAML in block style."""
    return "".join(f"{line}\n" for line in _lines(tree))


def _lines(value: Any) -> list[str]:
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, each in value.items():
            lines += _entry(f"{_scalar(key)}:", each, "  ")
    else:
        for each in value:
            inner = _lines(each) if isinstance(each, (Mapping, list)) and each else [_empty_or_scalar(each)]
            lines += [f"- {inner[0]}", *(f"  {line}" for line in inner[1:])]
    return lines


def _entry(head: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, (Mapping, list)) and value:
        return [head, *(indent + line for line in _lines(value))]
    return [f"{head} {_empty_or_scalar(value)}"]


def _empty_or_scalar(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{}"
    return "[]" if isinstance(value, list) else _scalar(value)


def _scalar(text: str) -> str:
    """Plain where no reader can take it for something else. A text with colons may be a number in YAML 1.1, and is
    quoted unless it has letters."""
    plain = _PLAIN.fullmatch(text) and not re.fullmatch(r"[\d:]*:[\d:]*", text)
    return text if plain else json.dumps(text)
