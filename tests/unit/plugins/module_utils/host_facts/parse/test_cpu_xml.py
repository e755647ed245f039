# SPDX-License-Identifier: GPL-3.0-or-later
"""CPUs of three machines, and libvirt 9.0's own words (captured) about comparing them."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.cpu_xml import (
    Cpu,
    Difference,
    describe,
    difference,
    named_features,
    parse_compare,
    parse_cpu,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


def _cpu(name):
    return parse_cpu(text(f"cpu_xml/{name}.xml"))


@pytest.mark.parametrize(
    ("name", "model", "fallback", "features"),
    [
        ("dc1", "EPYC", "forbid", {"ss": "require", "vme": "disable"}),
        ("dc2", "Opteron_G5", "forbid", {"movbe": "require"}),
        ("dc3", "EPYC", "forbid", {"virt-ssbd": "require"}),
        ("cap1", "Opteron_G2", None, {"avx2": "require", "acpi": "require"}),
        ("cap2", "Opteron_G2", None, {"avx": "require"}),
        ("cap3", "Opteron_G2", None, {"avx2": "require"}),
    ],
)
def test_captured_cpus(name, model, fallback, features):
    cpu = _cpu(name)
    assert (cpu.model, cpu.vendor, cpu.fallback) == (model, "AMD", fallback)
    assert features.items() <= cpu.features.items()


def test_host_model_and_its_cpu_element_are_the_same():
    elements = text("cpu_xml/hypervisor-cpus.xml").splitlines()
    assert [parse_cpu(element) for element in elements] == [_cpu(name) for name in ("dc1", "dc2", "dc3")]


WIRES = (
    "3dnow",
    "3dnowext",
    "acpi",
    "clwb",
    "erms",
    "la57",
    "mpx",
    "ospke",
    "pcommit",
    "pks",
    "pku",
    "ss",
    "svme-addr-chk",
    "umip",
    "vaes",
    "vgif",
)


@pytest.mark.parametrize(
    ("host", "guest", "expected"),
    [
        ("dc1", "dc1", Difference((), (), True)),
        ("cap1", "cap2", Difference((), ("avx2", "bmi1", "bmi2"), True)),
        ("cap2", "cap1", Difference(("avx2", "bmi1", "bmi2"), (), True)),
        ("cap2", "cap3", Difference(("avx2", "bmi1", "bmi2"), WIRES, True)),
        ("dc1", "dc2", Difference((), (), False)),  # other models: neither says anything of what is in them
    ],
)
def test_difference_of_captured_cpus(host, guest, expected):
    assert difference(_cpu(host), _cpu(guest)) == expected


@pytest.mark.parametrize(
    ("host", "guest", "missing", "extra"),
    [
        (Cpu("A", features={"x": "require"}), Cpu("A", features={"x": "force"}), (), ()),
        (Cpu("A"), Cpu("A", features={"x": "require"}), ("x",), ()),
        (Cpu("A", features={"x": "disable"}), Cpu("A"), ("x",), ()),
        (Cpu("A", features={"x": "disable"}), Cpu("A", features={"x": "forbid"}), (), ()),
        (Cpu("A", features={"x": "disable"}), Cpu("A", features={"x": "require"}), ("x",), ()),
        (Cpu("A", features={"x": "require"}), Cpu("B"), (), ()),
        (
            Cpu("A", features={"x": "disable", "y": "disable"}),
            Cpu("B", features={"x": "require", "z": "require"}),
            ("x",),
            (),
        ),
        (Cpu("A", features={"x": "optional"}), Cpu("A", features={"x": "optional"}), (), ()),
    ],
)
def test_difference(host, guest, missing, extra):
    found = difference(host, guest)
    assert (found.missing, found.extra) == (missing, extra)
    swapped = difference(guest, host)
    assert (swapped.missing, swapped.extra) == (extra, missing)


@pytest.mark.parametrize(
    ("name", "status", "verdict", "reason"),
    [
        ("identical", 0, "identical", ""),
        ("superset", 0, "superset", ""),
        ("incompatible", 1, "incompatible", ""),
        ("incompatible_features", 1, "incompatible", "Host CPU does not provide required features: pni, svm"),
        ("incompatible_vendor", 1, "incompatible", "host CPU vendor does not match required CPU vendor Intel"),
        (
            "unknown_model",
            1,
            None,
            "Failed to compare hypervisor CPU with /dev/stdin: internal error: Unknown CPU model Zen9",
        ),
        ("read_only", 1, None, "operation forbidden: read only access prevents virConnectCompareHypervisorCPU"),
        ("no_cpu", 1, None, "does not contain any <cpu> element"),
        ("no_daemon", 1, None, "failed to connect to the hypervisor"),
    ],
)
def test_what_libvirt_says(name, status, verdict, reason):
    found = parse_compare(status, *text(f"cpu_compare/{name}.txt").split("--- stderr\n"))
    assert found[0] == verdict
    assert reason in found[1] if reason else found[1] == ""


def test_status_and_words_must_agree():
    assert (
        parse_compare(1, "CPU described in x is identical to the CPU provided by hypervisor on the host", "")[0] is None
    )
    assert parse_compare(None, "", "") == (None, "ended with None and without a word")


def test_one_line():
    reason = "Host CPU does not provide required features: svm, pni"
    assert named_features(reason) == ("pni", "svm")
    assert describe("incompatible", named_features(reason), reason) == "incompatible: pni, svm"
    assert describe("incompatible", (), "another vendor") == "incompatible: another vendor"
    assert describe("incompatible", (), "") == "incompatible"
    assert describe("superset", (), "x") == "superset"


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "<cpu",
        "<cpu/>",
        "<cpu><model> </model></cpu>",
        "<domain/>",
        "<domainCapabilities><cpu><mode name='host-model' supported='no'/></cpu></domainCapabilities>",
        "<!DOCTYPE cpu [<!ENTITY a 'b'>]><cpu><model>&a;</model></cpu>",
        "<?xml version='1.0' encoding='nonsense'?><cpu/>",
        "<cpu><model>\0</model></cpu>",
        "\ud800",
    ],
)
def test_what_is_no_cpu(bad):
    with pytest.raises(ParseError):
        parse_cpu(bad)


PIECES = [
    "<cpu>",
    "</cpu>",
    "<model>",
    "EPYC",
    "</model>",
    "<feature name='x'/>",
    "<feature/>",
    "<!--",
    "-->",
    "<!",
    "&",
    "'",
    ">",
    "\0",
    "é",
    "\n",
]
PIECES += [
    "<capabilities>",
    "<host>",
    "</host>",
    "</capabilities>",
    "<model fallback='forbid'>",
    "<feature policy='disable' name='y'/>",
]


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text()))
def test_garbage_is_a_cpu_or_a_parse_error(content):
    try:
        cpu = parse_cpu(content)
    except ParseError:
        return
    assert cpu.model
    assert all(cpu.features)


@given(st.integers(-1, 2) | st.none(), st.text(), st.text())
def test_garbage_is_no_verdict(status, stdout, stderr):
    verdict, reason = parse_compare(status, stdout, stderr)
    assert verdict is None
    assert reason


FEATURES = st.dictionaries(
    st.sampled_from("abcdef"), st.sampled_from(["require", "force", "disable", "forbid", "optional"])
)


@given(FEATURES, FEATURES, st.sampled_from("AB"))
def test_a_cpu_lacks_nothing_of_itself_and_differences_are_mirrored(one, other, model):
    host, guest = Cpu("A", features=one), Cpu(model, features=other)
    assert difference(host, host) == Difference((), (), True)
    there, back = difference(host, guest), difference(guest, host)
    assert (there.missing, there.extra, there.complete) == (back.extra, back.missing, back.complete)
    assert not set(there.missing) & set(there.extra)
