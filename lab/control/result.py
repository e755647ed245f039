# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that `make lab` ends with, read from the API with the `cs` library."""

from __future__ import annotations

import re
from typing import Any

from .topology import LabError

COLUMNS = ("host", "zone/pod/cluster", "agent", "resource state", "secured", "power", "host HA", "pools")
PLAY = "lab/labctl play playbooks"


def client(credentials: dict[str, str]) -> Any:
    """A client of the lab's API."""
    from cs import CloudStack

    return CloudStack(
        endpoint=credentials["CLOUDSTACK_ENDPOINT"],
        key=credentials["CLOUDSTACK_KEY"],
        secret=credentials["CLOUDSTACK_SECRET"],
    )


def hide_queries(text: str) -> str:
    """The text with what follows the ? of an address left out: requests' errors hold the whole request, key and
    signature included."""
    return re.sub(r"\?[^\s'\")]*=[^\s'\")]*", "?...", text)


def rows(hosts: list[dict[str, Any]], pools: list[dict[str, Any]], expected: dict[str, str]) -> list[tuple[str, ...]]:
    """One row for each expected host, by its address; one that CloudStack does not know says so."""
    by_address = {host.get("ipaddress"): host for host in hosts if host.get("type") == "Routing"}
    return [_row(name, by_address.get(address), pools) for name, address in sorted(expected.items())]


def _row(name: str, host: dict[str, Any] | None, pools: list[dict[str, Any]]) -> tuple[str, ...]:
    if host is None:
        return (name, "not registered", *["-"] * (len(COLUMNS) - 2))
    place = "/".join(host.get(key, "?") for key in ("zonename", "podname", "clustername"))
    power = host.get("outofbandmanagement", {}).get("powerstate", "not configured")
    own = [pool["name"] for pool in pools if pool.get("clusterid") in (None, host.get("clusterid"))]
    return (
        name,
        place,
        host["state"],
        host["resourcestate"],
        host.get("details", {}).get("secured", "?"),
        power,
        host.get("hostha", {}).get("hastate", "not configured"),
        ", ".join(own) or "none",
    )


def table(lines: list[tuple[str, ...]]) -> str:
    """Text with aligned columns."""
    everything = [COLUMNS, *lines]
    widths = [max(len(line[column]) for line in everything) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in everything
    )


def works(line: tuple[str, ...]) -> bool:
    """Whether the host is Up and Enabled and has power."""
    return line[2:4] == ("Up", "Enabled") and line[5] == "On"


def watched(line: tuple[str, ...]) -> bool:
    """Whether host HA watches the host."""
    return line[6] == "Available"


def advice(lines: list[tuple[str, ...]]) -> list[str]:
    """What to look at next, the hosts that are not well first."""
    bad = [line[0] for line in lines if not works(line)]
    unwatched = [line[0] for line in lines if works(line) and not watched(line)]
    first = [
        f"{name} is not as it should be: lab/labctl ssh {name} tail -n 30 /var/log/cloudstack/agent/agent.log"
        for name in bad
    ]
    again = [f"then: {PLAY}/site.yml --limit {','.join(bad)}"] if bad else []
    enable = [f"host HA is not Available: {PLAY}/enable_ha.yml --limit {','.join(unwatched)}"] if unwatched else []
    look = [
        "log in to a host: lab/labctl ssh host1",
        f"a second run changes nothing: {PLAY}/site.yml",
        f"what follows if a host dies: {PLAY}/ha_report.yml",
        "break something: lab/labctl fault --help; repair it: lab/labctl heal",
        "use the API: set -a; . .lab/api.env; .venv/bin/cs listHosts type=Routing",
        "remove everything: make lab-down",
    ]
    return first + again + enable + look


def show(credentials: dict[str, str], expected: dict[str, str], *, ha: bool = True) -> int:
    """Print the table; the exit status is 0 only if every host is Up, Enabled, has power, and with `ha` is watched by
    host HA."""
    try:
        api = client(credentials)
        hosts = api.listHosts(type="Routing", fetch_list=True)
        pools = api.listStoragePools(fetch_list=True)
    except Exception as error:  # cs raises its own and requests' errors
        raise LabError(f"the API does not answer as it should: {hide_queries(str(error))}") from None
    lines = rows(hosts, pools, expected)
    print("\n" + table(lines) + "\n\nnext:")
    for line in advice(lines):
        print(f"  {line}")
    return int(not all(works(line) and (watched(line) or not ha) for line in lines))
