# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Attributes that several modules have in the same words."""

    DOCUMENTATION = r"""
attributes: {}
"""

    READ_ONLY = r"""
attributes:
  check_mode:
    description: Changes nothing in either mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

    LINUX = r"""
attributes:
  platform:
    description: The systems that it runs on.
    platforms: linux
    support: full
"""

    CONTROLLER = r"""
attributes:
  action:
    description: It is an action plugin.
    support: full
  check_mode:
    description: Changes nothing on any host in either mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    description: The systems that it runs on.
    platforms: posix
    support: full
"""
