# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a network back end brings. Planning, staging files, MTUs, routes, the proof and the rollback are the same for
all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files, Network


class Backend(Protocol):
    """One way of configuring a host's network. See docs/add-a-network-back-end.md."""

    def file_mode(self, path: str) -> int:
        """Mode of a file that it writes where there was none."""

    @property
    def makes_switches(self) -> bool:
        """Whether its own daemon makes the bridges of Open vSwitch that its files say, and accepts none that is there
        already. Else the role makes them, by ovs-vsctl, before `bring_up`."""

    def in_force(self) -> bool:
        """Whether the tool is there and would configure a link that its files name. Changes nothing."""

    def read(self) -> Files:
        """Every file that configures the network here: path -> text."""

    def declared(self, files: Files) -> Network:
        """The bonds, VLAN devices and bridges that the files declare, as far as a Network can say them; no `absent`."""

    def configured(self, files: Files) -> Mapping[str, str]:
        """Links (names, or patterns) that the files configure -> the file that does so. Of two back ends one alone may
        have a link."""

    def render(self, network: Network, files: Files) -> Files:
        """The files that have to change so that they declare this network: path -> new text; "" for a file that has
        nothing to say any more. The same files again yield nothing.

        The MTU of each NIC is `network.mtu_of`, that of all else is its own (the caller gives `network.layered`). What
        is in `absent` is taken out; what the own files say of other devices, declared earlier, stays as it is.
        Raises InputError for what would be lost (options of a stanza that is replaced), or what another program would
        write again.
        """

    def check(self, files: Files, names: Sequence[str]) -> None:
        """Raise InputError where the back end would refuse these files, read as a whole; `names` are the links it
        would bring up.

        Nothing is changed. A host that does not have the back end's tools yet accepts everything.
        """

    def take_down(self, name: str) -> None:
        """Take a link down as the present files say it. A link that they do not know is left alone. Whether it worked
        is proven later."""

    def delete(self, name: str) -> None:
        """Delete a bond or VLAN device, now or as the first thing in `bring_up`, so that it is made anew, whether or
        not the present files know it. Whether it worked is proven later."""

    def bring_up(self, names: Sequence[str]) -> None:
        """Bring these links up as the present files say it, in this order: each comes after what it lies on. A bond or
        VLAN device under them that is up already is not among them. Raises ApplyError."""

    def load(self, names: Sequence[str]) -> None:
        """After all steps: have a daemon of the tool read the files that have changed, and wait until it is done with
        these links. Raises ApplyError."""

    def generate(self) -> None:
        """While a host boots, before its network is set up: make again what a generator of the tool has made of files
        that were put back since then. Raises ApplyError."""

    def state_files(self, names: Sequence[str]) -> list[str]:
        """Paths of what the tool remembers of these links: put back with the files."""

    def resume(self, names: Sequence[str]) -> None:
        """After everything was put back: start again what kept these links, which were taken down, going (a DHCP
        client).

        It may fail: what it leaves is put back once more.
        """
