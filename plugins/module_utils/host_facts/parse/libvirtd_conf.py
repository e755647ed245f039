# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""/etc/libvirt/libvirtd.conf as libvirtd reads it: which lines keep it from starting. And the arguments that systemd
gives it.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.libvirtd_keys import wrong_types
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse import settings

SOURCE = "/etc/libvirt/libvirtd.conf"


def conf_errors(text: str) -> list[dict[str, str]]:
    """Every line that libvirtd refuses, with `key` ("" for a line that is no setting) and `text` for a reader.

    virConf knows settings, comments with # and blank lines; anything else is "configuration file syntax error".
    """
    errors, values, taken = [], dict[str, Any](), set[int]()
    for entry in settings.find_entries(text, "libvirt"):
        taken.update(range(entry.first, entry.last + 1))
        if entry.commented:
            continue
        try:
            values.setdefault(entry.key, settings.parse_value(entry, "libvirt", SOURCE))
        except ParseError as error:
            errors.append({"key": entry.key, "text": f"line {entry.first + 1}: {error.message}"})
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n")) if number not in taken]
    for number, line in lines:
        if line and not line.startswith("#"):
            errors.append({"key": "", "text": f"line {number + 1} is not a setting: {line}"})
    errors += [{"key": key, "text": words} for key, words in wrong_types(values).items()]
    return errors


def parse_arguments(text: str) -> list[str]:
    """/etc/default/libvirtd or /etc/sysconfig/libvirtd -> the words of LIBVIRTD_ARGS, empty where it is not set.
    Raises ParseError."""
    found = settings.parse_settings(text, "shell", "settings of libvirtd.service")
    return str(found.get("LIBVIRTD_ARGS") or "").split()
