# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path check on one host: what this host has (netlink), what it asks of whom (plan), the asking (client), what came of it.

Everything that is imported here imports as little as it can, as of a run on many hosts Python's start is the largest part: plain classes, no
names that only annotations need, and `_socket` and `_signal` themselves in place of what the standard library wraps around them.
"""

from __future__ import annotations

import _socket as socket
import os
import time

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.netlink import Netlink
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.probe import run
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.path_socket import PathSocket
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import LOCAL, NO_ADDRESS, NO_NEIGHBOUR, NO_ROUTE, SILENT, TOO_LARGE
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import EgressPath
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse.icmp import mac_text
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peer_probe import PeerProbe, Settings
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.probe_schedule import ProbeSchedule
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peers import begin_after, heard_by, meet
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.search import SizeHints
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.egress_path import find_egress_path, on_link, too_small

Key = tuple  # (network, is IPv6)
SETTINGS = ("count", "interval", "timeout", "larger", "direction", "duplicates")


def pack(address: str) -> bytes:
    """An IP address as 4 or 16 bytes. Raises OSError if it is none."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def input_error(host: str, message: str, **parts: str) -> Exception:
    """An InputError. Its import at the top would cost every run the import of `typing`."""
    from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

    return InputError(message, host=host, **parts)


def _unasked() -> dict:
    """What is said of a probe about which nothing is known."""
    outcome: dict = {"control": False, "passed": None, "sent": 0, "lost": 0, "bursts": 0, "rtt_min_ms": None, "rtt_avg_ms": None, "rtt_p99_ms": None}
    outcome.update(path_mtu=None, failure="", forward=None, fragmented=False, neighbour="", neighbours=[], tcp=None, router="", text="")
    return outcome


def ask(options: dict) -> dict:
    """Run the probes of one host; `options` (validated) and the result are those of the module path_mtu. Raises InputError."""
    return _Run(options).result()


