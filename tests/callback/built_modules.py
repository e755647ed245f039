# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin of the tests: what Ansible has built of a module, one run leaves for the next ones.

Ansible sends a module together with all that it imports. To find out what that is, every run parses a hundred files for
each of its modules and throws the result away at its end. Here the cache of the run is a folder of BUILT_MODULES, one
for exactly these sources: Ansible itself fills it and reads it, and has a lock for each file in it. What is sent to the
hosts is the same."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import ansible
from ansible import constants
from ansible.plugins.callback import CallbackBase

COLLECTION = "ansible_collections.cloudstack.kvm"


def _state(folder: Path) -> Iterator[tuple]:
    """What is another when a file below is changed, new or gone."""
    for path in sorted(folder.rglob("*.py")):
        found = path.stat()
        yield str(path), found.st_mtime_ns, found.st_size


def sources(collections: list[str]) -> str:
    """A name for the versions of Python and Ansible, and for the state of all that this collection can send."""
    state = [sys.version, ansible.__version__, ansible.__file__]
    for collection in map(Path, collections):
        for kind in ("modules", "module_utils"):
            state += _state((collection / "plugins" / kind).resolve())
    return hashlib.sha256(repr(state).encode()).hexdigest()


class CallbackModule(CallbackBase):
    """Does nothing with events: being loaded is enough, as no task has run by then."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "built_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        cache = Path(constants.DEFAULT_LOCAL_TMP) / "ansiballz_cache"
        if "BUILT_MODULES" not in os.environ or cache.exists():
            return
        shared = Path(os.environ["BUILT_MODULES"]) / sources(list(import_module(COLLECTION).__path__))
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        cache.symlink_to(shared)
