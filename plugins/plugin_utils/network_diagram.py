# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host's network as a diagram: NIC, bond, VLAN, bridge, traffic, network. Boxes and lines with their places; the
template draws them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import SEVERITIES
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Profile

COLUMNS = ("NIC", "bond", "VLAN", "bridge", "traffic", "network")
CARD, BOND, VLAN, BRIDGE, TRAFFIC, NETWORK = range(len(COLUMNS))
DRAWN = ("NET", "MTU")  # checks with such ids are about what the picture shows
WIDTH, HEIGHT, GAP_X, GAP_Y, TOP = (
    178,
    52,
    26,
    12,
    24,
)  # pixels; TOP is the height of the line with the names of the columns


@dataclass
class Box:
    """A thing on the picture. `names` are the words that a finding uses for it; `findings` are the ids of those that
    do."""

    column: int
    title: str
    detail: str
    names: frozenset[str] = field(default=frozenset(), repr=False)  # hosts with other addresses still look the same
    below: tuple[str, ...] = ()
    missing: bool = False
    severity: str = ""
    findings: tuple[str, ...] = ()
    x: int = 0
    y: int = -1


@dataclass
class Diagram:
    """`elsewhere` are ids of network findings that name nothing on the diagram. `lines` are x1, y1, x2, y2."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[int, int, int, int], ...]
    columns: tuple[tuple[str, int], ...]
    width: int
    height: int
    severity: str
    elsewhere: tuple[str, ...]
    hosts: list[str] = field(default_factory=list)


def diagrams(hosts: Sequence[Profile], report: Mapping[str, Any]) -> list[Diagram]:
    """Diagrams of all hosts. Hosts that look the same share one; the worst come first."""
    findings: dict[str, list[Mapping[str, Any]]] = {}
    for finding in report["findings"]:
        if finding["id"].startswith(DRAWN) and not finding["waiver"]:
            for host in finding["hosts"]:
                findings.setdefault(host, []).append(finding)
    shared: dict[str, Diagram] = {}
    for host in hosts:
        drawn = diagram(host, report["cluster"], findings.get(host.name, ()))
        shared.setdefault(repr(drawn), drawn).hosts.append(host.name)
    return sorted(shared.values(), key=lambda each: (_rank(each.severity), len(each.hosts)))


def diagram(host: Profile, cluster: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> Diagram:
    """One host's diagram, coloured by these findings. `cluster` is that of the report."""
    boxes = _boxes(host, cluster)
    elsewhere = [finding["id"] for finding in findings if not _mark(tuple(boxes.values()), finding)]
    used = sorted({box.column for box in boxes.values()})
    for box in boxes.values():
        box.x = used.index(box.column) * (WIDTH + GAP_X)
    _stack(boxes)
    right = [box.x + WIDTH for box in boxes.values()]
    bottom = [box.y + HEIGHT for box in boxes.values()]
    severities = [finding["severity"] for finding in findings]
    return Diagram(
        boxes=tuple(boxes.values()),
        lines=tuple(_lines(boxes)),
        columns=tuple((COLUMNS[column], index * (WIDTH + GAP_X)) for index, column in enumerate(used)),
        width=max(right, default=0),
        height=max(bottom, default=0),
        severity=min(severities, key=_rank, default=""),
        elsewhere=tuple(dict.fromkeys(elsewhere)),
    )


def _lines(boxes: Mapping[str, Box]) -> Iterator[tuple[int, int, int, int]]:
    """From the right edge of each box to the left edge of those that stand on it."""
    for box in boxes.values():
        for key in box.below:
            if key in boxes:
                low = boxes[key]
                yield low.x + WIDTH, low.y + HEIGHT // 2, box.x, box.y + HEIGHT // 2


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)


def _boxes(host: Profile, cluster: Mapping[str, Any]) -> dict[str, Box]:
    """All boxes by key, from the left end of each chain to the right."""
    links = {link["name"]: link for link in host.get("interfaces") or ()}
    boxes: dict[str, Box] = {}
    for label, kinds in _traffic(host, cluster).items():
        _add_chain(boxes, label, links)
        traffic, network = f"traffic {label}", f"network {label}"
        boxes[traffic] = Box(TRAFFIC, " · ".join(kinds) or "no traffic type", f"label {label}", below=(label,))
        boxes[network] = _network(links.get(label, {}), kinds, cluster, traffic)
    for name, link in links.items():
        if link.get("physical") and name not in boxes:
            boxes[name] = _link_box(link, ())
    if host.get("interfaces") is None:
        for box in boxes.values():
            box.detail = "not known"
    return boxes


