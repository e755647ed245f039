# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The path check on one host: what it has (netlink), which probes it sends to which peers (plan), sending them
(client), and the results.

Everything that is imported here imports as little as it can, as of a run on many hosts Python's start is the largest
part: plain classes, no names that only annotations need, and `_socket` and `_signal` themselves in place of what the
standard library wraps around them.
"""

from __future__ import annotations

import _socket as socket
import os
import time

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.netlink import Netlink
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.path_socket import PathSocket
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.client.probe import run
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.egress_path import EgressPath
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.packet import (
    LOCAL,
    NO_ADDRESS,
    NO_NEIGHBOUR,
    NO_ROUTE,
    SILENT,
    TOO_LARGE,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.parse.icmp import mac_text
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.egress_path import (
    find_egress_path,
    is_on_link,
    too_small,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peer_probe import PeerProbe, Settings
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.peers import (
    begin_after,
    heard_by,
    neighbour_of,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.probe_schedule import ProbeSchedule
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.search import SizeHints

Key = tuple  # (network, is IPv6)
SETTINGS = ("count", "interval", "timeout", "larger", "direction", "duplicates")


def pack(address: str) -> bytes:
    """An IP address as 4 or 16 bytes. Raises OSError for other texts."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def input_error(host: str, message: str, **parts: str) -> Exception:
    """An InputError. Its import at the top would cost every run the import of `typing`."""
    from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

    return InputError(message, host=host, **parts)


def _unasked() -> dict:
    """The outcome of a probe about which nothing is known."""
    outcome: dict = {"control": False, "passed": None, "sent": 0, "lost": 0, "bursts": 0}
    outcome.update(rtt_min_ms=None, rtt_avg_ms=None, rtt_p99_ms=None, path_mtu=None, failure="", forward=None)
    outcome.update(fragmented=False, neighbour="", neighbours=[], tcp=None, router="", text="")
    return outcome


def probe_peers(options: dict) -> dict:
    """Run the probes of one host; `options` (validated) and the result are those of path_mtu. Raises InputError."""
    return _Run(options).result()


