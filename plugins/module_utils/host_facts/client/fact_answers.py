# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what a command said to a fact, or to the reason why there is none."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Any, Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import fact_files

# Where an administrator finds programs, whatever PATH Ansible was logged in with.
_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program(name: str) -> Optional[str]:
    """The path of a program, None if it is not installed."""
    return shutil.which(name, path=_FOLDERS)


def parsed(fact: str, answer: Answer, parse: Callable[[str], Any], unknown: dict[str, str]) -> Any:
    """The value in what the command printed; None, and the reason in `unknown`, if it failed or is not understood."""
    if not answer.ok:
        unknown[fact] = answer.why()
        return None
    return understood(fact, answer.stdout, parse, unknown)


def read_and_parsed(fact: str, path: str, parse: Callable[[str], Any], unknown: dict[str, str]) -> Any:
    """The value in a file; None, and the reason in `unknown`, if it cannot be read or is not understood."""
    try:
        text = fact_files.read(path)
    except OSError as error:
        unknown[fact] = f"{path}: {error.strerror}"
        return None
    return understood(fact, text, parse, unknown)


def understood(fact: str, text: str, parse: Callable[[str], Any], unknown: dict[str, str]) -> Any:
    """The value in a text; None, and the reason in `unknown`, if it is not understood."""
    try:
        return parse(text)
    except ParseError as error:
        unknown[fact] = str(error)
        return None


def status_of(fact: str, path: str, unknown: dict[str, str]) -> Optional[os.stat_result]:
    """What the file is, links followed; None if it is not there, or, with the reason in `unknown`, if that may not be
    seen."""
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        unknown[fact] = f"{path}: {error.strerror}"
        return None


def executable(found: os.stat_result) -> bool:
    """Whether it is a file with an x bit. access(2) would answer for this process, which may not be root."""
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o111)
