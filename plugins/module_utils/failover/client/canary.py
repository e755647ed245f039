# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the journal out of a canary's volume while its guest runs. Nothing is opened for writing, and no guest is kept
from its disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.canary import (
    JOURNAL_BYTES,
    JOURNAL_OFFSET,
    boots,
    overlaps,
    parse_journal,
)

OPTIONS = {
    "pool": {"type": "str", "required": True},
    "address": {"type": "str", "default": ""},
    "volume": {"type": "str", "required": True},
    "format": {"type": "str", "default": "qcow2", "choices": ["qcow2", "raw"]},
}
MIB = 2**20
TIMEOUT = 60.0  # seconds for 32 MiB; a pool that needs longer hangs


def journal(options: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module canary_journal.

    Raises InputError, CommandError where the volume cannot be read, and ParseError where it has no journal.
    """
    pool, address = options["pool"], options["address"]
    place = address if address and not os.path.ismount(pool) else pool
    records = parse_journal(read_journal(disk(place, options["volume"]), options["format"]))
    return {
        "boots": [asdict(each) for each in boots(records)],
        "overlaps": [asdict(each) for each in overlaps(records)],
    }


def disk(pool: str, volume: str) -> str:
    """How qemu-img calls a volume of a pool. Raises InputError for one that is not below the pool."""
    if not pool.startswith(("/", "nfs://")):
        raise InputError(
            "this is not a place of a pool",
            expected="an absolute path such as /mnt/<uuid of the pool>, or nfs://SERVER/PATH",
            observed=pool,
        )
    if not volume or volume.startswith("/") or ".." in volume.split("/"):
        raise InputError("this is not a path below a pool", expected="path of listVolumes", observed=volume)
    return f"{pool.rstrip('/')}/{volume}"


def read_journal(path: str, form: str) -> bytes:
    """The bytes of the journal. Raises CommandError.

    qemu-img knows the format and the chain of templates below the volume, and -U lets it read beside the guest. Some
    releases count `count` from the disk's beginning, others from `skip`: the read goes to the journal's end by the
    first way of counting, and what is read beyond it by the second is cut off.
    """
    with tempfile.TemporaryDirectory(prefix="cloudstack-kvm-") as folder:
        copy = os.path.join(folder, "journal")
        skip, count = JOURNAL_OFFSET // MIB, (JOURNAL_OFFSET + JOURNAL_BYTES) // MIB
        argv = ["qemu-img", "dd", "-U", "-f", form, "-O", "raw", "bs=1M", f"skip={skip}", f"count={count}"]
        argv += [f"if={path}", f"of={copy}"]
        answer = command.run(argv, timeout=TIMEOUT)
        if not answer.ok:
            raise CommandError(
                f"the canary's volume cannot be read: {answer.why()}",
                expected=f"the volume {path} in the format {form}",
                next_step="look whether the pool is mounted on this host and the volume is there",
                reproduce=f"qemu-img info -U {path}",
            )
        with open(copy, "rb") as stream:
            return stream.read(JOURNAL_BYTES)
