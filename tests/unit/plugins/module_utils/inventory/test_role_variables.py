# SPDX-License-Identifier: GPL-3.0-or-later
"""A misspelt role variable is found and the right name is offered; everything else is left alone."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.inventory.role_variables import find_unknown, refusal

KNOWN = {
    "oobm": ["oobm_address", "oobm_password"],
    "host": ["host_tags"],
    "host_registration": ["host_registration_password"],
}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["oobm_address", "host_registration_password", "host_tags"], []),
        (["oobm_adress"], ["oobm_adress is not a variable of the role oobm (did you mean oobm_address?)"]),
        (["oobm_colour"], ["oobm_colour is not a variable of the role oobm"]),
        (
            ["host_registration_pasword"],
            [
                "host_registration_pasword is not a variable of the role host_registration (did you mean "
                "host_registration_password?)"
            ],
        ),
        (["__oobm_address", "oobm", "cloudstack_zone", "ansible_host", "host"], []),
        (
            ["oobm_b", "oobm_a"],
            ["oobm_a is not a variable of the role oobm", "oobm_b is not a variable of the role oobm"],
        ),
    ],
)
def test_find_unknown(names, expected):
    assert find_unknown(names, KNOWN) == expected


KEPT = {"that": True, "expected": "a", "observed": "b", "next": "c"}
BROKEN = {"that": False, "expected": "an address in oobm_address", "observed": "none", "next": "set it"}
TYPO = ["oobm_adress is not a variable of the role oobm"]


@pytest.mark.parametrize(
    ("unknown", "rules", "expected"),
    [
        ([], [], ""),
        ([], [KEPT], ""),
        ([], [KEPT, BROKEN], "host1: expected an address in oobm_address, observed: none. Next: set it."),
        (
            TYPO,
            [BROKEN],
            "host1: expected only variables of the role oobm, observed: oobm_adress is not a variable of the role "
            "oobm. "
            "Next: correct the name in the inventory; the role's README lists all of them. "
            "host1: expected an address in oobm_address, observed: none. Next: set it.",
        ),
    ],
)
def test_refusal_names_everything_that_is_wrong(unknown, rules, expected):
    assert refusal("host1", "the role oobm", unknown, rules) == expected
