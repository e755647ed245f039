# SPDX-License-Identifier: GPL-3.0-or-later
"""ipmitool with the settings of the server, against the BMC of one host."""

from __future__ import annotations

from collections.abc import Mapping

from . import ipmi
from .cloud import Cloud


def ipmitool(cloud: Cloud, oobm: Mapping[str, str], words: list[str], timeout: float) -> ipmi.Result:
    """Run it; `timeout` in seconds."""
    setting = cloud.settings.get
    return ipmi.run(
        oobm, words, interface=setting("outofbandmanagement.ipmitool.interface") or "lanplus",
        retries=setting("outofbandmanagement.ipmitool.retries") or "1",
        path=setting("outofbandmanagement.ipmitool.path") or "/usr/bin/ipmitool",
        timeout=timeout,
    )  # fmt: skip


def act(cloud: Cloud, oobm: Mapping[str, str], action: str, timeout: float) -> bool:
    """Do a power action by a BMC that is configured and enabled; whether it says that it did. Of the drivers there is
    ipmitool."""
    if oobm["driver"] != "ipmitool":
        return False
    return ipmitool(cloud, oobm, ["chassis", "power", ipmi.ACTIONS[action]], timeout).ok
