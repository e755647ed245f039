# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that hold for every test."""

import pytest
from hypothesis import settings

from tests.times import Times

# A test never depends on how busy the machine is, nor on luck: no deadline, the same examples in every run.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Tell at the end where the time went."""
    config.pluginmanager.register(Times())
