# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The links and routes of this host: measures them, and sets them by `ip` alone, and bridges of Open vSwitch by
ovs-vsctl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError, KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client import neighbours
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import (
    Bridge,
    Link,
    Network,
    OvsRow,
    State,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ip_state
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ovs as parse_ovs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import ovs as plan_ovs

Run = Callable[..., command.Answer]
OVS_DATABASE = "/etc/openvswitch/conf.db"  # Debian, Ubuntu and EL have it there
TIMEOUT = 60.0  # seconds, for a command that changes something


def must(run: Run, argv: Sequence[str], timeout: float = TIMEOUT) -> str:
    """Run a command that has to succeed; its output. Raises ApplyError."""
    answer = run(tuple(argv), timeout=timeout)
    if not answer.ok:
        raise ApplyError(f"`{' '.join(argv)}` failed", observed=answer.why(), reproduce=" ".join(argv))
    return answer.stdout


class Links:
    """What the kernel has, and how it is changed."""

    def __init__(self, run: Run = command.run, announce: Callable[[str, str], None] = neighbours.announce) -> None:
        self._run, self._tell = run, announce

    def measure(self) -> State:
        """Links and routes as they are now. Raises ApplyError where `ip` cannot tell, ParseError for what is not
        understood."""
        links = ip_state.parse_links(must(self._run, ("ip", "-j", "-d", "address")))
        routes, rules = [], []
        own_prefixes = ip_state.without_prefix_routes(links)
        for version in (4, 6):
            answer = self._run(("ip", "-j", f"-{version}", "route", "show", "table", "all"))
            # `ip` fails where there is no IPv6 at all
            routes += ip_state.parse_routes(answer.stdout, version, own_prefixes) if answer.ok else []
            answer = self._run(("ip", "-j", f"-{version}", "rule"))
            rules += ip_state.parse_rules(answer.stdout, version) if answer.ok else []
        switches = self._switches(links)
        return State(parse_ovs.with_switches(links, switches), tuple(routes), tuple(rules), switches)

    def _switches(self, links: Mapping[str, Link]) -> dict[str, OvsRow]:
        """The bridges of Open vSwitch; none where the host has no ovs-vsctl, as where it runs in a container. Raises
        ApplyError."""
        if not parse_ovs.is_there(links.values()):
            return {}
        text = self._ask_switches(ApplyError)
        return parse_ovs.parse_switches(text) if text else {}

    def _ask_switches(self, error: type[KvmError]) -> str:
        """What the database of Open vSwitch says; "" where ovs-vsctl is not on the host. Raises `error`."""
        answer = self._run(parse_ovs.question(), timeout=TIMEOUT)
        if not answer.ok and not answer.problem.endswith("is not installed"):
            raise error(
                "Open vSwitch does not answer on this host",
                expected="ovs-vsctl tells bridges, ports and interfaces",
                observed=answer.why(),
                next_step="start openvswitch-switch.service (EL: openvswitch.service), then run again",
                reproduce="ovs-vsctl show",
            )
        return answer.stdout if answer.ok else ""

    def require_switches(self, network: Network) -> None:
        """Raises InputError where bridges of Open vSwitch are declared and its database does not answer. A host that
        does not have it yet, as in check mode, is accepted."""
        if any(bridge.ovs for bridge in network.bridges):
            self._ask_switches(InputError)

    def switch(self, bridge: Bridge, released: Sequence[str]) -> None:
        """Make a bridge of Open vSwitch with its port what is declared; `released` were its port before. Raises
        ApplyError."""
        must(self._run, plan_ovs.switch_command(bridge, self.measure().switches, released))

    def flush(self, name: str) -> None:
        """Take away addresses that no file knows of."""
        must(self._run, ("ip", "address", "flush", "dev", name))

    def remove_address(self, name: str, cidr: str) -> None:
        must(self._run, ("ip", "address", "delete", cidr, "dev", name))

    def resize(self, mtus: Sequence[tuple[str, int]]) -> None:
        """Set the MTU of these links, in this order: a VLAN device cannot have more than its parent."""
        for name, mtu in mtus:
            must(self._run, ("ip", "link", "set", name, "mtu", str(mtu)))

    def set_querier(self, bridge: str, on: bool) -> None:
        """Have a bridge ask for members of multicast groups, or not."""
        must(self._run, ("ip", "link", "set", bridge, "type", "bridge", "mcast_querier", str(int(on))))

    def attach(self, name: str, bridge: str) -> None:
        """Make a link that is there a port of a bridge."""
        must(self._run, ("ip", "link", "set", name, "master", bridge))

    def remove(self, name: str) -> None:
        """Delete a bridge, bond or VLAN device, where it is still there."""
        now = self.measure()
        if name in now.switches:
            must(self._run, plan_ovs.remove_command(name))
        elif name in now.links:
            must(self._run, ("ip", "link", "delete", name))

    def route(self, name: str, old: str, new: str) -> None:
        """Set the default gateway of a device; "" stands for none."""
        verb = ("replace", "default", "via", new) if new else ("delete", "default", "via", old)
        must(self._run, ("ip", "route", *verb, "dev", name))

    def announce(self, link: Link) -> None:
        """Tell the neighbours which MAC its addresses have now: what they remember of a bridge that is gone leads
        nowhere, for up to a minute."""
        for cidr in link.ipv4:
            self._tell(link.name, cidr.partition("/")[0])

    def settle(self) -> None:
        """Wait until udev has done with all devices that it knows of; where there is none, it has."""
        self._run(("udevadm", "settle", "--timeout=10"), timeout=TIMEOUT)

    def try_all(self, commands: Sequence[Sequence[str]]) -> list[str]:
        """Run all commands whatever each of them says; why some failed."""
        answers = [self._run(tuple(argv), timeout=TIMEOUT) for argv in commands]
        return [answer.why() for answer in answers if not answer.ok]
