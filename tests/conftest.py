# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that hold for every test."""

import pytest
from hypothesis import settings

from tests.times import Times

# A test never depends on how busy the machine is, nor on luck: no deadline, the same examples in every run.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

# seconds, by marker: what boots hosts, what is long by nature; a test that needs longer hangs
LIMITS = {"lab": 1500, "full": 3 * 3600}


def pytest_configure(config: pytest.Config) -> None:
    """Tell at the end where the time went."""
    config.pluginmanager.register(Times())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that boot hosts more time than pyproject.toml gives all of them."""
    for item in items:
        limits = [seconds for name, seconds in LIMITS.items() if item.get_closest_marker(name)]
        if limits:
            item.add_marker(pytest.mark.timeout(max(limits)))
