# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's XML: the CPU of host-model, and the frequency of the time stamp counter."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.libvirt_xml import (
    parse_cpu_models,
    parse_domain_machine,
    parse_host_cpu,
    parse_host_uuid,
    parse_tsc_mhz,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


@pytest.mark.parametrize(
    ("capture", "model", "required", "disabled", "missing"),
    [
        ("cpu_xml/dc1", "EPYC", "vaes", "sha-ni", "virt-ssbd"),
        ("cpu_xml/dc2", "Opteron_G5", "movbe", "xop", "virt-ssbd"),
        ("cpu_xml/dc3", "EPYC", "virt-ssbd", "monitor", "vaes"),
        ("domcapabilities/debian12_joined", "EPYC", "vaes", "osvw", "virt-ssbd"),
    ],
)
def test_host_cpu(capture, model, required, disabled, missing):
    cpu = parse_host_cpu(text(f"{capture}.xml"))
    assert (cpu["model"], cpu["vendor"], cpu["fallback"]) == (model, "AMD", "forbid")
    assert (cpu["features"][required], cpu["features"][disabled]) == ("require", "disable")
    assert missing not in cpu["features"]
    assert list(cpu["features"]) == sorted(cpu["features"])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_xml_for_virsh_is_what_virsh_was_given(number):
    """hypervisor-cpus.xml is what `virsh hypervisor-cpu-baseline` took; only the attributes of <cpu> differ, as virsh
    itself drops them."""
    taken = text("cpu_xml/hypervisor-cpus.xml").splitlines()[number - 1]
    body = taken.partition(">")[2].replace("'", '"').replace("/>", " />")
    assert parse_host_cpu(text(f"cpu_xml/dc{number}.xml"))["xml"] == f"<cpu>{body}"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "not its XML"),
        ("<capabilities/>", "domainCapabilities expected, not capabilities"),
        (
            "<domainCapabilities><cpu><mode name='host-model' supported='no'/></cpu></domainCapabilities>",
            "no host-model CPU",
        ),
        (
            "<domainCapabilities><cpu><mode "
            "name='host-model'><model>a</model><feature/></mode></cpu></domainCapabilities>",
            "a feature without a name",
        ),
        ("<?xml version='1.0' encoding='no-such'?><domainCapabilities/>", "cannot read virsh domcapabilities"),
        ("\ud800", "not its XML"),
    ],
)
def test_not_a_host_cpu(content, part):
    with pytest.raises(ParseError, match=part):
        parse_host_cpu(content)


def _capabilities(counter: str) -> str:
    return f"<capabilities><host><cpu><arch>x86_64</arch>{counter}</cpu></host></capabilities>"


@pytest.mark.parametrize(
    ("content", "mhz"),
    [
        (_capabilities("<counter name='tsc' frequency='2350000000' scaling='no'/>"), 2350),
        (_capabilities("<counter name='other' frequency='1'/>"), 0),
        (_capabilities(""), 0),
        ("<capabilities/>", 0),
    ],
)
def test_tsc(content, mhz):
    assert parse_tsc_mhz(content) == mhz


@pytest.mark.parametrize(("capture", "mhz"), [("debian12_invariant_tsc", 2445), ("debian12_joined", 0)])
def test_tsc_of_a_real_host(capture, mhz):
    """The second, emulated, has no invariant counter, and libvirt does not ask for its frequency then."""
    assert parse_tsc_mhz(text(f"capabilities/{capture}.xml")) == mhz


@pytest.mark.parametrize(
    "content", ["<domainCapabilities/>", "no XML", _capabilities("<counter name='tsc' frequency='²'/>")]
)
def test_not_the_capabilities(content):
    with pytest.raises(ParseError, match="virsh capabilities"):
        parse_tsc_mhz(content)


TAGS = [
    "capabilities",
    "domainCapabilities",
    "host",
    "cpu",
    "mode name='host-model'",
    "model",
    "feature",
    "feature name='a'",
    "counter name='tsc' frequency='x'",
]
TREES = st.recursive(
    st.sampled_from(["", "EPYC", "<vendor>AMD</vendor>", "&lt;"]),
    lambda inner: st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=3)).map(
        lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0].split()[0]}>"
    ),
)


@given(
    st.one_of(st.text(), TREES, TREES.map(lambda tree: f"<domainCapabilities><cpu>{tree}</cpu></domainCapabilities>"))
)
def test_garbage_is_a_value_or_a_parse_error(content):
    for parse in (parse_host_cpu, parse_tsc_mhz):
        try:
            parse(content)
        except ParseError as error:
            assert error.source.startswith("virsh ")


@pytest.mark.parametrize(
    ("capture", "uuid"),
    [
        ("debian12_joined", "5b742c4b-76d6-4af0-bb3c-738a8a54a341"),
        ("debian12_invariant_tsc", "58ed5725-ecae-4e2e-84a5-4873839b35db"),
    ],
)
def test_host_uuid(capture, uuid):
    assert parse_host_uuid(text(f"capabilities/{capture}.xml")) == uuid


def test_no_host_uuid():
    with pytest.raises(ParseError, match="no UUID"):
        parse_host_uuid("<capabilities><host/></capabilities>")


def test_cpu_models():
    models = parse_cpu_models(text("domcapabilities/debian12_joined.xml"))
    assert (models["qemu64"], models["phenom"]) == ("yes", "no")
    with pytest.raises(ParseError, match="custom"):
        parse_cpu_models("<domainCapabilities><cpu/></domainCapabilities>")


def test_the_machine_type_of_a_running_guest():
    assert parse_domain_machine(text("domstatus/debian12_guest.xml")) == "pc-i440fx-7.2"
    assert parse_domain_machine("<domstatus/>") is None
    with pytest.raises(ParseError):
        parse_domain_machine("<domain/>")
