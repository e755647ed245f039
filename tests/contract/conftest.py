# SPDX-License-Identifier: GPL-3.0-or-later
"""All recordings, replayed once for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.contract.replay import Verdict, verdicts_of_all


@pytest.fixture(scope="session")
def verdicts() -> list[Verdict]:
    """Every recorded exchange, asked in order."""
    return list(verdicts_of_all())
