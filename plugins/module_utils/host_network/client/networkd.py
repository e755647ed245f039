# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd-networkd as it runs: reads its files again, and is waited for. Used by the back ends networkd and netplan."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Run, must
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Network, Vlan, to_text
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse.ip_state import parse_links

_FOLDERS = ("/etc/systemd/network", "/run/systemd/network")
_LINKS = "/sys/class/net"
_WAIT_ONLINE = ("/usr/lib/systemd/systemd-networkd-wait-online", "/lib/systemd/systemd-networkd-wait-online")
_SETTLED = 15  # seconds for networkd to finish with its links
_OTHERS = 5  # the same for all its links, when those of the change are done or were put back


class Networkd:
    """Asks networkd by networkctl. Only links whose files have changed are configured again."""

    def __init__(self, run: Run = command.run) -> None:
        self._run = run

    def reload(self, names: Sequence[str]) -> None:
        """Have the files read again, and wait until these links are as they say. Raises ApplyError."""
        must(self._run, ("networkctl", "reload"))
        self._settle(names)

    def reconfigure(self, names: Sequence[str], declared: Network) -> None:
        """Configure these links as the files say it, which is `declared`, changed or not; those that are not there are
        made first. Raises ApplyError."""
        self.reload(names)
        wrong = [vlan for vlan in declared.vlans if vlan.name in names and self._has_other_tag(vlan)]
        for vlan in wrong:
            self._make(vlan)
        self._settle([vlan.name for vlan in wrong])
        must(self._run, ("networkctl", "reconfigure", *names))
        self._settle(names)

    def _has_other_tag(self, vlan: Vlan) -> bool:
        """networkd 252 makes a VLAN device that was deleted again as its .netdev file said at first, whatever it says
        now: "Device was already configured by" (netdev_drop in its netdev.c keeps what lies on something)."""
        answer = self._run(("ip", "-j", "-d", "link", "show", "dev", vlan.name))
        link = parse_links(answer.stdout).get(vlan.name) if answer.ok else None
        options = dict(link.options) if link else {}
        tag = (options.get("id"), options.get("protocol"))
        return link is not None and tag != (str(vlan.id), vlan.protocol)

    def _make(self, vlan: Vlan) -> None:
        must(self._run, ("ip", "link", "delete", vlan.name))
        tag = ("protocol", vlan.protocol, "id", str(vlan.id))
        must(self._run, ("ip", "link", "add", "link", vlan.parent, "name", vlan.name, "type", "vlan", *tag))

    def forget(self, name: str) -> None:
        """Delete a bond or VLAN device, which is made anew when the files are read again: networkd does not change the
        options of one that is there (systemd.netdev(5)). Files of its ports are marked as changed: networkd 252 would
        go on waiting for the old device. Whether it worked is proven later."""
        self._run(("ip", "link", "delete", name))
        for path in [path for folder in _FOLDERS for path in glob(f"{folder}/*.network")]:
            text = to_text(files.inspect(path).content or b"")
            if f"Bond={name}" in text.splitlines():
                os.utime(path)

    def load(self, names: Sequence[str]) -> None:
        """`reload`, and wait a while for all other links, whose files may be new, too: netplan writes those that it
        generates anew whenever systemd reads its units again, as after a package was installed. Raises ApplyError."""
        self.reload(names)
        self._settle(self._managed(), _OTHERS)

    def resume(self) -> None:
        """Have the files read again, whatever it says, and wait for all links: what was put back is not to be undone by
        what networkd had begun."""
        self._run(("networkctl", "reload"), timeout=_SETTLED)
        self._settle(self._managed(), _OTHERS)

    def _managed(self) -> list[str]:
        """The links that networkd configures and will finish with; all where it does not say which it configures."""
        answer = self._run(("networkctl", "list", "--no-legend", "--no-pager"))
        rows = [line.split() for line in answer.stdout.splitlines()]  # index, name, type, operational, setup
        others = {row[1] for row in rows if row[4:5] == ["unmanaged"]}
        return [name for name in sorted(os.listdir(_LINKS)) if _has_carrier(name) and name not in others]

    def _settle(self, names: Sequence[str], seconds: int = _SETTLED) -> None:
        """Wait until networkd has nothing more to do with these links, or for a while: it never finishes with a link
        that has no carrier. What has become of them is measured later."""
        tool = next((path for path in _WAIT_ONLINE if os.path.exists(path)), _WAIT_ONLINE[0])
        links = [f"--interface={name}:off" for name in names]
        if links:
            self._run((tool, "--quiet", f"--timeout={seconds}", *links), timeout=seconds + 5)


def _has_carrier(name: str) -> bool:
    try:
        with open(f"{_LINKS}/{name}/carrier", encoding="ascii") as file:
            return name != "lo" and file.read().strip() == "1"
    except OSError:  # a link that is down does not say
        return False
