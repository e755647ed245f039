# SPDX-License-Identifier: GPL-3.0-or-later
"""The words inside CloudStack's wrapping."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.add_host_error import cause

WRAP = 'Could not add host at [http://192.0.2.1] with zone [Zone {{"id": "2"}}], pod [x] and cluster [y] due to: [{}].'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WRAP.format("Authentication error with host password"), "Authentication error with host password"),
        (WRAP.format("This machine does not have KVM enabled."), "This machine does not have KVM enabled."),
        (
            WRAP.format(" can't setup agent, due to java.io.IOException: There was a problem - There was a problem"),
            "There was a problem",
        ),
        ("Unable to add the host: Cannot find the server resources at http://192.0.2.1", None),
        ("Username need to be provided.", None),
        ("", None),
        (WRAP.format("command [x] with parameters [ -m 1] failed."), "command [x] with parameters [ -m 1] failed."),
        ("a - b", None),
    ],
)
def test_cause(text, expected):
    assert cause(text) == (text if expected is None else expected)