def _traffic(host: Profile, cluster: Mapping[str, Any]) -> dict[str, list[str]]:
    """Traffic types by label; where the zone is not known, the bridges that the inventory declares."""
    found: dict[str, list[str]] = {}
    for kind, labels in cluster["labels"].items():
        for label in labels:
            found.setdefault(label, []).append(kind)
    return found or {bridge["name"]: [] for bridge in host.declared.get("bridges") or ()}


def _add_chain(boxes: dict[str, Box], name: str, links: Mapping[str, Mapping[str, Any]]) -> None:
    """The thing of this name after all that it stands on."""
    if name in boxes:
        return
    link = links.get(name)
    if link is None:
        boxes[name] = Box(BRIDGE, name, "missing", frozenset({name}), missing=True)
        return
    below = tuple(key for key, each in links.items() if each.get("master") == name and not key.startswith("vnet"))
    if link.get("parent") in links and link.get("kind") == "vlan":
        below += (link["parent"],)
    boxes[name] = _link_box(link, below)  # before the recursion: a loop ends here
    for key in below:
        _add_chain(boxes, key, links)


def _link_box(link: Mapping[str, Any], below: tuple[str, ...]) -> Box:
    column = {"bridge": BRIDGE, "bond": BOND, "team": BOND, "vlan": VLAN}.get(str(link.get("kind")), CARD)
    name = str(link["name"])
    title = f"{name}  {link['driver']}" if column == CARD and link.get("driver") else name
    return Box(column, title, " · ".join(_details(link, column)), frozenset({name}), below)


def _details(link: Mapping[str, Any], column: int) -> list[str]:
    found = []
    if column == CARD and link.get("speed_mbps"):
        found.append(f"{link['speed_mbps'] / 1000:g} Gb/s")
    if column == BOND and (link.get("bond") or {}).get("mode"):
        found.append(str(link["bond"]["mode"]))
    if link.get("vlan_id"):
        found.append(f"VLAN {link['vlan_id']}")
    found.append(f"MTU {link.get('mtu')}")
    if link.get("up") is False:
        found.append("down")
    elif link.get("carrier") is False:
        found.append("no link")
    return found


def _network(link: Mapping[str, Any], kinds: Sequence[str], cluster: Mapping[str, Any], below: str) -> Box:
    addresses = [each for each in link.get("addresses") or () if not each.lower().startswith("fe80:")]
    networks = sorted({_network_of(address) for address in addresses})
    detail = "host's own address" if networks else ""
    if "Guest" in kinds:
        detail = f"{', '.join(cluster['isolation'])} {', '.join(cluster['vlan_ranges'])}".strip()
    bare = [address.partition("/")[0] for address in addresses]
    return Box(
        NETWORK, ", ".join(networks) or "no address", detail, frozenset([*networks, *addresses, *bare]), (below,)
    )


def _network_of(address: str) -> str:
    try:
        return str(ip_interface(address).network)
    except ValueError:  # a picture shows what is there; what to make of it is for the checks
        return address


def _mark(boxes: Sequence[Box], finding: Mapping[str, Any]) -> bool:
    """Colour what the finding is about: what it names. Returns whether there is such a thing."""
    named = _named(boxes, finding)
    for box in named:
        box.findings = tuple(dict.fromkeys((*box.findings, finding["id"])))
        box.severity = min(box.severity, finding["severity"], key=_rank)
    return bool(named)


def _named(boxes: Sequence[Box], finding: Mapping[str, Any]) -> list[Box]:
    """What both the expected and the observed name is meant; else what is missing; else all that is named, or what the
    fix names."""
    expected = _naming(boxes, finding["expected"])
    observed = _naming(boxes, finding["observed"], finding["evidence"])
    both = [box for box in expected if box in observed]
    either = expected + observed
    missing = [box for box in either if box.missing]
    return both or missing or either or _naming(boxes, finding["fix"], finding["reproduce"])


def _naming(boxes: Sequence[Box], *texts: str) -> list[Box]:
    """The boxes that these texts name."""
    words = _words(*texts)
    return [box for box in boxes if box.names & words]


def _words(*texts: str) -> set[str]:
    return {word.strip(".:-") for text in texts for word in re.findall(r"[\w./:-]+", text)}


def _stack(boxes: Mapping[str, Box]) -> None:
    """Give each box its height: level with what it stands on, below what is already in its column."""
    free = dict.fromkeys(range(len(COLUMNS)), TOP)

    def place(key: str, low: int) -> int:
        box = boxes[key]
        if box.y < 0:
            box.y = low
            ends = [place(each, low) for each in box.below if each in boxes and each != key]
            level = sum(ends) // len(ends) if ends else low
            box.y = max(level, free[box.column])
            free[box.column] = box.y + HEIGHT + GAP_Y
        return box.y

    for key, box in boxes.items():
        if box.column == NETWORK:
            place(key, TOP)
    for key in boxes:
        place(key, TOP)
