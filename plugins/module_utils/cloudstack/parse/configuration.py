# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of the `cs` library, read as the library reads it (cs/client.py, read_config): its variables of the
environment, and the section of its ini files.

`cs` itself ends the program where it finds no file, and its errors quote lines that hold secrets.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError

PREFIX = "CLOUDSTACK_"
KEYS = frozenset(
    (
        *("endpoint", "key", "secret", "method", "timeout", "verify", "dangerous_no_tls_verify", "cert", "cert_key"),
        *("retry", "retry_backoff", "theme", "expiration", "poll_interval", "trace", "job_timeout"),
    )
)
HEADER = "header_"  # header_x_team = kvm: sent with each request
TRUE, FALSE = ("y", "yes", "t", "true", "on", "1"), ("n", "no", "f", "false", "off", "0")


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings that the environment has. An empty variable is one that is not set."""
    found = {key: environment.get(PREFIX + key.upper(), "") for key in sorted(KEYS)}
    return {key: value for key, value in found.items() if value}


def section_of(environment: Mapping[str, str]) -> str:
    """The section of the ini files that counts."""
    return environment.get("CLOUDSTACK_REGION") or "cloudstack"


def reads_files(environment: Mapping[str, str]) -> bool:
    """Whether files are looked at at all: the address in the environment stands for a whole configuration."""
    return not environment.get("CLOUDSTACK_ENDPOINT") or bool(_overrides(environment))


def merge(environment: Mapping[str, str], section: Mapping[str, str]) -> dict[str, str]:
    """What counts: the files' values before those of the environment, but for those that CLOUDSTACK_OVERRIDES names."""
    own = from_environment(environment)
    overrides = _overrides(environment)
    return {**own, **section, **{key: value for key, value in own.items() if key in overrides}}


def read_section(texts: Sequence[tuple[str, str]], name: str) -> dict[str, str] | None:
    """The settings of a section of ini files, (path, text) in the order in which they are read: the last one counts.
    None where no file has the section. Raises ParseError, which quotes nothing of the text.
    """
    parser = configparser.ConfigParser()
    for path, text in texts:
        _read(parser, path, text)
    if not parser.has_section(name):
        return None
    try:
        values = dict(parser.items(name))
    except configparser.InterpolationError as error:
        paths = ", ".join(path for path, _text in texts)
        raise ParseError(
            paths,
            f"section [{name}], {error.option}: the percent sign is special in these files",
            next_step="write %% for each % of the value",
        ) from None
    return {key: value for key, value in values.items() if value and (key in KEYS or key.startswith(HEADER))}


def _read(parser: configparser.ConfigParser, path: str, text: str) -> None:
    try:
        parser.read_string(text, path)
    except configparser.MissingSectionHeaderError as error:
        raise _unreadable(path, error.lineno, "a line stands before the first [section]") from None
    except configparser.ParsingError as error:
        raise _unreadable(path, error.errors[0][0], "it is not of the form name = value") from None
    except (configparser.DuplicateSectionError, configparser.DuplicateOptionError) as error:
        what = getattr(error, "option", "") or f"[{error.section}]"
        raise _unreadable(path, error.lineno or 0, f"{what} is there twice") from None


def _unreadable(path: str, line: int, why: str) -> ParseError:
    return ParseError(
        path, why, line=line, next_step="correct the file: a line [cloudstack], then endpoint, key, secret"
    )


def headers_of(settings: Mapping[str, str]) -> dict[str, str]:
    """The HTTP headers among the settings."""
    return {key[len(HEADER) :]: value for key, value in settings.items() if key.startswith(HEADER)}


def is_true(name: str, value: str) -> bool:
    """The truth value of a setting's text. Raises InputError."""
    found = truth(value)
    if found is None:
        raise InputError(
            f"{name} is not valid", expected="true or false", observed=repr(value), next_step="correct the value"
        )
    return found


def truth(value: str) -> bool | None:
    """The truth value of a word; None where it is none, such as a path."""
    word = value.strip().lower()
    if word in TRUE:
        return True
    return False if word in FALSE else None


def number(settings: Mapping[str, str], key: str, default: Any, *, least: float = 0) -> Any:
    """The number that a setting's text holds, of the type of `default`, which counts where it is not set. Raises
    InputError."""
    text = settings.get(key)
    if text is None:
        return default
    try:
        found = type(default)(text)
    except ValueError:
        found = None
    if found is None or not found >= least:  # not: nan is not less than anything
        raise InputError(
            f"{PREFIX}{key.upper()} is not valid",
            expected=f"a number from {least} up",
            observed=repr(text),
            next_step="correct the value",
        )
    return found


def _overrides(environment: Mapping[str, str]) -> list[str]:
    text = environment.get("CLOUDSTACK_OVERRIDES", "")
    words = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text)
    return words.lower().split()
