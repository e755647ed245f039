# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules of the role firewall, as they are on a host, with more peers.

roles/firewall/templates/cloudstack-kvm.nft.j2 has their form.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.addresses import sort_addresses

_VERSION = re.compile(r"^[ \t]*chain (version_[0-9a-f]+) \{", re.MULTILINE)
_SET = re.compile(r"^  set peers_(ipv4|ipv6) \{\n(?P<body>.*?)^  \}\n", re.MULTILINE | re.DOTALL)
_ELEMENTS = re.compile(r"^ *elements = \{ (.*) \}\n", re.MULTILINE)


def version_of(text: str) -> str:
    """The version that rules name, in a file or as `nft list table` prints them; empty where they name none."""
    found = _VERSION.search(text)
    return found[1] if found else ""


def with_peers(text: str, addresses: Iterable[str], path: str) -> str:
    """The text of the file `path` with these addresses among the peers, as the role itself would write it.

    Nothing is taken away; a network that has an address already is enough. Raises ParseError where the text is not one
    of the role's.
    """
    version, families = version_of(text), {found[1] for found in _SET.finditer(text)}
    if not version or families != {"ipv4", "ipv6"}:
        raise ParseError(
            path,
            "it is not a file of the role firewall",
            next_step="run ansible-playbook cloudstack.kvm.prepare_hosts for this host",
        )
    known = [each for found in _SET.finditer(text) for each in _elements(found["body"])]
    wanted = sort_addresses([*known, *addresses])
    edited = _SET.sub(lambda found: _set(found[1], wanted), text)
    if edited == text:
        return text
    # The version is made of the rules without it: see __firewall_version of the role.
    rules = edited.replace(f"chain {version} ", "chain version_0 ")
    digest = hashlib.sha256(rules.encode()).hexdigest()[:12]
    return rules.replace("chain version_0 ", f"chain version_{digest} ")


def _elements(body: str) -> list[str]:
    found = _ELEMENTS.search(body)
    return found[1].split(", ") if found else []


def _set(family: str, wanted: Mapping[str, list[str]]) -> str:
    elements = f"    elements = {{ {', '.join(wanted[family])} }}\n" if wanted[family] else ""
    kind = {"ipv4": "ipv4_addr", "ipv6": "ipv6_addr"}[family]
    return f"  set peers_{family} {{\n    type {kind}\n    flags interval\n{elements}  }}\n"
