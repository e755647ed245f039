# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Finds the configuration of the `cs` library: for those who use `cs` or cmk-like tools already, it serves here too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.configuration import (
    from_environment,
    merge,
    read_section,
    reads_files,
    section_of,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError


@dataclass(frozen=True)
class Configuration:
    """`settings` by the names of `cs` (endpoint, key, secret, verify ...), and where they were `looked` for, in
    words."""

    settings: Mapping[str, str] = field(repr=False)
    looked: str


def read_configuration(environment: Mapping[str, str]) -> Configuration:
    """What the environment and the files say. Raises ParseError for a file that is there and cannot be read."""
    if not reads_files(environment):
        return Configuration(
            from_environment(environment), "no file, as CLOUDSTACK_ENDPOINT is set: then `cs` reads none of its files"
        )
    texts, looked = [], []
    for path in _paths(environment):
        text = _text(path)
        if text is not None:
            texts.append((path, text))
        looked.append(path if text is not None else f"{path} (not there)")
    name = section_of(environment)
    section = read_section(texts, name)
    missing = f", and there is no section [{name}] in them" if texts and section is None else ""
    return Configuration(merge(environment, section or {}), f"the section [{name}] of {', '.join(looked)}{missing}")


def _paths(environment: Mapping[str, str]) -> list[str]:
    """In the order in which they are read: the last one counts."""
    paths = [os.path.join(os.path.expanduser("~"), ".cloudstack.ini"), os.path.join(os.getcwd(), "cloudstack.ini")]
    named = environment.get("CLOUDSTACK_CONFIG")
    return [*paths, os.path.abspath(os.path.expanduser(named))] if named else paths


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ParseError(path, str(why), next_step="let the user that runs ansible-playbook read it") from None