class _Run:
    def __init__(self, options: dict) -> None:
        self.options = options
        self.began = time.monotonic()
        self.probes: list[dict] = options["probes"]
        self.packed = [pack(each["address"]) for each in self.probes]
        self.keys = [(each["network"], len(packed) == 16) for each, packed in zip(self.probes, self.packed)]
        self.refused: dict[int, tuple[str, str]] = {}  # index of a probe that cannot be sent -> failure, text
        with Netlink() as kernel:
            self.egress_paths = self._find_egress_paths(kernel)
            self.direct = [is_on_link(self.egress_paths[key], packed) for key, packed in zip(self.keys, self.packed)]
            self._refuse(kernel)
        self.path_sockets: dict[Key, PathSocket] = {}

    def _find_egress_paths(self, kernel: Netlink) -> dict[Key, EgressPath]:
        links, addresses = kernel.links(), kernel.addresses()
        self._refuse_own({each.packed for each in addresses})
        peers: dict[Key, list[bytes]] = {}
        for key, packed in zip(self.keys, self.packed):
            peers.setdefault(key, []).append(packed)
        networks = {each["name"]: each for each in self.options["networks"]}
        found = {}
        for (network, v6), packed_peers in peers.items():
            device, source = networks[network].get("device") or "", networks[network].get("source")
            packed_source = pack(source) if source else b""
            found[network, v6] = find_egress_path(network, v6, device, packed_source, links, addresses, packed_peers)
        return found

    def _refuse_own(self, own: set) -> None:
        """Raise InputError for a probe of an address that this host has itself."""
        for probe, packed in zip(self.probes, self.packed):
            if packed in own:
                raise input_error(
                    self.options["host"],
                    f"the address of {probe['peer']} is this host's own",
                    expected="another host's",
                    observed=probe["address"],
                )

    def _refuse(self, kernel: Netlink) -> None:
        """Note which probes cannot be sent."""
        for index, (key, packed) in enumerate(zip(self.keys, self.packed)):
            egress = self.egress_paths[key]
            if egress.failure:
                self.refused[index] = (egress.failure, egress.text)
            elif not self.direct[index] and kernel.route(packed, egress.source) != egress.index:
                text = f"not in a network of {egress.device}, and no route leads there through it"
                self.refused[index] = (NO_ROUTE, text)

    def result(self) -> dict:
        """Send the probes, and return the result."""
        try:
            schedule, socket_of = self._prepare()
            listen_until = self.began + min(self.options["listen_s"], self.options["time_limit"])
            ended = run(schedule, list(self.path_sockets.values()), socket_of, listen_until)
        finally:
            for path_socket in self.path_sockets.values():
                path_socket.close()
        outcomes = self._outcomes(schedule, ended)
        self._connect(outcomes)
        heard: list[dict] = []
        for (network, _v6), path_socket in self.path_sockets.items():
            heard += heard_by(network, path_socket.heard)
        return {
            "outcomes": outcomes,
            "heard": heard,
            "networks": [_network_result(egress) for egress in self.egress_paths.values()],
            "privileged": all(path_socket.raw for path_socket in self.path_sockets.values()),
            "packets_sent": schedule.sent,
            "seconds": round(time.monotonic() - self.began, 3),
        }

    def _prepare(self) -> tuple[ProbeSchedule, dict[int, PathSocket]]:
        """Open the sockets and make the probes of each peer."""
        nonce = os.urandom(8)
        settings = Settings(**{name: self.options[name] for name in SETTINGS})
        hints = {key: SizeHints() for key in self.egress_paths}
        peer_probes: list[PeerProbe] = []
        socket_of: dict[int, PathSocket] = {}
        for index in begin_after(self.options["host"], [each["peer"] for each in self.probes]):
            path_socket = self._path_socket(index, nonce)
            if path_socket:
                path_socket.add(index, self.packed[index])
                socket_of[index] = path_socket
                key, size = self.keys[index], self.probes[index]["size"]
                arp = path_socket.sends_arp if self.direct[index] else None
                mtu = path_socket.egress.mtu
                peer_probes.append(PeerProbe(index, key[1], size, mtu, settings, hints[key], arp))
        rate, time_limit = self.options["packets_per_second"], self.options["time_limit"]
        return ProbeSchedule(peer_probes, rate, time_limit, self.began), socket_of

    def _path_socket(self, index: int, nonce: bytes) -> PathSocket | None:
        key = self.keys[index]
        if index in self.refused:
            return None
        try:
            if key not in self.path_sockets:
                self.path_sockets[key] = PathSocket(self.egress_paths[key], nonce)
        except PermissionError as error:
            raise input_error(
                self.options["host"],
                "this user may not send echo requests",
                expected="root, or a group within net.ipv4.ping_group_range",
                observed=error.strerror or "",
                next_step="run it with become: true, or widen net.ipv4.ping_group_range",
            ) from error
        except OSError as error:
            device = self.egress_paths[key].device
            self.refused[index] = (NO_ADDRESS, f"cannot send through {device}: {error.strerror}")
            return None
        return self.path_sockets[key]

    # --- results ---

    def _outcomes(self, schedule: ProbeSchedule, ended: float) -> list[dict]:
        asked = {peer_probe.peer: peer_probe for peer_probe in schedule.peer_probes}
        with Netlink() as kernel:
            neighbours = kernel.neighbours() if asked else {}
        outcomes = []
        for index, probe in enumerate(self.probes):
            outcome = {"host": self.options["host"]}
            outcome.update((key, probe[key]) for key in ("network", "peer", "address", "size"))
            outcome.update(_unasked())
            if index in asked:
                outcome.update(asked[index].outcome(ended), neighbours=asked[index].macs)
                self._add_neighbour(outcome, index, neighbours)
                self._add_layers(outcome, self.egress_paths[self.keys[index]])
            else:
                outcome["failure"], outcome["text"] = self.refused[index]
            outcomes.append(outcome)
        return outcomes

    def _add_neighbour(self, outcome: dict, index: int, neighbours: dict) -> None:
        """Which device has the peer's address."""
        egress, path_socket = self.egress_paths[self.keys[index]], self.path_sockets[self.keys[index]]
        if self.direct[index]:
            state, mac = neighbours.get((egress.index, self.packed[index]), (0, b""))
            answered, control = outcome["neighbours"], outcome["control"]
            failure, found = neighbour_of(path_socket.sends_arp, answered, state, mac_text(mac), control)
            outcome["neighbour"] = found
            if outcome["failure"] in (SILENT, NO_NEIGHBOUR):
                outcome["failure"] = failure
        elif outcome["failure"] == NO_NEIGHBOUR:
            outcome.update(failure=SILENT, text="the router on the way does not answer")

    def _add_layers(self, outcome: dict, egress: EgressPath) -> None:
        """Name the layer of this host that is the cause, if one is."""
        if outcome["passed"] is False and outcome["failure"] in (LOCAL, TOO_LARGE):
            outcome["text"] = too_small(egress, outcome["size"]) or outcome["text"]
            if egress.limit < outcome["size"]:
                outcome["failure"] = LOCAL

    def _connect(self, outcomes: list[dict]) -> None:
        """Where no echo is answered although a host is there, or might be behind a router: does TCP get an answer?"""
        silent = [index for index, outcome in enumerate(outcomes) if outcome["failure"] == SILENT]
        left = self.began + self.options["time_limit"] - time.monotonic()
        port = self.options["tcp_port"]
        if not silent or not port or left <= 0:
            return
        # Not at the top: its imports would double Python's start, and this is seldom needed.
        from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import port_probe

        targets = []
        for index in silent:
            egress = self.path_sockets[self.keys[index]].egress
            address = self.probes[index]["address"]
            targets.append(port_probe.Target(address, port, source=_source(egress), device=egress.device))
        for index, answer in zip(silent, port_probe.probe(targets, min(self.options["timeout"], left))):
            if answer.state is not None:
                outcomes[index]["tcp"] = answer.state in (port_probe.OPEN, port_probe.REFUSED)


def _source(egress: EgressPath) -> str:
    if not egress.source:
        return ""
    return socket.inet_ntop(socket.AF_INET6 if egress.v6 else socket.AF_INET, egress.source)


def _network_result(egress: EgressPath) -> dict:
    """An egress path as the result shows it."""
    return {
        "name": egress.network,
        "version": 6 if egress.v6 else 4,
        "device": egress.device,
        "source": _source(egress),
        "mtu": egress.mtu,
        "layers": [{"name": name, "mtu": mtu} for name, mtu in egress.layers],
        "text": egress.text,
    }
