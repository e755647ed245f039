# SPDX-License-Identifier: GPL-3.0-or-later
"""labctl: builds, boots, breaks, heals and removes the lab."""
