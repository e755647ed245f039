# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""resolv.conf, and what getent says of names and addresses."""

from __future__ import annotations

from ipaddress import ip_address

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError


def parse_servers(text: str) -> list[str]:
    """/etc/resolv.conf -> its name servers, in order."""
    rows = [line.split() for line in text.splitlines()]
    return [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver"]


def parse_addresses(text: str) -> list[str]:
    """`getent ahosts NAME` (one line for each address and socket type) -> the addresses. Raises ParseError."""
    return list(dict.fromkeys(row[0] for row in _rows(text)))


def parse_name(text: str) -> str:
    """`getent hosts ADDRESS` -> the first name. Raises ParseError."""
    for row in _rows(text):
        if len(row) > 1:
            return row[1]
    raise ParseError("getent", "no name", text=text)


def _rows(text: str) -> list[list[str]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        row = line.split()
        if not row:
            continue
        try:
            ip_address(row[0].partition("%")[0])
        except ValueError:
            raise ParseError("getent", "no address", line=number, text=line) from None
        rows.append(row)
    return rows
