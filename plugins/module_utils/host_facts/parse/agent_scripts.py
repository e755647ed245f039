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
# Name of the fact -> modules: what cloudstack-setup-agent imports, and security_group.py.
IMPORTED = {
    "cloudutils": (
        "cloudutils.utilities",
        "cloudutils.configFileOps",
        "cloudutils.globalEnv",
        "cloudutils.networkConfig",
        "cloudutils.syscfg",
        "cloudutils.serviceConfig",
        "optparse",
    ),
    "libvirt": ("libvirt",),
}


def import_questions(setup_agent: str) -> dict[str, str]:
    """The text of cloudstack-setup-agent -> by name of the fact, Python code that imports as it does."""
    folder = _PYTHON_FOLDER.search(setup_agent)
    first = f"import sys; sys.path.insert(0, {folder[1]!r}); " if folder else ""
    return {name: first + "import " + ", ".join(modules) for name, modules in IMPORTED.items()}


def parse_temporary_folder(settings: Optional[str]) -> str:
    """/etc/default/cloudstack-agent (None before the package is there) -> the folder for temporary files of the agent's
    Java. The agent's JNA unpacks a library there and maps it as code."""
    if settings is None:
        return PACKAGE_DEFAULT
    lines = [line for line in settings.splitlines() if not line.lstrip().startswith("#")]
    found = _TEMPORARY.findall("\n".join(lines))
    return found[-1] if found else JAVA_DEFAULT
