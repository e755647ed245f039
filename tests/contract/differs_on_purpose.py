# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the simulator answers otherwise than the real server, and why. By topic and entry name; a test refuses what no
longer differs, and every difference that stands in no row."""

from __future__ import annotations

NO_DRIVER = "the simulator has the driver ipmitool only; the others are kept, but would need a Redfish BMC or a second CloudStack"  # noqa: E501
TIMING = "a matter of moments: the real server's agent was gone already when the answer was written"
MACHINE = "figures of the machine, its Java and its database"
EVENTS = "each call writes its events there, three for an asynchronous one; here only some do"
LISTAPIS = "the table of commands is made from the source, which lacks some descriptions and relations"
ONE_USER = "there is one user, the administrator"
AGENT = "our stand-in agents take a certificate when they are added, and no later"
OTHER_START = (
    "the first server had two providers Enabled at once, the second one none (arguments.json, zone-ready.json)"
)


def _rows(topic: str, reason: str, *names: str) -> dict[tuple[str, str], str]:
    return {(topic, name): reason for name in names}


REASONS: dict[tuple[str, str], str] = {
    **_rows("discovery", MACHINE, "listManagementServersMetrics", "listDbMetrics"),
    **_rows("misc", MACHINE, "listManagementServersMetrics"),
    **_rows("discovery", LISTAPIS, "listApis of one"),
    **_rows("discovery", EVENTS, "listEvents"),
    **_rows("host-simulator", EVENTS, "listEvents of the last things"),
    **_rows("oobm", EVENTS, "listEvents of out-of-band management"),
    **_rows("ha", EVENTS, "listEvents of HA"),
    **_rows("restart", EVENTS, "listEvents after the restarts"),
    **_rows("zone", OTHER_START, "listNetworkServiceProviders"),
    **_rows(
        "oobm", NO_DRIVER, "STATUS with redfish 127.0.0.1 / result", "STATUS with redfish 127.0.0.1:9443 / result",
        "STATUS with nestedcloudstack http://127.0.0.1:8080/client/api / result",
    ),
    **_rows("host-lifecycle", TIMING, "reconnectHost when Up / result"),
    **_rows(
        "kvm-host-lifecycle", AGENT, "provisionCertificate h1 reconnect=true", "provisionCertificate h1 "
            "reconnect=true / result",
    ),
    **_rows(
        "restart", ONE_USER, *(f"call {number} with a limit of 3 a second, plain user" for number in range(1, 7)),
        "a command a plain user has no role for", "another", "listApis by a plain user, count", "disableUser", "a "
            "call of a disabled user",
    ),
}  # fmt: skip


def reason(topic: str, name: str) -> str:
    """Why this entry differs; empty if it should not."""
    return REASONS.get((topic, name), "")
