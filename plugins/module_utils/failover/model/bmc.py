# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the last pre-flight has found out about the BMCs of a cluster. CloudStack itself knows none of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import Finding

OWN, FOREIGN, SHARED, UNKNOWN = "own", "another machine's", "shared", "not known"  # whose BMC it is
APART, MANAGEMENT, GUESTS = "apart", "on the management network", "guests reach it"  # where it is


@dataclass(frozen=True)
class BmcSeen:
    """The BMC of one host: whose it is and where, each in words of above. `whose` says why it is not the host's own;
    `privilege` is that of CloudStack's account in band, in upper case, None where it was not seen. `address` is the
    declared one, at which it was looked at.
    """

    identity: str = UNKNOWN
    isolation: str = UNKNOWN
    whose: str = ""
    privilege: Optional[str] = None
    address: str = ""


@dataclass(frozen=True)
class BmcLook:
    """All of them, by CloudStack's name of the host. `at` is when it was seen (ISO 8601), `findings` are those of the
    pre-flight's checks about BMCs. `missing` says why there is no look that can be used.
    """

    at: str = ""
    hosts: Mapping[str, BmcSeen] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    missing: str = ""
