# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of lines: authorized_keys, /etc/modules, /etc/hosts."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.lines import edit_hosts, edit_lines
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("before", "present", "absent", "after"),
    [
        ("", ["a"], [], "a\n"),
        ("a", ["a"], [], "a"),
        ("  a  \n", ["a"], [], "  a  \n"),
        ("b", ["a", "a"], [], "b\na\n"),
        ("a\nb\na\n", [], ["a"], "b\n"),
        ("b\n", [], ["a"], "b\n"),
    ],
)
def test_lines(before, present, absent, after):
    assert edit_lines(before, present, absent, "x") == after
    assert edit_lines(after, present, absent, "x") == after


@pytest.mark.parametrize("line", ["", "  ", "a\nb"])
def test_what_is_no_line(line):
    with pytest.raises(InputError, match="not one line"):
        edit_lines("", [line], [], "x")


DEBIAN = "127.0.0.1\tlocalhost\n127.0.1.1\thost1.lab.test\thost1\n\n::1 localhost ip6-localhost\n"


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        (
            DEBIAN,
            {"10.88.0.11": "host1.lab.test host1"},
            "127.0.0.1\tlocalhost\n\n::1 localhost ip6-localhost\n10.88.0.11\thost1.lab.test host1\n",
        ),
        (DEBIAN, {"127.0.1.1": ["host1.lab.test", "host1"]}, DEBIAN),
        ("10.0.0.1 old # mine\n10.0.0.1 older\n", {"10.0.0.1": "new"}, "10.0.0.1\tnew # mine\n"),
        ("10.0.0.1 a\n", {"10.0.0.1": None}, ""),
        ("10.0.0.1 a b\n", {"10.0.0.2": "a"}, "10.0.0.1\tb\n10.0.0.2\ta\n"),
        ("::2 a\n", {"10.0.0.2": "a"}, "::2 a\n10.0.0.2\ta\n"),
        ("# only a comment", {"10.0.0.2": "a"}, "# only a comment\n10.0.0.2\ta\n"),
    ],
)
def test_hosts(before, wanted, after):
    assert edit_hosts(before, wanted, "/etc/hosts") == after
    assert edit_hosts(after, wanted, "/etc/hosts") == after


@pytest.mark.parametrize(
    "wanted", [{"10.0.0.1": ""}, {"10.0.0.1": 5}, {"": "a"}, {"10.0.0.1": ["a b"]}, {"10.0.0.1": "a #b"}]
)
def test_hosts_refused(wanted):
    with pytest.raises(InputError, match="/etc/hosts"):
        edit_hosts("", wanted, "/etc/hosts")


WORDS = st.sampled_from(["10.0.0.1", "10.0.0.2", "::1", "a", "b", "#", " ", "\t", "\n"])


@given(
    st.lists(WORDS, max_size=20).map(" ".join),
    st.dictionaries(st.sampled_from(["10.0.0.1", "::1"]), st.sampled_from(["a", "b a", None])),
)
def test_hosts_is_stable_whatever_stands_there(before, wanted):
    after = edit_hosts(before, wanted, "x")
    assert edit_hosts(after, wanted, "x") == after