class _Run:
    def __init__(self, options: dict) -> None:
        self.options = options
        self.began = time.monotonic()
        self.probes: list[dict] = options["probes"]
        self.packed = [pack(each["address"]) for each in self.probes]
        self.keys = [(each["network"], len(packed) == 16) for each, packed in zip(self.probes, self.packed)]
        self.refused: dict[int, tuple[str, str]] = {}  # place of a probe that cannot be asked -> failure, text
        with Netlink() as kernel:
            self.ways = self._find_ways(kernel)
            self.direct = [on_link(self.ways[key], packed) for key, packed in zip(self.keys, self.packed)]
            self._refuse(kernel)
        self.wires: dict[Key, PathSocket] = {}

    def _find_ways(self, kernel: Netlink) -> dict[Key, EgressPath]:
        links, addresses = kernel.links(), kernel.addresses()
        own = {each.packed for each in addresses}
        for probe, packed in zip(self.probes, self.packed):
            if packed in own:
                raise input_error(
                    self.options["host"], f"the address of {probe['peer']} is this host's own", expected="another host's", observed=probe["address"]
                )
        networks = {each["name"]: each for each in self.options["networks"]}
        ways = {}
        for network, v6 in dict.fromkeys(self.keys):
            source = networks[network].get("source")
            peers = [packed for key, packed in zip(self.keys, self.packed) if key == (network, v6)]
            ways[network, v6] = find_egress_path(network, v6, networks[network].get("device") or "", pack(source) if source else b"", links, addresses, peers)
        return ways

    def _refuse(self, kernel: Netlink) -> None:
        """Note which probes cannot be asked."""
        for place, (key, packed) in enumerate(zip(self.keys, self.packed)):
            way = self.ways[key]
            if way.failure:
                self.refused[place] = (way.failure, way.text)
            elif not self.direct[place] and kernel.route(packed, way.source) != way.index:
                self.refused[place] = (NO_ROUTE, f"not in a network of {way.device}, and no route leads there through it")

    def result(self) -> dict:
        """Ask, and say what came of it."""
        try:
            schedule, wire_of = self._prepare()
            listen_until = self.began + min(self.options["listen_s"], self.options["time_limit"])
            ended = run(schedule, list(self.wires.values()), wire_of, listen_until)
        finally:
            for wire in self.wires.values():
                wire.close()
        outcomes = self._outcomes(schedule, ended)
        self._connect(outcomes)
        return {
            "outcomes": outcomes,
            "heard": [each for (network, _v6), wire in self.wires.items() for each in heard_by(network, wire.heard)],
            "networks": [_describe(way) for way in self.ways.values()],
            "privileged": all(wire.raw for wire in self.wires.values()),
            "packets_sent": schedule.sent,
            "seconds": round(time.monotonic() - self.began, 3),
        }

    def _prepare(self) -> tuple[ProbeSchedule, dict[int, PathSocket]]:
        """Open the wires and make the dialogues."""
        nonce = os.urandom(8)
        settings = Settings(**{name: self.options[name] for name in SETTINGS})
        hints = {key: SizeHints() for key in self.ways}
        peer_probes: list[PeerProbe] = []
        wire_of: dict[int, PathSocket] = {}
        for place in begin_after(self.options["host"], [each["peer"] for each in self.probes]):
            wire = self._wire(place, nonce)
            if wire:
                wire.add(place, self.packed[place])
                wire_of[place] = wire
                key, size = self.keys[place], self.probes[place]["size"]
                arp = wire.asks if self.direct[place] else None
                peer_probes.append(PeerProbe(place, key[1], size, wire.way.mtu, settings, hints[key], arp))
        return ProbeSchedule(peer_probes, self.options["packets_per_second"], self.options["time_limit"], self.began), wire_of

    def _wire(self, place: int, nonce: bytes) -> PathSocket | None:
        key = self.keys[place]
        if place in self.refused:
            return None
        try:
            if key not in self.wires:
                self.wires[key] = PathSocket(self.ways[key], nonce)
        except PermissionError as error:
            raise input_error(
                self.options["host"],
                "this user may not send echo requests",
                expected="root, or a group within net.ipv4.ping_group_range",
                observed=error.strerror or "",
                next_step="run it with become: true, or widen net.ipv4.ping_group_range",
            ) from error
        except OSError as error:
            self.refused[place] = (NO_ADDRESS, f"cannot send through {self.ways[key].device}: {error.strerror}")
            return None
        return self.wires[key]

    # --- what came of it ---

    def _outcomes(self, schedule: ProbeSchedule, ended: float) -> list[dict]:
        asked = {peer_probe.peer: peer_probe for peer_probe in schedule.peer_probes}
        with Netlink() as kernel:
            neighbours = kernel.neighbours() if asked else {}
        outcomes = []
        for place, probe in enumerate(self.probes):
            outcome = {"host": self.options["host"], **{key: probe[key] for key in ("network", "peer", "address", "size")}, **_unasked()}
            if place in asked:
                outcome.update(asked[place].outcome(ended), neighbours=asked[place].macs)
                self._meet(outcome, place, neighbours)
                self._layers(outcome, self.ways[self.keys[place]])
            else:
                outcome.update(zip(("failure", "text"), self.refused[place]))
            outcomes.append(outcome)
        return outcomes

    def _meet(self, outcome: dict, place: int, neighbours: dict) -> None:
        """Who has the peer's address."""
        way, wire = self.ways[self.keys[place]], self.wires[self.keys[place]]
        if self.direct[place]:
            state, mac = neighbours.get((way.index, self.packed[place]), (0, b""))
            failure, outcome["neighbour"] = meet(wire.asks, outcome["neighbours"], state, mac_text(mac), outcome["control"])
            if outcome["failure"] in (SILENT, NO_NEIGHBOUR):
                outcome["failure"] = failure
        elif outcome["failure"] == NO_NEIGHBOUR:
            outcome.update(failure=SILENT, text="the router on the way does not answer")

    def _layers(self, outcome: dict, way: EgressPath) -> None:
        """Say so if the cause is a layer of this host."""
        if outcome["passed"] is False and outcome["failure"] in (LOCAL, TOO_LARGE):
            outcome["text"] = too_small(way, outcome["size"]) or outcome["text"]
            outcome["failure"] = LOCAL if way.limit < outcome["size"] else outcome["failure"]

    def _connect(self, outcomes: list[dict]) -> None:
        """Where no echo is answered although somebody is there, or might be behind a router: does TCP get an answer?"""
        silent = [place for place, outcome in enumerate(outcomes) if outcome["failure"] == SILENT]
        left = self.began + self.options["time_limit"] - time.monotonic()
        if not silent or not self.options["tcp_port"] or left <= 0:
            return
        # Not at the top: its imports would double Python's start, and this is seldom needed.
        from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.port_probe import OPEN, REFUSED, Target, probe

        wires = [self.wires[self.keys[place]].way for place in silent]
        targets = [Target(self.probes[place]["address"], self.options["tcp_port"], source=_source(way), device=way.device) for place, way in zip(silent, wires)]
        for place, answer in zip(silent, probe(targets, min(self.options["timeout"], left))):
            outcomes[place]["tcp"] = None if answer.state is None else answer.state in (OPEN, REFUSED)


def _source(way: EgressPath) -> str:
    return socket.inet_ntop(socket.AF_INET6 if way.v6 else socket.AF_INET, way.source) if way.source else ""


def _describe(way: EgressPath) -> dict:
    """A way as the result shows it."""
    return {
        "name": way.network,
        "version": 6 if way.v6 else 4,
        "device": way.device,
        "source": _source(way),
        "mtu": way.mtu,
        "layers": [{"name": name, "mtu": mtu} for name, mtu in way.layers],
        "text": way.text,
    }
