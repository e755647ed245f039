# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The readiness of every host as rows of a matrix, the worst first; hosts of which the same is said share a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import APART, OWN
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import UNKNOWN as NOT_KNOWN
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import ENABLED, UP
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, SEVERITIES, UNKNOWN
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.names import natural

PASSED, NOTHING = "pass", "none"  # classes of the page beside the severities
Host = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """What stands in it, and its class: a severity, pass or none (nothing is known, or nothing to judge)."""

    text: str
    kind: str


@dataclass(frozen=True)
class Row:
    """Hosts with the same cells and findings. `severity` is the worst of them, empty where nothing was found."""

    hosts: tuple[str, ...]
    cells: tuple[Cell, ...]
    findings: tuple[str, ...]
    severity: str


def _well(text: str, well: bool) -> Cell:
    """What is not well and has no finding of its own follows from another cell: told, and not coloured."""
    return Cell(text, PASSED if well else NOTHING)


def _state(host: Host) -> Cell:
    return _well(f"{host['state']}, {host['resource_state']}", (host["state"], host["resource_state"]) == (UP, ENABLED))


def _oobm(host: Host) -> Cell:
    return _well(str(host["oobm"]), str(host["oobm"]).endswith(("On", "Off")))


def _identity(host: Host) -> Cell:
    own = host["identity"] == OWN
    return _well("the host's own" if own else str(host["identity"]), own)


def _isolation(host: Host) -> Cell:
    return _well(str(host["isolation"]), host["isolation"] == APART)


def _privilege(host: Host) -> Cell:
    return _well((host["privilege"] or NOT_KNOWN).lower(), bool(host["privilege"]))


def _ha_state(host: Host) -> Cell:
    return _well(str(host["ha_state"]), host["ha_state"] == "Available")


def _fenced(host: Host) -> Cell:
    return _well("yes" if host["fenced"] else "no", bool(host["fenced"]))


def _room(host: Host) -> Cell:
    return _well("yes" if host["n_plus_1"] else "no", bool(host["n_plus_1"]))


def _guests(host: Host) -> Cell:
    back, stays = len(host["returns"]), len(host["stays"])
    if not back + stays:
        return Cell("no guest", NOTHING)
    return _well(f"{back} of {back + stays}" if stays else "all", not stays)


def _failover(host: Host) -> Cell:
    if not host["fenced"]:
        return Cell("never", NOTHING)
    times = host["failover"]["typical"]
    return _well(f"{seconds(times['fenced_at'])}, {seconds(times['guests_at'])}", times["guests_at"] is not None)


def _drill(host: Host) -> Cell:
    drill = host["drill"]
    if not drill:
        return Cell("none", NOTHING)
    took = f", {seconds(drill['seconds'])}" if drill["seconds"] is not None else ""
    text = f"{drill['verdict']} {drill['finished'][:10]}: {drill['failure'].replace('_', ' ')}{took}"
    return Cell(text, PASSED if drill["verdict"] == "passed" else ERROR)


# Heading, the cell, the checks that colour it. Each check of the report has one column.
COLUMNS: Sequence[tuple[str, Callable[[Host], Cell], tuple[str, ...]]] = (
    ("State", _state, ("HAV009", "HAV013", "HAV022")),
    ("Out-of-band", _oobm, ("BMC001", "BMC008", "BMC009", "BMC010", "BMC011", "HAV001", "HAV002", "HAV004")),
    ("Whose BMC", _identity, ("BMC002", "BMC003", "HAV023", "HAV026", "HAV027", "HAV028")),
    ("BMC's network", _isolation, ("BMC004", "BMC007")),
    ("Privilege", _privilege, ("HAV003",)),
    ("HA state", _ha_state, ("HAV005", "HAV006", "HAV007", "HAV010", "HAV017")),
    ("Would be fenced", _fenced, ("HAV008", "HAV011")),
    ("N+1", _room, ("HAV015", "HAV020")),
    ("Guests back", _guests, ("HAV012", "HAV016", "HAV018", "HAV021", "HAV024", "HAV025")),
    ("Fenced, guests back after", _failover, ("HAV014", "HAV019", "TIM001")),
    ("Last drill", _drill, ()),
)  # fmt: skip
HEADINGS = tuple(heading for heading, _make, _checks in COLUMNS)


def rows(report: Mapping[str, Any]) -> list[Row]:
    """`report` is a document of ha_report.py."""
    found = _findings(report["findings"])
    same: dict[tuple[tuple[Cell, ...], tuple[str, ...]], list[str]] = {}
    for name in sorted(report["hosts"], key=natural):
        host = report["hosts"][name]
        cells = tuple(_coloured(make(host), checks, found.get(name, {})) for _heading, make, checks in COLUMNS)
        same.setdefault((cells, tuple(dict.fromkeys(host["findings"]))), []).append(name)
    made = [Row(tuple(names), cells, ids, _worst(found.get(names[0], {}))) for (cells, ids), names in same.items()]
    return sorted(made, key=lambda row: (_rank(row.severity), -len(row.findings), natural(row.hosts[0])))


def _findings(findings: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The worst finding by host and check."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for each in reversed(findings):  # they are in order, worst first
        for name in each["hosts"]:
            found.setdefault(name, {})[each["id"]] = each
    return found


def _coloured(cell: Cell, checks: Sequence[str], found: Mapping[str, Mapping[str, Any]]) -> Cell:
    """With the colour of the worst finding about it. What is found is that it is not known: a question mark."""
    own = {name: found[name] for name in checks if name in found}
    if not own:
        return cell
    unknown = all(each["kind"] == UNKNOWN for each in own.values()) and cell.text != NOT_KNOWN
    return Cell(f"{cell.text} ?" if unknown else cell.text, _worst(own))


def _worst(found: Mapping[str, Mapping[str, Any]]) -> str:
    return min((each["severity"] for each in found.values()), key=SEVERITIES.index, default="")


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)


def seconds(value: Any) -> str:
    """A time of the computation or of a drill."""
    return "never" if value is None else f"{value:g} s"
