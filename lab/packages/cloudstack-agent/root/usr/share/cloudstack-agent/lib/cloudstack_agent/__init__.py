# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the stand-in agent."""

VERSION = "@VERSION@"
