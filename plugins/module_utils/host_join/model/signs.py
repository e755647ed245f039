# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host shows of an addHost that is being carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Mark:
    """Written on the host before addHost is sent, removed when it has answered. `age` in seconds of the host's
    uptime.
    """

    age: float
    controller: str
    cluster: str = ""
    begun: str = ""
    token: str = ""


@dataclass(frozen=True)
class Signs:
    """What the host shows. All ages in seconds; None: nothing of the kind since the host has booted.

    `processes` and `logins` are those of now, (program or address, age); logins are those of management servers,
    without a terminal. `set_up` is the newest line of a program of the set-up, `logout` the newest end of a login of a
    management server.
    """

    processes: tuple[tuple[str, float], ...] = ()
    logins: tuple[tuple[str, float], ...] = ()
    set_up: Optional[float] = None
    logout: Optional[float] = None
    agent_active: bool = False
    agent_connected: bool = False
    mark: Optional[Mark] = None
