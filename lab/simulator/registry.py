# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands by name. A function takes (cloud, arguments) and returns the body of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .table import Command

Arguments = dict[str, Any]
Handler = Callable[[Any, Arguments], Any]


@dataclass(frozen=True)
class Entry:
    """How a command is run. An asynchronous one returns its work from `handler`, see `Work`."""

    handler: Handler
    takes: frozenset[str]  # optional arguments that it honours; every other one is refused, see `refused`
    unlocked: bool = False  # the handler takes the lock itself, because it waits for other machines
    writes: bool = True


@dataclass(frozen=True)
class Work:
    """What an asynchronous command leaves to its job, after the checks that are made at once."""

    run: Callable[[], Any]
    instance: tuple[str, str | None] | None = None
    id: str | None = None  # the UUID of what is made, which the first answer names
    unlocked: bool = False  # run without the lock


COMMANDS: dict[str, Entry] = {}
READS = ("get", "list", "query", "find")
PAGING = ("page", "pagesize")  # of each list


def command(name: str, takes: str = "", *, unlocked: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler under the command's name, with the optional arguments that it honours (names with blanks
    between them)."""

    def register(handler: Handler) -> Handler:
        paging = PAGING if name.startswith("list") else ()
        COMMANDS[name] = Entry(handler, frozenset([*takes.split(), *paging]), unlocked, not name.startswith(READS))
        return handler

    return register


def refused(command: Command, entry: Entry, given: Arguments) -> list[str]:
    """Arguments of CloudStack's own table that were given and that the simulator would drop."""
    return sorted(name for name in given if not command.parameters[name].required and name not in entry.takes)


def _switched(handler: Callable[[Any, Arguments, bool], Work], on: bool, cloud: Any, given: Arguments) -> Work:
    return handler(cloud, given, on)


def switch(subject: str, handler: Callable[[Any, Arguments, bool], Work]) -> None:
    """Register enable... and disable... of a subject: one handler that is told which."""
    for verb, on in (("enable", True), ("disable", False)):
        command(f"{verb}{subject}")(partial(_switched, handler, on))
