# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that hold for every test."""

from hypothesis import settings

# A test never depends on how busy the machine is, nor on luck: no deadline, the same examples in every run.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")
