# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of logs without the secrets that addHost itself puts into them."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
