# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is heard from before the network is changed, and has to be heard from afterwards: management servers, where the
agent connects to them, and the neighbours that NICs hear by LLDP."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.lldp import (
    Heard,
    parse_lldpctl,
    parse_networkctl,
)

AGENT_PORT = 8250  # of a management server (docs.cloudstack.apache.org, "Ports used by CloudStack")
PATIENCE = 2.0  # seconds for a connection
PAUSE = 1.0  # seconds between two looks
INTERVAL = 30.0  # seconds after which a neighbour speaks again (IEEE 802.1AB-2016, 9.2.5.7: msgTxInterval)
# Whichever listens on this host; each fails at once where it does not run.
LISTENERS = (
    (("lldpctl", "-f", "json"), parse_lldpctl),
    (("networkctl", "lldp", "--no-legend", "--no-pager", "--full"), parse_networkctl),
)


def answers(address: str) -> bool:
    """Whether a machine answers on the agent's port: one that refuses the connection is there, too, as a management
    server is that starts again."""
    try:
        socket.create_connection((address, AGENT_PORT), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


class Witnesses:
    """Management servers with these addresses, and neighbours of these NICs; each has `timeout` seconds to be heard
    from again."""

    def __init__(
        self,
        servers: Iterable[str],
        nics: Iterable[str],
        timeout: float,
        run: Run = command.run,
        clock: Optional[SystemClock] = None,
        asks: Callable[[str], bool] = answers,
    ) -> None:
        self._servers, self._nics, self._timeout = tuple(servers), frozenset(nics), timeout
        self._run, self._clock, self._asks = run, clock or SystemClock(), asks
        self._heard: Heard = {}

    def note(self) -> None:
        """Remember who is heard from now. Who is not cannot be missed afterwards."""
        self._servers = tuple(address for address in self._servers if self._asks(address))
        heard = self._listen() if self._nics else None
        self._heard = {nic: before for nic, before in (heard or {}).items() if nic in self._nics}

    def require(self) -> None:
        """Raises ApplyError where one of them is not heard from in time. Neighbours are awaited only by who waits for
        longer than they keep silent."""
        for address in self._servers:
            self._require_server(address)
        if self._heard and self._timeout > INTERVAL:
            self._require_neighbours()

    def _require_server(self, address: str) -> None:
        deadline = self._clock.monotonic() + self._timeout
        while not self._asks(address):
            if self._clock.monotonic() >= deadline:
                raise ApplyError(
                    f"the management server {address} answered before the change, and does not answer over the new "
                    "network",
                    expected=f"an answer on port {AGENT_PORT} within {self._timeout:g} s",
                    observed="none",
                    next_step="compare port, address, gateway and routes in network_bridge_config with the cabling",
                    reproduce=f"nc -vz -w 2 {address} {AGENT_PORT}",
                )
            self._clock.sleep(PAUSE)

    def _require_neighbours(self) -> None:
        deadline = self._clock.monotonic() + self._timeout
        while True:
            heard = self._listen()
            if heard is None:  # the daemon that listens is gone, which says nothing of the wires
                return
            missing = [nic for nic, before in sorted(self._heard.items()) if not before & heard.get(nic, frozenset())]
            if not missing:
                return
            if self._clock.monotonic() >= deadline:
                raise self._not_heard(missing[0], heard.get(missing[0], frozenset()))
            self._clock.sleep(PAUSE)

    def _not_heard(self, nic: str, observed: frozenset[str]) -> ApplyError:
        return ApplyError(
            f"{nic} does not hear by LLDP the neighbour that it heard before the change",
            expected=f"{' or '.join(sorted(self._heard[nic]))} within {self._timeout:g} s",
            observed=", ".join(sorted(observed)) or "none",
            next_step="compare the ports in network_bridge_config with the cabling, and bonds with the switch",
            reproduce="lldpctl; networkctl lldp",
        )

    def _listen(self) -> Optional[Heard]:
        """What the first daemon that runs has heard, None where none does or its words are not understood."""
        for argv, parse in LISTENERS:
            answer = self._run(argv)
            if answer.ok:
                try:
                    return parse(answer.stdout)
                except ParseError:
                    return None
        return None
