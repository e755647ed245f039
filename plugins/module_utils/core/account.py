# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The account that this runs as."""

from __future__ import annotations

import getpass
import os


def user() -> str:
    """Its name, or its number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, in a container
        return f"user {os.getuid()}"
