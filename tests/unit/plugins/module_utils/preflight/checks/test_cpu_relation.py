# SPDX-License-Identifier: GPL-3.0-or-later
"""What two CPUs are to each other. Whoever is asked first, the answers fit together."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.cpu_relation import relate
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import FactUnavailable, Profile
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["avx2", "vaes", "sha_ni", "pku", "erms"])
FLAGS = st.frozensets(NAMES)
FEATURES = st.dictionaries(NAMES, st.sampled_from(["require", "disable"]))


def by_flags(name, flags, **probes):
    return Profile(name, {"cpu": {"flags": sorted(flags)}}, probes=probes)


def by_libvirt(name, features, model="EPYC"):
    return Profile(name, {"libvirt": {"host_cpu": {"model": model, "features": features}}})


@given(FLAGS, FLAGS)
def test_flags_decide_by_inclusion(mine, theirs):
    relation = relate(by_flags("host4", mine), by_flags("host1", theirs))
    assert (relation.verdict == "identical") == (mine == theirs)
    assert (relation.verdict == "incompatible") == (not mine >= theirs)
    assert relation.goes_back == (mine <= theirs)
    assert set(relation.lacks) == theirs - mine


@given(FEATURES, FEATURES)
def test_what_one_lacks_the_other_has_besides(mine, theirs):
    there, back = (
        relate(by_libvirt("a", mine), by_libvirt("b", theirs)),
        relate(by_libvirt("b", theirs), by_libvirt("a", mine)),
    )
    assert (there.lacks, there.besides) == (back.besides, back.lacks)
    assert relate(by_libvirt("a", mine), by_libvirt("b", mine)).verdict == "identical"


def test_a_feature_that_is_not_named_is_as_in_the_model():
    """Opposite: what one side requires beside the model is not in the model; what it disables is."""
    relation = relate(by_libvirt("host4", {"vaes": "require"}), by_libvirt("host1", {"sha-ni": "disable"}))
    assert (relation.verdict, relation.besides) == ("superset", ("sha-ni", "vaes"))
    relation = relate(by_libvirt("host4", {}), by_libvirt("host1", {"vaes": "require"}))
    assert (relation.verdict, relation.lacks) == ("incompatible", ("vaes",))


def test_features_beside_different_models_say_nothing():
    with pytest.raises(FactUnavailable, match="cpu.flags"):
        relate(by_libvirt("host4", {}, "Opteron_G5"), by_libvirt("host1", {}))


def test_flags_that_no_guest_sees_do_not_count():
    assert (
        relate(by_flags("host4", {"avx2", "hypervisor", "nopl"}), by_flags("host1", {"avx2", "constant_tsc"})).verdict
        == "identical"
    )


@pytest.mark.parametrize(
    ("told", "back", "verdict", "goes_back"),
    [
        ("identical", "", "identical", True),
        ("superset", "", "superset", False),
        ("superset", "incompatible", "superset", False),
        ("superset", "superset", "identical", True),
        ("incompatible: vaes, avx2", "superset", "incompatible", True),
        ("error: no such file", "", "identical", True),  # libvirt gave no verdict: flags decide
    ],
)
def test_libvirts_own_answer_counts(told, back, verdict, goes_back):
    relation = relate(
        by_flags("host4", {"avx2"}, cpu_compare={"host1": told}),
        by_flags("host1", {"avx2"}, cpu_compare={"host4": back}),
    )
    assert (relation.verdict, relation.goes_back) == (verdict, goes_back)
    if told.startswith("incompatible"):
        assert relation.lacks == ("avx2", "vaes")


def test_libvirts_answer_needs_no_features():
    asked = Profile("host4", {}, probes={"cpu_compare": {"host1": "incompatible"}})
    assert str(relate(asked, Profile("host1", {}))) == "incompatible"


@pytest.mark.parametrize(
    ("mine", "theirs", "movement"),
    [
        ({"avx2"}, {"avx2"}, "guests can come"),
        ({"avx2", "vaes"}, {"avx2"}, "guests can come, those that start here may not go back"),
        ({"avx2"}, {"avx2", "vaes"}, "guests cannot come, those that start here may go"),
        ({"avx2", "pku"}, {"avx2", "vaes"}, "guests cannot come, and those that start here may not leave"),
    ],
)
def test_what_it_means_for_guests_is_told(mine, theirs, movement):
    assert relate(by_flags("host4", mine), by_flags("host1", theirs)).movement == movement


def test_a_long_list_of_features_is_cut():
    names = [f"feature{number:02d}" for number in range(15)]
    assert "feature11 and 3 more" in str(relate(by_flags("host4", ()), by_flags("host1", names)))
