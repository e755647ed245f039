# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program that a timer and a boot start on the host: puts back a change that nobody confirmed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends import registry
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.base import Backend
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.confirmation import Confirmation
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.links import Links
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client.snapshot import (
    put_back,
    restore_files,
    restore_mtus,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Kept


def main(
    arguments: Sequence[str],
    confirmation: Optional[Confirmation] = None,
    clock: Optional[SystemClock] = None,
    links: Optional[Links] = None,
) -> int:
    """The exit status: 1 where something could not be put back, which the journal then names."""
    confirmation, clock, links = confirmation or Confirmation(0), clock or SystemClock(), links or Links()
    is_boot = "--boot" in arguments
    while True:
        with confirmation.held():
            left = 0.0 if is_boot else confirmation.seconds_left()
            if left <= 0 or confirmation.pending() is None:
                return _put_back(confirmation, links, is_boot)
        clock.sleep(left)


def _put_back(confirmation: Confirmation, links: Links, is_boot: bool) -> int:
    kept = confirmation.pending()
    if kept is None:
        return 0
    backend = registry.BACKENDS[kept.backend]()
    problems = _before_the_network(kept, backend, links) if is_boot else put_back(kept, backend, links)
    when = "before the network of this boot was set up" if is_boot else "when the time to confirm it was over"
    told = f"it was put back {when}" if not problems else f"it could NOT be put back entirely: {'; '.join(problems)}"
    sys.stdout.write(f"cloudstack.kvm: a change of the network was not confirmed; {told}\n")
    if problems:
        return 1
    confirmation.drop(told)
    return 0


def _before_the_network(kept: Kept, backend: Backend, links: Links) -> list[str]:
    """There are no links to put back yet but NICs: the files bring them up as they were. What a tool remembered in /run
    of the links of then would let it take them for being up. udev has set the MTU that a .link file of then said, and
    no file says what it was before."""
    lasting = tuple(state for state in kept.files if not state.path.startswith("/run/"))
    problems = restore_files(replace(kept, files=(*lasting, *kept.boot_files)))
    try:
        backend.generate()
    except KvmError as error:
        problems.append(str(error))
    return [*problems, *restore_mtus(kept, links)]
