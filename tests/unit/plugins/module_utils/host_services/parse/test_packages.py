# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refusal of the package manager means."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.parse.packages import (
    lock_holder,
    lock_is_held,
    was_interrupted,
)


@pytest.mark.parametrize(
    ("text", "held", "interrupted", "holder"),
    [
        (
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)\n"
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
            True, False, "812 (unattended-upgr)",
        ),
        (
            "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 901 (apt-get)\nE: Unable to lock "
            "directory /var/lib/apt/lists/",
            True, False, "901 (apt-get)",
        ),
        ("E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. ", False, True, None),  # noqa: E501
        ("E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution).", False, True, None),  # noqa: E501
        ("E: Unable to locate package chrony", False, False, None),
    ],
)  # fmt: skip
def test_what_a_refusal_means(text, held, interrupted, holder):
    assert (lock_is_held(text), was_interrupted(text), lock_holder(text)) == (held, interrupted, holder)
