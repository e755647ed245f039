# SPDX-License-Identifier: GPL-3.0-or-later
"""The BMC of the recordings, as ipmitool 1.8.19 spoke of it: one machine at 127.0.0.1:9011 with one account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.simulator.ipmi import Result

PLACE, USER, PASSWORD = ("127.0.0.1", "9011"), "admin", "password12"
TOO_SHORT = (1, 5)  # timeouts that the recordings ran into; the second one on a BMC that was made slow
KEPT = 16  # characters of a password that it keeps
BEGIN = "Loading IANA PEN Registry...\nUnable to Get Channel Cipher Suites\n"
NO_SESSION = "Error: Unable to establish IPMI v2 / RMCP+ session\n"
NOBODY = f"Loading IANA PEN Registry...\nGet Auth Capabilities error\nError issuing Get Channel Authentication Capabilities request\n{NO_SESSION}"
DONE = {"on": "Up/On", "off": "Down/Off", "cycle": "Cycle", "reset": "Reset", "soft": "Soft"}


class RecordedBmc:
    """Stands for lab.simulator.ipmi.run."""

    def __init__(self) -> None:
        self.password, self.on = PASSWORD, True

    def __call__(self, oobm: Mapping[str, str], words: list[str], *, timeout: float, **_: Any) -> Result:
        if (oobm["address"], oobm["port"]) != PLACE:
            return Result(False, "", NOBODY)
        if timeout in TOO_SHORT:
            return Result(False, None, "")
        if oobm["username"] != USER:
            return Result(False, "", f"{BEGIN}RAKP 2 message indicates an error : unauthorized name\n{NO_SESSION}")
        if oobm["password"] != self.password:
            return Result(False, "", f"{BEGIN}> RAKP 2 HMAC is invalid\n{NO_SESSION}")
        return self._do(words)

    def _do(self, words: list[str]) -> Result:
        if words[:2] == ["user", "list"]:
            return Result(True, f"ID  Name\n2   {USER}            true    true       true       ADMINISTRATOR\n", "")
        if words[:3] == ["user", "set", "password"]:
            self.password = words[4][:KEPT]
            return Result(True, "", "")
        if words[2] == "status":
            return Result(True, f"Chassis Power is {'on' if self.on else 'off'}\n", "")
        self.on = words[2] not in ("off", "soft")
        return Result(True, f"Chassis Power Control: {DONE[words[2]]}\n", "")
