# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that import their rules when they are used. Ansible runs each task on each host in a process of its own, and
opens the files of all filters there to find one: with all rules of the collection that takes longer than the task."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

PLUGINS = "ansible_collections.cloudstack.kvm.plugins"


def on_use(module: str, name: str) -> Callable[..., Any]:
    """The function of this name in a module below plugins (such as "module_utils.diagnosis.diagnose"), which is
    imported with the first call. That raises what the function raises, and ImportError or AttributeError where there
    is no such function."""

    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(import_module(f"{PLUGINS}.{module}"), name)(*arguments, **options)

    return call
