# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host's own BMC, asked and set in band by ipmitool. A password goes through its standard input only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.model.settings import (
    LONG_PASSWORD,
    SHORT_PASSWORD,
    Account,
    BmcState,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.parse import settings as parse
from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.ipmitool import parse_access_mode

DEVICES = ("/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0")
LAN_CHANNELS = (1, 2)  # 1 of nearly all vendors; HPE has its LAN at 2
# IPMI 2.0, section 22.30: Set User Password with its operations; 80h in the first byte: 20 bytes follow.
SET_PASSWORD, TEST_PASSWORD = 2, 3
PATIENCE = 60  # seconds for one question: a list of 63 accounts is 126 exchanges over a slow interface
_REFUSED = ("Unable to send RAW command", "Compiled without readline", "Could not open device")


class LocalBmc:
    """The BMC of this host. All methods raise CommandError, and ParseError for a text that is not understood."""

    def __init__(self, run: Optional[Callable[..., Answer]] = None) -> None:
        self._run = run or partial(command.run, timeout=PATIENCE)

    def fetch(self, channel: Optional[int], username: Optional[str]) -> BmcState:
        """What is set. `channel` None: the first of the usual ones that is a LAN."""
        number, mode = self._lan_channel(channel)
        accounts = parse.parse_users(self._text("user", "list", str(number)))
        _own, most = parse.parse_user_access(self._text("channel", "getaccess", str(number), "1"))
        detailed = tuple(self._detailed(number, each) if each.name == username else each for each in accounts)
        lan = parse.parse_lan_settings(self._text("lan", "print", str(number)))
        return BmcState(number, lan, mode, detailed, most)

    def controller(self) -> dict[str, str]:
        """Manufacturer and firmware, for a reader."""
        return parse.parse_controller(self._text("mc", "info"))

    def _detailed(self, channel: int, account: Account) -> Account:
        """With what the list leaves out: whether it is enabled."""
        text = self._text("channel", "getaccess", str(channel), str(account.user_id))
        return parse.parse_user_access(text)[0]

    def _lan_channel(self, wanted: Optional[int]) -> tuple[int, str]:
        for number in LAN_CHANNELS if wanted is None else (wanted,):
            answer = self._run(("ipmitool", "channel", "info", str(number)))
            mode = parse_access_mode(answer.stdout) if answer.ok else None
            if mode is not None:
                return number, mode
        tried = LAN_CHANNELS if wanted is None else (wanted,)
        raise CommandError(
            "the BMC has no LAN channel under this number",
            expected=f"802.3 LAN at channel {' or '.join(map(str, tried))}",
            observed=answer.why() if not answer.ok else "a channel of another kind",
            next_step="look for `802.3 LAN` in `ipmitool channel info N`, N from 1 to 11, and declare oobm_channel",
        )

    def _text(self, *words: str) -> str:
        argv = ("ipmitool", *words)
        answer = self._run(argv)
        if not answer.ok:
            raise CommandError(
                "the BMC does not answer in band",
                expected=f"an answer to `{' '.join(argv)}`",
                observed=answer.why(),
                next_step="install ipmitool; if it is there, look at the BMC's own log, or reset it (ipmitool mc reset"
                " cold)",
                reproduce=" ".join(argv),
            )
        return answer.stdout

    def password_fits(self, user_id: int, password: str) -> Optional[bool]:
        """Whether the BMC says that this is the account's password; None for one that says so of any password."""
        if not self._password(user_id, TEST_PASSWORD, password):
            return False
        return None if self._password(user_id, TEST_PASSWORD, secrets.token_hex(8)) else True

    def apply(self, plan: Plan, password: Optional[str]) -> None:
        """Carry out the plan, step by step."""
        for change in plan:
            if "argv" in change.data:
                self._text(*change.data["argv"])
            elif not self._password(change.data["password_of"], SET_PASSWORD, password or ""):
                raise CommandError(
                    "the BMC refuses the password",
                    expected="the declared password to be stored",
                    observed="completion code other than 0 to Set User Password",
                    next_step="many BMCs ask for letters, digits and signs, or for 8 of them: choose another password",
                )

    def _password(self, user_id: int, operation: int, password: str) -> bool:
        """Whether the BMC took it. Neither argv nor environment hold it: both can be read in /proc.

        `ipmitool shell` reads its commands from standard input; raw bytes need no quoting. Its output repeats the
        input, so nothing of the answer may go into a message."""
        raw = password.encode()
        is_long = len(raw) > SHORT_PASSWORD
        padded = raw.ljust(LONG_PASSWORD if is_long else SHORT_PASSWORD, b"\0")
        head = [0x06, 0x47, user_id | (0x80 if is_long else 0), operation]
        line = " ".join(f"0x{byte:02x}" for byte in (*head, *padded))
        answer = self._run(("ipmitool", "shell"), stdin=f"raw {line}\nquit\n")
        if answer.status is None or any(mark in answer.stderr for mark in _REFUSED[1:]):
            raise CommandError(
                "a password cannot be given to ipmitool",
                expected="`ipmitool shell` to run",
                observed=answer.problem or "it has no shell, or finds no BMC",
                next_step="install the distribution's ipmitool, which has readline",
            )
        return answer.ok and _REFUSED[0] not in answer.stderr


def missing_device() -> str:
    """Why there is no BMC to talk to; empty where there is one."""
    if any(os.path.exists(device) for device in DEVICES):
        return ""
    return f"no {DEVICES[0]}"


def result(seen: BmcState, account: Optional[Account], controller: Any) -> dict[str, Any]:
    """The documented keys of the module."""
    lan = seen.lan
    return {
        **{key: getattr(lan, key) for key in ("source", "address", "netmask", "gateway", "vlan", "cipher_privileges")},
        "cipher_suites": list(lan.cipher_suites),
        "channel": seen.channel,
        "access_mode": seen.access_mode,
        "lockout": lan.lockout,
        "user_id": account.user_id if account else None,
        "privilege": account.privilege if account else None,
        **controller,
    }
