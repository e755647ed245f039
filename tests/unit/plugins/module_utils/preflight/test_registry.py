# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is odd: what is declared decides, then the members, then the majority; a tie is told, never decided."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.catalogue import CHECKS
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    FAILED,
    UNDECIDED,
    UNKNOWN,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import Cluster, Profile
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    HOST,
    check,
    odd_ones,
    same,
    show,
    split,
)
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.sampled_from(["v1", "v2", "v3"])
# Host name -> (value, whether it is a member).
FLEETS = st.dictionaries(st.from_regex(r"host[1-9]", fullmatch=True), st.tuples(VALUES, st.booleans()), min_size=1)
JSON = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
)
KNOWN_OR_NOT = st.one_of(st.none(), VALUES)


def values_of(fleet):
    return {name: value for name, (value, _member) in fleet.items()}


def members_of(fleet):
    return [name for name, (_value, member) in fleet.items() if member]


def blamed(problems):
    return {name for problem in problems for name in problem.hosts}


@given(FLEETS, VALUES)
def test_declared_wins(fleet, declared):
    problems = list(odd_ones(values_of(fleet), declared, members=members_of(fleet)))
    assert blamed(problems) == {name for name, value in values_of(fleet).items() if value != declared}
    assert all(problem.kind == FAILED and "declared" in problem.expected for problem in problems)


@given(FLEETS)
def test_members_that_agree_are_never_blamed(fleet):
    values, members = values_of(fleet), members_of(fleet)
    if len({values[name] for name in members}) == 1:
        wanted = values[members[0]]
        assert blamed(odd_ones(values, members=members)) == {name for name, value in values.items() if value != wanted}


@given(FLEETS)
def test_without_a_rule_hosts_are_equal_or_somebody_is_named(fleet):
    """What differs is told: by more than half of all hosts against the others, or as undecided with all of them."""
    values = values_of(fleet)
    problems = list(odd_ones(values))
    assert bool(problems) == (len(set(values.values())) > 1)
    if problems and problems[0].kind == UNDECIDED:
        assert [problem.hosts for problem in problems] == [tuple(sorted(values))]
        assert all(sum(value == one for value in values.values()) * 2 <= len(values) for one in values.values())
    elif problems:
        right = set(values) - blamed(problems)
        assert len(right) * 2 > len(values)
        assert len({values[name] for name in right}) == 1


@given(FLEETS)
def test_a_majority_says_that_it_decided(fleet):
    """Never silently: who is blamed by count reads the count, and the hosts that it is compared with."""
    values = values_of(fleet)
    for problem in odd_ones(values):
        if problem.kind == FAILED:
            assert f"as on {len(problem.others)} of {len(values)} hosts" in problem.expected
            assert values[problem.others[0]] in problem.expected
            assert problem.observed == values[problem.hosts[0]]


@given(FLEETS, st.one_of(st.none(), VALUES), st.randoms(use_true_random=False))
def test_the_order_of_hosts_does_not_matter(fleet, declared, random):
    shuffled = list(fleet)
    random.shuffle(shuffled)
    other = {name: fleet[name] for name in shuffled}
    assert list(odd_ones(values_of(fleet), declared, members=members_of(fleet))) == list(
        odd_ones(values_of(other), declared, members=members_of(other))
    )


@given(st.dictionaries(st.from_regex(r"host[1-9]", fullmatch=True), st.tuples(KNOWN_OR_NOT, st.booleans()), min_size=1))
def test_what_is_not_known_is_told_and_judges_nobody(fleet):
    hosts = [
        Profile(name, {"cgroup": value, "unknown": {"cgroup": "no such file"}}, member=member)
        for name, (value, member) in fleet.items()
    ]
    problems = list(same(hosts, Cluster(), "cgroup"))
    without = {name for name, (value, _member) in fleet.items() if value is None}
    unknowns = [problem for problem in problems if problem.kind == UNKNOWN]
    assert blamed(unknowns) == without
    assert all("no such file" in problem.observed for problem in unknowns)
    rest = [problem for problem in problems if problem.kind != UNKNOWN]
    known = {name: (value, member) for name, (value, member) in fleet.items() if value is not None}
    assert rest == list(odd_ones(values_of(known), members=members_of(known)))


@given(
    st.recursive(
        st.one_of(st.integers(), st.text(max_size=3)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    )
)
def test_any_fact_can_be_compared(value):
    """JSON values, nested as they are, can be counted and shown."""
    hosts = [Profile(name, {"fact": value}) for name in ("host1", "host2")]
    values, unknowns = split(hosts, "fact")
    assert not unknowns
    assert len(set(values.values())) == 1
    assert isinstance(show(values["host1"]), str)


def test_a_declared_list_is_compared_with_a_fact_from_json():
    hosts = [Profile("host1", {"list": ["a", "b"]})]
    assert not list(same(hosts, Cluster(declared={"list": ["a", "b"]}), "list"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, "no"), ((), "none"), ({"b", "a"}, "a, b"), (("x", True), "x, yes"), (7, "7")],
)
def test_values_are_shown_in_words(value, text):
    assert show(value) == text


def test_a_declaration_that_makes_no_sense_is_refused():
    def documented(host, cluster, policy):
        """Text."""

    for name, severity, scope in (
        ("cpu1", ERROR, HOST),
        ("XYZ001", "bad", HOST),
        ("XYZ001", ERROR, "fleet"),
        (next(iter(CHECKS)), ERROR, HOST),
    ):
        with pytest.raises(ValueError, match=name):
            check(name, "title", area="cpu", severity=severity, scope=scope, fix="repair it")(documented)
    with pytest.raises(ValueError, match="docstring"):
        check("XYZ001", "title", area="cpu", severity=ERROR, scope=HOST, fix="repair it")(
            lambda host, cluster, policy: ()
        )
