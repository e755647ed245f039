# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one command that is run on a host over CloudStack's own login, and what it answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import whole
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.sudo_rules import PROGRAMS, parse_rules

MARK = "@@"
# `sudo -l` only asks what is allowed. One line, no quote inside: whatever the account's login shell is, it hands this
# to sh as it stands.
COMMAND = (
    f'sh -c \'LC_ALL=C; export LC_ALL; q() {{ name=$1; shift; text=$("$@" 2>&1); echo "{MARK} $name $?"; echo '
    f'"$text"; }}; '
    "q uid id -u; q kvm ls /dev/kvm; "
    + "".join(f"q {program} sudo -n -l {program} {arguments}; " for program, arguments in PROGRAMS.items())
    + "q rules sudo -n -l; q end true'"
)
_HEAD = re.compile(rf"{MARK} (\S+) ([0-9]+)")


@dataclass(frozen=True)
class LoginAnswer:
    """What the account can do there. A program's verdict is None where sudo's rules are of a kind that is not
    understood."""

    device: bool
    sudo: Mapping[str, Optional[bool]]
    sudo_text: str


def parse_answer(text: str) -> LoginAnswer:
    """The answer to COMMAND. Raises ParseError where it is not whole. Lines before it (of a login script) do not
    count."""
    parts = _sections(text)
    missing = [name for name in ("uid", "kvm", *PROGRAMS, "rules", "end") if name not in parts]
    if missing:
        raise ParseError(
            "the answer of the host", f"it lacks {missing[0]}", line=text.count("\n") + 1, text=text[-200:]
        )
    by_rules, unclear = _rules(parts["rules"][1], parts["uid"][1] == "0")
    verdicts = {program: _verdict(program, *parts[program], by_rules.get(program), unclear) for program in PROGRAMS}
    said = next((words for _allowed, words in verdicts.values() if words), "")
    return LoginAnswer(
        parts["kvm"][0] == 0, {program: allowed for program, (allowed, _words) in verdicts.items()}, said
    )


def _sections(text: str) -> dict[str, tuple[int, str]]:
    """Name -> exit status and output of each question."""
    found: dict[str, tuple[int, list[str]]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        head = _HEAD.fullmatch(line.rstrip("\r"))
        if head:
            lines = []
            found[head[1]] = (whole(head[2], "the answer of the host"), lines)
        else:
            lines.append(line)
    return {name: (status, "\n".join(said).strip()) for name, (status, said) in found.items()}


def _rules(listing: str, root: bool) -> tuple[Mapping[str, bool], str]:
    """The verdicts by the list of rules, or why there is none."""
    try:
        return parse_rules(listing, is_root=root)["commands"], ""
    except ParseError as error:
        return {}, str(error)


def _verdict(
    program: str, status: int, said: str, by_rules: Optional[bool], unclear: str
) -> tuple[Optional[bool], str]:
    """Whether the account may run the program without password and terminal, and why not.

    sudo's own yes is not enough: it says so as soon as any rule of the account is without a password, even another one.
    About a program that is not installed yet it says nothing."""
    not_installed = said.endswith(f"{program}: command not found")
    if status != 0 and not not_installed:
        return False, said or f"sudo does not allow {program}"
    if by_rules is False:
        return False, f"sudo does not allow {program} without a password"
    return by_rules, unclear
