# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is logged in here, whether the host still reaches them, and whether the wire agrees with what is declared."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError, KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.neighbours import who_has
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.witnesses import Witnesses
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Link, Network

_NOTHING = Network()


def caller(processes: str = "/proc") -> Optional[str]:
    """The address that this login comes from, None where it is not an SSH login.

    sudo drops SSH_CONNECTION, so it is looked for in the processes above this one too, the nearest first.
    """
    pid = "self"
    while pid not in ("0", "1", ""):
        found = _environment(Path(processes, pid, "environ")).get("SSH_CONNECTION", "")
        if found:
            return found.split(" ")[0]
        lines = _read(Path(processes, pid, "status")).splitlines()
        pid = next((line.split()[1] for line in lines if line.startswith("PPid:")), "")
    return None


def _environment(path: Path) -> dict[str, str]:
    entries = _read(path).split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """A login that ends, as its network is changed, must not end this half-way."""
    old_handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, old_handler)


class Guard:
    """Asks `peer`, where the login comes from (None: a login on the console, nothing to ask), for up to `timeout`
    seconds, and the wires of the bridges of the declared `network`; `links` are those of now. `witnesses` are asked
    last."""

    def __init__(
        self,
        peer: Optional[str],
        timeout: float,
        network: Network = _NOTHING,
        links: Optional[Mapping[str, Link]] = None,
        run: Run = command.run,
        clock: Optional[SystemClock] = None,
        ask: Callable[[str, str], Optional[str]] = who_has,
        witnesses: Optional[Witnesses] = None,
    ) -> None:
        self._peer, self._timeout, self._run, self._clock = peer, timeout, run, clock or SystemClock()
        self._network, self._links, self._ask = network, links or {}, ask
        self._witnesses = witnesses or Witnesses((), (), timeout)

    def require_before(self) -> None:
        """Raises InputError where the peer does not answer now, as nothing could be proven afterwards, or where an
        address that this host shall have is another machine's."""
        self._require_peer()
        for bridge in self._network.bridges:
            address = bridge.ipv4
            if not address or any(
                address == own.partition("/")[0] for link in self._links.values() for own in link.ipv4
            ):
                continue
            if address == self._peer:
                raise InputError(
                    f"the address of {bridge.name} is the one that Ansible comes from; nothing was changed",
                    expected="an address that no other machine has",
                    observed=address,
                    next_step="correct network_bridge_config",
                )
            device = self._wire(bridge.name)
            if device:
                self._require_unused(bridge, device, InputError)
        self._witnesses.note()

    def _wire(self, name: str) -> Optional[str]:
        """The link that is there already and on which the bridge will be; None where it will be on a VLAN or bond that
        is not there yet: it is asked afterwards."""
        if name in self._links:
            return name
        device = self._network.devices.get(name)
        return self._wire(device.port) if isinstance(device, Bridge) else None

    def _require_unused(self, bridge: Bridge, device: str, error: type[KvmError]) -> None:
        """Raises `error` where another machine says that it has the address."""
        owner = self._ask(device, bridge.ipv4)
        if owner:
            raise error(
                f"the address of {bridge.name} is in use by another machine",
                expected=f"that nobody answers for {bridge.ipv4}",
                observed=f"an answer from {owner}",
                next_step="correct network_bridge_config, or take the address away from the other machine",
                reproduce=f"arping -D -c 3 -I {device} {bridge.ipv4}",
            )

    def _require_gateway(self, name: str, gateway: str) -> None:
        """Raises ApplyError where the gateway does not answer in time: a spanning tree keeps a port shut at first."""
        deadline = self._clock.monotonic() + self._timeout
        while not self._ask(name, gateway):
            if self._clock.monotonic() >= deadline:
                raise ApplyError(
                    f"the gateway of {name} does not answer",
                    expected=f"an ARP answer for {gateway} on {name} within {self._timeout:g} s",
                    observed="none",
                    next_step="compare port and gateway in network_bridge_config with the cabling",
                    reproduce=f"arping -c 3 -I {name} {gateway}",
                )

    def _require_peer(self) -> None:
        if self._peer and not self._answers(5):
            raise InputError(
                f"{self._peer}, where Ansible comes from, does not answer ping, so that the new network could not be "
                "verified; "
                "nothing was changed",
                expected="an answer to ping before the change, and after it",
                observed="none within 5 s",
                next_step=f"allow ICMP echo from this host to {self._peer}",
                reproduce=f"ping -c 1 {self._peer}",
            )

    def require_after(self) -> None:
        """Raises ApplyError where the peer, a declared gateway or a witness does not answer in time, or an address is
        another machine's, too."""
        if self._peer and not self._answers(self._timeout):
            raise ApplyError(
                f"{self._peer}, where Ansible comes from, could not be reached over the new network",
                expected=f"an answer to ping within {self._timeout:g} s",
                observed="none",
                next_step="compare port, address and gateway in network_bridge_config with the cabling",
                reproduce=f"ping -c 1 {self._peer}",
            )
        for bridge in self._network.bridges:
            if bridge.ipv4:
                self._require_unused(bridge, bridge.name, ApplyError)
            if bridge.gateway and ":" not in bridge.gateway:
                self._require_gateway(bridge.name, bridge.gateway)
        self._witnesses.require()

    def _answers(self, seconds: float) -> bool:
        deadline = self._clock.monotonic() + seconds
        while self._clock.monotonic() < deadline:
            if self._run(("ping", "-c", "1", "-W", "1", str(self._peer))).ok:
                return True
            self._clock.sleep(0.2)  # where the network is not there, ping ends at once
        return False
