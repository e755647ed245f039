# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`sudo -l -U USER`: may this account run what a join runs, as root and without a password? As sudo decides: the last
rule that fits counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

SOURCE = "sudo -l"
_SCRIPTS = "/usr/share/cloudstack-common/scripts/util"
_AGENT = "/etc/cloudstack/agent"
# What a join of a real 4.22.1 runs, with arguments of the same form: a rule may be for certain arguments only.
PROGRAMS = {
    f"{_SCRIPTS}/keystore-setup": f"{_AGENT}/agent.properties {_AGENT}/cloud.jks 0123456789abcdef 365 "
    f"{_AGENT}/cloud.csr",
    f"{_SCRIPTS}/keystore-cert-import": f"{_AGENT}/agent.properties 0123456789abcdef {_AGENT}/cloud.jks ssh "
    f"{_AGENT}/cloud.crt x {_AGENT}/cloud.ca.crt x "
    f"{_AGENT}/cloud.key x",
    "/usr/bin/cloudstack-setup-agent": "-m 192.0.2.1 -z 1 -p 1 -c 1 -g 00000000-0000-0000-0000-000000000000 -a -s "
    "--pubNic=a --prvNic=a --guestNic=a "
    "--hypervisor=kvm",
}
_SECTIONS = (
    ("defaults", re.compile(r"Matching Defaults entries for .*:")),
    ("special", re.compile(r"(Runas and )?Command-specific defaults for .*:", re.IGNORECASE)),
    ("rules", re.compile(r"User .* may run the following commands on .*:")),
    ("nothing", re.compile(r"User .* is not allowed to run sudo on .*")),
    ("", re.compile(r"sudo: .*")),  # a warning, such as that the own name cannot be resolved
)
_COMMA = re.compile(r"(?<!\\),\s+")
_RULE = re.compile(r"(?:\((?P<runas>[^)]*)\)\s*)?(?P<commands>\S.*)")
_TAG = re.compile(r"(NO)?(PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|FOLLOW|MAIL|INTERCEPT):\s*")
_NOT_A_PATH = re.compile(r"sudoedit\b.*|list|[A-Z][A-Z0-9_]*")  # other uses of sudo, ALL, aliases that nobody defined


@dataclass(frozen=True)
class Permission:
    """One command of one rule. `asks` and `exec` are None where the Defaults decide."""

    command: str
    forbids: bool
    as_root: bool
    asks: Optional[bool]
    exec: Optional[bool]


def parse_rules(text: str, *, is_root: bool) -> dict[str, Any]:
    """requiretty, noexec and secure_path of the Defaults, and commands, path -> whether it runs as root without a
    password. Raises ParseError.

    root is never asked for a password. requiretty is None where it differs from command to command.
    """
    defaults, special, rules = _sections(text)
    asks = _flag(defaults, "authenticate", True)
    permissions = [each for number, rule in rules for each in _permissions(rule, number)]
    return {
        "requiretty": None if "requiretty" in special else _flag(defaults, "requiretty", False),
        "noexec": _flag(defaults, "noexec", False),
        "secure_path": _secure_path(defaults),
        "commands": {path: _allowed(permissions, path, asks, is_root) for path in PROGRAMS},
    }


def _sections(text: str) -> tuple[str, str, list[tuple[int, str]]]:
    """Defaults, special Defaults and rules, each in one piece: sudo folds lines at the width of the terminal, or at
    80."""
    rules: list[tuple[int, str]] = []
    parts, section, seen = {"defaults": "", "special": ""}, "", set()
    for number, line in enumerate(text.replace("\r", "").split("\n"), 1):
        content = line.strip()
        if content and not line.startswith(" "):
            section = _section(content, number)
            seen.add(section)
        elif content and section in parts:
            parts[section] += f" {content}"
        elif content and section == "rules" and line.startswith(" " * 8) and rules:
            rules[-1] = (rules[-1][0], f"{rules[-1][1]} {content}")
        elif content and section == "rules":
            rules.append((number, content))
    if not seen & {"rules", "nothing"}:
        raise ParseError(SOURCE, "no list of commands", text=text.strip())
    return parts["defaults"], parts["special"], rules


def _section(line: str, number: int) -> str:
    for name, form in _SECTIONS:
        if form.fullmatch(line):
            return name
    raise ParseError(SOURCE, "neither a heading nor a rule", line=number, text=line)


def _secure_path(defaults: str) -> Optional[list[str]]:
    """The folders in which sudo looks for programs, None where it leaves PATH alone. sudo escapes the colons."""
    words = [part for part in _COMMA.split(defaults.strip()) if part.startswith("secure_path=")]
    path = words[-1].partition("=")[2].replace("\\:", ":").strip('"') if words else ""
    return [folder for folder in path.split(":") if folder] or None


def _flag(defaults: str, name: str, otherwise: bool) -> bool:
    """A switch of the Defaults; the last word counts."""
    for part in reversed(_COMMA.split(defaults.strip())):
        if part in (name, f"!{name}"):
            return part == name
    return otherwise


def _permissions(rule: str, number: int) -> Iterator[Permission]:
    match = _RULE.fullmatch(rule)
    if not match:
        raise ParseError(SOURCE, "no rule", line=number, text=rule)
    as_root, tags = _runs_as_root(match["runas"]), {}
    for item in _COMMA.split(match["commands"]):
        while tag := _TAG.match(item):
            tags[tag[2]], item = not tag[1], item[tag.end() :]
        command = item.lstrip("! ")
        # Not understood, so not judged: checksums of programs, regular expressions, and options such as CWD.
        if not (command.startswith("/") or _NOT_A_PATH.fullmatch(command)) or " ^" in command:
            raise ParseError(SOURCE, "a rule of a kind that is not understood", line=number, text=item)
        forbids = item[: len(item) - len(command)].count("!") % 2 == 1
        yield Permission(command, forbids, as_root, tags.get("PASSWD"), tags.get("EXEC"))


def _runs_as_root(runas: Optional[str]) -> bool:
    """The list of accounts before the colon; without any list it is root."""
    if runas is None:
        return True
    verdict = False
    for name in runas.partition(":")[0].split(","):
        if name.strip().lstrip("!") in ("ALL", "root", "#0"):
            verdict = not name.strip().startswith("!")
    return verdict


def _allowed(permissions: list[Permission], path: str, asks: bool, is_root: bool) -> bool:
    """The last permission that speaks of this command decides. One that keeps it from starting others (NOEXEC) is
    none."""
    for each in reversed(permissions):
        if each.as_root and _fits(each.command, path):
            asked = not is_root and (asks if each.asks is None else each.asks)
            return not each.forbids and not asked and each.exec is not False
    return False


def _fits(command: str, path: str) -> bool:
    if command == "ALL":
        return True
    wanted, _blank, arguments = command.partition(" ")
    if wanted.endswith("/"):
        return wanted == path[: path.rindex("/") + 1]
    # "" wants no arguments at all, and so fits none of ours; a wildcard in arguments stands for anything.
    return _same_path(wanted, path) and (not arguments or _glob(arguments, PROGRAMS[path]))


def _same_path(pattern: str, path: str) -> bool:
    """As glob(7) compares paths: a wildcard does not stand for a slash."""
    mine, its = pattern.split("/"), path.split("/")
    return len(mine) == len(its) and all(_glob(name, part) for name, part in zip(mine, its))


def _glob(pattern: str, text: str) -> bool:
    try:
        return fnmatchcase(text, re.sub(r"\\(.)", r"\1", pattern))
    except re.error:  # Python 3.9 on a range such as [z-a]
        return False
