# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The back end NetworkManager: keyfiles in /etc/NetworkManager/system-connections, and nmcli (EL)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from glob import glob
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.host_state import (
    cloud_settings,
    port_macs,
    read_files,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import TIMEOUT, Run, must
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files, Network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import networkmanager as plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkmanager_declared import (
    controller,
    link_name,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkmanager_declared import (
    names as names_of,
)

_UNIT = "NetworkManager.service"
_WAIT = "30"  # seconds for nmcli to wait until a profile is active
_SETTLED = 15  # seconds for a device to go on from a state of _CONNECTING
_CONNECTING = range(40, 100)  # NM_DEVICE_STATE_PREPARE to _SECONDARIES; 100 is activated
# NetworkManager wants a bridge or bond before its ports, and what a VLAN device lies on before that.
_TURNS = {"bridge": 0, plan.OVS_BRIDGE: 0, "bond": 1, plan.OVS_PORT: 1, "vlan": 2, plan.OVS_INTERFACE: 3}
_PLUGINS = "/usr/lib*/**/NetworkManager/*/libnm-device-plugin-ovs.so"


class NetworkManager:
    """See base.Backend."""

    makes_switches = True

    def __init__(self, run: Run = command.run, clock: Optional[SystemClock] = None) -> None:
        self._run, self._clock = run, clock or SystemClock()
        self._deleted: set[str] = set()  # links to be made anew, while their old profiles are in force
        self._raised: set[str] = set()  # uuids of profiles that came up as they are now

    def file_mode(self, path: str) -> int:
        """NetworkManager ignores a keyfile that others can read."""
        return 0o600

    def in_force(self) -> bool:
        return self._run(("systemctl", "is-active", "--quiet", _UNIT)).ok

    def read(self) -> Files:
        """The keyfiles, without those that another folder's file of the same name hides; ifcfg files; cloud-init's
        settings."""
        by_name: dict[str, str] = {}
        for folder in reversed(plan.FOLDERS):
            by_name.update({posixpath.basename(path): path for path in sorted(glob(f"{folder}/*"))})
        return read_files([*by_name.values(), *cloud_settings(), *glob(f"{plan.IFCFG}/ifcfg-*")])

    def declared(self, files: Files) -> Network:
        return plan.declared(files)

    def configured(self, files: Files) -> Mapping[str, str]:
        return plan.configured(files)

    def render(self, network: Network, files: Files) -> Files:
        return plan.render(network, files, port_macs(network.names))

    def check(self, files: Files, names: Sequence[str]) -> None:
        """Of these links alone: a profile that NetworkManager does not accept does not hinder the others."""
        self._require_plugin(names, files)
        for path in self._profiles(names, files):
            identity = keyfile.value(files[path], "connection", "id")
            argv = ("nmcli", "--offline", "connection", "modify", "connection.id", identity)
            answer = self._run(argv, stdin=files[path])
            # nmcli before 1.40 cannot check
            if not (answer.ok or answer.problem.endswith("is not installed") or "--offline" in answer.stderr):
                raise InputError(
                    f"NetworkManager does not accept {path}; nothing was changed",
                    expected="a keyfile that NetworkManager understands",
                    observed=answer.why(),
                    next_step="correct that file, then run again",
                    reproduce=f"nmcli --offline connection modify connection.id {identity} < {path}",
                )

    @staticmethod
    def _require_plugin(names: Sequence[str], files: Files) -> None:
        found = [path for path in NetworkManager._profiles(names, files) if _kind(files[path]) == plan.OVS_BRIDGE]
        if found and not glob(_PLUGINS, recursive=True):
            raise InputError(
                "NetworkManager of this host has no plug-in for Open vSwitch",
                expected=_PLUGINS,
                observed="none",
                next_step="on EL install openvswitch and NetworkManager-ovs and restart NetworkManager; Debian's "
                "NetworkManager has none: use ifupdown there; nothing was changed",
                reproduce="nmcli connection add type ovs-bridge conn.interface test0 autoconnect no",
            )

    def take_down(self, name: str) -> None:
        """Nothing: a link leaves its old profile when it gets the new one."""

    def delete(self, name: str) -> None:
        """Noted alone: NetworkManager would make a bond or VLAN device that goes now again, as its old profile says
        it."""
        self._deleted.add(name)

    def bring_up(self, names: Sequence[str]) -> None:
        """A port brings up the bridge or bond that it is for, which NetworkManager has to know; that one is not brought
        up again then, as it would lose its port."""
        files = self.read()
        paths = [path for name in names for path in self._profiles([name], files)]
        above = _controllers(paths, plan.keyfiles(files))
        must(self._run, ("nmcli", "connection", "load", *dict.fromkeys([*paths, *above])))
        for path in sorted(paths, key=lambda path: _turn(files[path])):
            uuid = _uuid(files[path])
            if uuid not in self._raised:
                self._delete_old(files[path])
                must(self._run, ("nmcli", "--wait", _WAIT, "connection", "up", "uuid", uuid))
        self._raised |= {_uuid(files[path]) for path in (*paths, *above)}
        self._settle(paths, files)

    def _delete_old(self, profile: str) -> None:
        """Delete a bond or VLAN device that is to be made anew. Of one that is there NetworkManager sends the kernel no
        option whose value is the kernel's default (nm-linux-platform.c: lacp_rate slow, xmit_hash_policy layer2), so
        that it keeps the one it has; and the kernel gives no VLAN device another id. Whether it worked is proven
        later."""
        name = link_name(profile)
        if name in self._deleted:
            self._run(("nmcli", "--wait", _WAIT, "connection", "down", "uuid", _uuid(profile)), timeout=TIMEOUT)
            self._run(("ip", "link", "delete", name))  # one that NetworkManager did not make stays

    def load(self, names: Sequence[str]) -> None:
        """Profiles that are active already are applied again where they differ, with the link as it is."""
        files = self.read()
        paths = self._profiles(names, files)
        if any(not self._profiles([name], files) for name in names):  # of what was removed
            must(self._run, ("nmcli", "connection", "reload"))
        if paths:
            must(self._run, ("nmcli", "connection", "load", *paths))
        for path in paths:
            if _kind(files[path]) == plan.OVS_INTERFACE:  # a name is three devices there
                must(self._run, ("nmcli", "--wait", _WAIT, "connection", "up", "uuid", _uuid(files[path])))
            if _kind(files[path]) == "bridge":
                name = keyfile.value(files[path], "connection", "interface-name")
                must(self._run, ("nmcli", "--wait", _WAIT, "device", "reapply", name))
        self._settle(paths, files)

    def _settle(self, paths: Sequence[str], files: Files) -> None:
        """Wait until the bridges of these profiles are connected, or for a while: `nmcli connection up` is content with
        a bridge that waits for its ports, and its addresses come after them. What has become of it is measured
        later."""
        deadline = self._clock.monotonic() + _SETTLED
        for name in [link_name(files[path]) for path in paths if _kind(files[path]) == "bridge"]:
            while self._state(name) in _CONNECTING and self._clock.monotonic() < deadline:
                self._clock.sleep(0.1)

    def _state(self, name: str) -> int:
        """A number of NMDeviceState; 0 where nmcli does not tell it."""
        answer = self._run(("nmcli", "--get-values", "GENERAL.STATE", "device", "show", name))
        number = answer.stdout.partition(" ")[0]
        return int(number) if number.isdigit() else 0

    def generate(self) -> None:
        """Nothing: the files themselves are read."""

    def state_files(self, names: Sequence[str]) -> list[str]:
        return []

    def resume(self, names: Sequence[str]) -> None:
        """Have links follow the profiles that were put back. Where nmcli does not work, NetworkManager is started
        again, and waited for."""
        if not self._run(("nmcli", "connection", "reload"), timeout=TIMEOUT).ok:
            self._run(("systemctl", "restart", _UNIT), timeout=TIMEOUT)
            self._run(("nm-online", "--quiet", "--wait-for-startup", "--timeout", _WAIT), timeout=TIMEOUT)
            return
        files = self.read()
        touched = names or [bridge.name for bridge in self.declared(files).bridges]
        for path in self._profiles(touched, files):
            link, uuid = (keyfile.value(files[path], "connection", key) for key in ("interface-name", "uuid"))
            is_ovs = _kind(files[path]).startswith("ovs-")
            if is_ovs or not self._run(("nmcli", "--wait", _WAIT, "device", "reapply", link), timeout=TIMEOUT).ok:
                self._run(("nmcli", "--wait", _WAIT, "connection", "up", "uuid", uuid), timeout=TIMEOUT)

    @staticmethod
    def _profiles(names: Iterable[str], files: Files) -> list[str]:
        """The keyfiles of these links, and of the ports and bridges of Open vSwitch that they are in."""
        wanted = set(names)
        every = sorted(plan.keyfiles(files).items())
        found = [path for path, text in every if keyfile.value(text, "connection", "interface-name") in wanted]
        for _level in ("port", "bridge"):
            above = {controller(files[path]) for path in found} - {""}
            more = [path for path, text in every if keyfile.value(text, "connection", "uuid") in above]
            found += [path for path in more if path not in found and _kind(files[path]).startswith("ovs-")]
        return sorted(found)


def _kind(profile: str) -> str:
    return keyfile.value(profile, "connection", "type")


def _uuid(profile: str) -> str:
    return keyfile.value(profile, "connection", "uuid")


def _controllers(paths: Sequence[str], profiles: Files) -> list[str]:
    """The keyfiles of the bridges and bonds above these profiles."""
    found, waiting = [], list(paths)
    while waiting:
        above = controller(profiles[waiting.pop(0)])
        new = [path for path, text in profiles.items() if above and above in names_of(text) and path not in found]
        found += new
        waiting += new
    return found


def _turn(profile: str) -> int:
    return _TURNS.get(_kind(profile), len(_TURNS))
