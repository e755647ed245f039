# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of logs: without the secrets that addHost itself puts into them, and only those of the last join."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Optional

# sudo logs the whole command line: the keystore passphrase, and, where no CSR came, even the private key.
COMMAND = re.compile(r"(keystore-(?:setup|cert-import))\b.*")
VALUE = re.compile(r"(?i)\b((?:keystore\.)?passphrase|password|secret)(\s*[=:]\s*)\S+")
KEY = re.compile(r"-----BEGIN.*")


def scrub(lines: Iterable[str]) -> list[str]:
    """The lines with arguments of the keystore scripts, passwords and PEM data taken out."""
    return [
        KEY.sub("(hidden)", VALUE.sub(r"\1\2(hidden)", COMMAND.sub(r"\1 (arguments hidden)", line.rstrip())))
        for line in lines
    ]


# How cloudstack-setup-agent begins (python/lib/cloudutils/utilities.py and syscfg.py of CloudStack 4.22.1): what it
# asks to tell the distribution, then the host's name. setup.log has no times, and each run appends to it.
BEGINNING = re.compile(r"execute:(?:/usr/bin/lsb_release -i|uname -[rm]|hostname -f)$")
STAMP = re.compile(r"^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d),\d")
HOUR = 3600  # seconds


def last_setup_run(lines: Sequence[str]) -> list[str]:
    """The lines of setup.log that the last run of cloudstack-setup-agent wrote; all where no beginning is seen."""
    begins = [number for number, line in enumerate(lines) if BEGINNING.search(line)]
    first = max((number for number in begins if number - 1 not in begins), default=0)
    return list(lines[first:])


def last_minutes(lines: Sequence[str], seconds: float) -> list[str]:
    """The lines of agent.log from an hour before the join began, counted back from the newest: a join of `seconds`."""
    stamps = [stamp_seconds(line) for line in lines]
    newest = max((stamp for stamp in stamps if stamp is not None), default=None)
    if newest is None:
        return list(lines)
    for number, stamp in enumerate(stamps):
        if stamp is not None and newest - stamp <= seconds + HOUR:
            return list(lines[number:])
    return list(lines)


def stamp_seconds(line: str) -> Optional[int]:
    """The time at the beginning of a line in seconds, for differences only; None without one."""
    found = STAMP.match(line)
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        days = date(year, month, day).toordinal()
    except ValueError:
        return None
    return ((days * 24 + hour) * 60 + minute) * 60 + second
