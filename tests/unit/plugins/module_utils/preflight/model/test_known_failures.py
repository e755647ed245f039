# SPDX-License-Identifier: GPL-3.0-or-later
"""The failures that checks name."""

from __future__ import annotations

import re

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.known_failures import (
    FAILURES,
    what_cloudstack_says,
)


def test_every_failure_of_the_catalogue_is_there_and_whole():
    assert list(FAILURES) == [f"F{number:02}" for number in range(1, 72)]
    for failure in FAILURES.values():
        assert failure.title and failure.symptom and failure.after
        assert not re.search(r"[.:]$", failure.title + failure.after)


def test_a_silent_failure_is_told_as_one():
    assert (
        what_cloudstack_says("none: the host resets itself", "347 s")
        == "CloudStack says nothing: the host resets itself (347 s)"
    )
    assert what_cloudstack_says("No.", "0 s") == "CloudStack says: No. (0 s)"
    assert what_cloudstack_says("No.", "reported").endswith("(reported by users, not measured)")
