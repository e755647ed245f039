# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the scripts and settings of the agent's package say about what they need."""

from __future__ import annotations

import re
from typing import Optional

# The folder of its modules that the build writes into cloudstack-setup-agent (@PYTHONDIR@).
_PYTHON_FOLDER = re.compile(r"for pythonpath in \(\s*[\"']([^\"']+)[\"']")
_TEMPORARY = re.compile(r"-Djava\.io\.tmpdir=([^\s\"']+)")
JAVA_DEFAULT = "/tmp"  # noqa: S108 - java.io.tmpdir on Linux
PACKAGE_DEFAULT = "/usr/share/cloudstack-agent/tmp"  # /etc/default/cloudstack-agent of the package
# The modules of CloudStack and of libvirt that a script imports; those of Python itself come with it. Within a line: a
# pattern that takes line ends too tries each run of empty lines once for every line in it.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(cloudutils(?:\.\w+)*|libvirt)[ \t]+import|import[ \t]+(libvirt)\b)", re.MULTILINE
)


def import_question(script: str) -> str:
    """The text of a Python script of CloudStack -> Python code that imports what it does, "" where that is only what
    Python itself has."""
    modules = list(dict.fromkeys(first or second for first, second in _IMPORT.findall(script)))
    if not modules:
        return ""
    folder = _PYTHON_FOLDER.search(script)
    first = f"import sys; sys.path.insert(0, {folder[1]!r}); " if folder else ""
    return f"{first}import {', '.join(modules)}"


def parse_temporary_folder(settings: Optional[str]) -> str:
    """/etc/default/cloudstack-agent (None before the package is there) -> the folder for temporary files of the agent's
    Java. The agent's JNA unpacks a library there and maps it as code."""
    if settings is None:
        return PACKAGE_DEFAULT
    lines = [line for line in settings.splitlines() if not line.lstrip().startswith("#")]
    found = _TEMPORARY.findall("\n".join(lines))
    return found[-1] if found else JAVA_DEFAULT
