# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network as it was measured, and the files: put back where a change fails or is not confirmed, without the tool
that failed."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files, places
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileState
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.base import Backend
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Kept, to_bytes
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.restore import (
    Command,
    lost_commands,
    mtu_commands,
    restore_commands,
)

PASSES = 5  # of measuring and correcting: an address that comes back needs its link up, its routes need the address


class StagedFiles:
    """New contents that lie on the disk beside the files that they will replace: a full or read-only disk is found
    out here."""

    def __init__(self, changes: Iterable[Change]) -> None:
        """Raises OperationFailed, with nothing replaced."""
        self._staged: dict[str, files.Staged] = {}
        self._made: list[str] = []
        try:
            for change in changes:
                self._stage(change)
        except BaseException:
            self.discard()
            raise

    def _stage(self, change: Change) -> None:
        path = places.resolve(change.target)
        folder = posixpath.dirname(path)
        if not files.is_directory(folder):
            files.make_directory(folder, 0o755, None, None)
            self._made.append(folder)
        state = files.inspect(path)
        if (state.content or b"") != to_bytes(change.before):  # the plan was made from another content
            raise files.ChangedMeanwhile(change.target)
        mode = change.data.get("mode", 0o644) if state.mode is None else state.mode
        self._staged[change.target] = files.Staged(path, to_bytes(change.after), mode, state.uid, state.gid, state)

    def commit(self, path: str) -> None:
        """Put one in its place. Raises OperationFailed, ChangedMeanwhile."""
        self._staged[path].commit()

    def discard(self) -> None:
        """Remove what was not committed, and folders made for it that are empty."""
        for each in self._staged.values():
            each.discard()
        for folder in self._made:
            if not files.inspect(folder).entries:
                files.remove(folder)


def inspect_all(paths: Iterable[str]) -> tuple[FileState, ...]:
    """The files as they are, each once, where links lead to."""
    return tuple(files.inspect(path) for path in dict.fromkeys(map(places.resolve, paths)))


def put_back(kept: Kept, backend: Backend, links: Links) -> list[str]:
    """Links first, because the host is cut off, and by `ip` alone; then files; DHCP clients; and what these did to
    links. What could not be put back, empty where all is."""
    restore_links(kept, links)
    _announce(kept, links)
    with contextlib.suppress(KvmError, OSError):
        for name in kept.leased:
            backend.take_down(name)  # ends the client that asks for a link which is gone
    restore_files(kept)
    with contextlib.suppress(KvmError, OSError):
        backend.resume(list(kept.taken_down))
    links.settle()  # udev gives a bond that was made anew another MAC, some time later
    problems = [*restore_files(kept), *restore_links(kept, links), *give_back(kept, links)]
    _announce(kept, links)
    return problems


def _announce(kept: Kept, links: Links) -> None:
    touched = sorted(kept.state.touched(set(kept.names)))
    for link in (kept.state.links[name] for name in touched if name in kept.state.links):
        links.announce(link)


def restore_links(kept: Kept, links: Links) -> list[str]:
    """Make links and routes as they were; what could not be, empty where all is."""
    failed: list[str] = []
    try:
        commands = _differences(kept, links)
        for _pass in range(PASSES):
            if not commands:
                return []
            failed = links.try_all(commands)
            commands = _differences(kept, links)
    except KvmError as error:
        return [str(error)]
    return (failed or [f"`{' '.join(command)}` has no effect" for command in commands]) if commands else []


def give_back(kept: Kept, links: Links) -> list[str]:
    """Give links that the change does not touch the addresses and routes that they have lost by it; what could not be,
    empty where all is. A daemon that configures such a link again, as networkd does where its file is new, takes from
    it what no file says."""
    try:
        return links.try_all(lost_commands(kept.state, links.measure(), kept.names))
    except KvmError as error:
        return [str(error)]


def restore_mtus(kept: Kept, links: Links) -> list[str]:
    """Make the MTUs of links that are there as they were; what could not be, empty where all is."""
    links.settle()
    try:
        return links.try_all(mtu_commands(kept.state, links.measure(), kept.names))
    except KvmError as error:
        return [str(error)]


def _differences(kept: Kept, links: Links) -> list[Command]:
    return restore_commands(kept.state, links.measure(), kept.names)


def restore_files(kept: Kept) -> list[str]:
    """Make the files as they were, byte for byte; what could not be, empty where all is."""
    failed: list[str] = []
    for state in kept.files:
        try:
            _restore_file(state)
        except KvmError as error:
            failed.append(str(error))
    return failed


def _restore_file(state: FileState) -> None:
    files.remove_unfinished(state.path)
    if files.inspect(state.path) == state:
        return
    if state.kind == "absent":
        files.remove(state.path)
    else:
        files.back_up(state, state.path)
