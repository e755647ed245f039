# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from itertools import permutations

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.majority import (
    FROM,
    TO,
    blame_by_majority,
)


def between(*names: str, wrong: set[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    return {pair: pair in wrong for pair in permutations(names, 2)}


def test_nothing_wrong_is_nobodys_fault():
    assert blame_by_majority(between("a", "b", "c", wrong=set())) == ({}, [])
    assert blame_by_majority({}) == ({}, [])


def test_whom_nobody_reaches():
    assert blame_by_majority(between("a", "b", "c", wrong={("a", "c"), ("b", "c")})) == ({(TO, "c"): ["a", "b"]}, [])


def test_who_reaches_nobody():
    assert blame_by_majority(between("a", "b", "c", wrong={("c", "a"), ("c", "b")})) == ({(FROM, "c"): ["a", "b"]}, [])


def test_two_that_nobody_reaches_do_not_put_the_blame_on_the_others():
    wrong = {(one, other) for one in "abcd" for other in "cd" if one != other}
    assert blame_by_majority(between("a", "b", "c", "d", wrong=wrong)) == (
        {(TO, "c"): ["a", "b", "d"], (TO, "d"): ["a", "b", "c"]},
        [],
    )


def test_most_of_the_others_are_enough():
    wrong = {("a", "d"), ("b", "d")}
    assert blame_by_majority(between("a", "b", "c", "d", wrong=wrong)) == ({(TO, "d"): ["a", "b"]}, [])


def test_one_pair_is_undecided():
    assert blame_by_majority(between("a", "b", "c", "d", wrong={("a", "d")})) == ({}, [("a", "d")])


def test_two_hosts_are_undecided():
    assert blame_by_majority(between("a", "b", wrong={("a", "b"), ("b", "a")})) == ({}, [("a", "b"), ("b", "a")])


def test_a_host_cut_off_in_both_directions():
    wrong = {pair for pair in permutations("abc", 2) if "c" in pair}
    assert blame_by_majority(between("a", "b", "c", wrong=wrong))[0] == {(TO, "c"): ["a", "b"], (FROM, "c"): ["a", "b"]}
