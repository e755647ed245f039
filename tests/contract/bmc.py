# SPDX-License-Identifier: GPL-3.0-or-later
"""The BMCs of the recordings, as ipmitool 1.8.19 spoke of them: each has one account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.simulator.ipmi import Result

# (address, port) -> (user, password)
BMCS = {
    ("127.0.0.1", "9011"): ("admin", "password12"),
    ("10.88.0.101", "623"): ("ADMIN", "secret-of-h1"),
    ("10.88.0.102", "623"): ("ADMIN", "secret-of-h2"),
}
TOO_SHORT = (1, 5)  # timeouts that the recordings ran into; the second one on a BMC that was made slow
KEPT = 16  # characters of a password that it keeps
BEGIN = "Loading IANA PEN Registry...\nUnable to Get Channel Cipher Suites\n"
NO_SESSION = "Error: Unable to establish IPMI v2 / RMCP+ session\n"
NOBODY = f"Loading IANA PEN Registry...\nGet Auth Capabilities error\nError issuing Get Channel Authentication Capabilities request\n{NO_SESSION}"  # noqa: E501
DONE = {"on": "Up/On", "off": "Down/Off", "cycle": "Cycle", "reset": "Reset", "soft": "Soft"}


class RecordedBmcs:
    """Stands for lab.simulator.ipmi.run."""

    def __init__(self) -> None:
        self.accounts, self.off = dict(BMCS), set()

    def __call__(self, oobm: Mapping[str, str], words: list[str], *, timeout: float, **_: Any) -> Result:
        place = (oobm["address"], oobm["port"])
        if place not in self.accounts:
            return Result(False, "", NOBODY)
        if timeout in TOO_SHORT:
            return Result(False, None, "")
        user, password = self.accounts[place]
        if oobm["username"] != user:
            return Result(False, "", f"{BEGIN}RAKP 2 message indicates an error : unauthorized name\n{NO_SESSION}")
        if oobm["password"] != password:
            return Result(False, "", f"{BEGIN}> RAKP 2 HMAC is invalid\n{NO_SESSION}")
        return self._do(place, words)

    def _do(self, place: tuple[str, str], words: list[str]) -> Result:
        user = self.accounts[place][0]
        if words[:2] == ["user", "list"]:
            return Result(True, f"ID  Name\n2   {user}            true    true       true       ADMINISTRATOR\n", "")
        if words[:3] == ["user", "set", "password"]:
            self.accounts[place] = (user, words[4][:KEPT])
            return Result(True, "", "")
        if words[2] == "status":
            return Result(True, f"Chassis Power is {'off' if place in self.off else 'on'}\n", "")
        (self.off.add if words[2] in ("off", "soft") else self.off.discard)(place)
        return Result(True, f"Chassis Power Control: {DONE[words[2]]}\n", "")
