# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyfiles and unit files: what they say, and single lines changed with all others as they are."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile

TEXT = "# head\n[a]\nx = 1\n; no\n\n[b]\ny=2\ny=3\n[a]\nz=k=v\n"


def test_sections_come_in_their_order_and_may_come_again():
    assert keyfile.sections(TEXT) == [("a", [("x", "1")]), ("b", [("y", "2"), ("y", "3")]), ("a", [("z", "k=v")])]
    assert keyfile.entries(TEXT, "a") == [("x", "1"), ("z", "k=v")]
    assert (keyfile.value(TEXT, "b", "y"), keyfile.value(TEXT, "b", "x")) == ("3", "")


@pytest.mark.parametrize(
    ("section", "new", "gone", "result"),
    [
        ("b", [("y", "9")], (), "# head\n[a]\nx = 1\n; no\n\n[b]\ny=9\ny=3\n[a]\nz=k=v\n"),
        ("b", [("n", "9")], ("y",), "# head\n[a]\nx = 1\n; no\n\n[b]\nn=9\n[a]\nz=k=v\n"),
        ("c", [("n", "9")], (), TEXT + "\n[c]\nn=9\n"),
        ("c", [], (), TEXT + "\n[c]\n"),
    ],
)
def test_only_the_lines_of_these_keys_change(section, new, gone, result):
    assert keyfile.with_entries(TEXT, section, new, gone) == result


def test_a_section_goes_with_all_of_its_lines():
    assert keyfile.without_sections(TEXT, ["a"]) == "# head\n[b]\ny=2\ny=3\n"
