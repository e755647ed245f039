# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's list of machine types."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.machine_types import parse_machine_types
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

HEAD = "Supported machines are:\n"
EL9 = (
    HEAD
    + "pc                   RHEL 7.6.0 PC (i440FX + PIIX, 1996) (alias of pc-i440fx-rhel7.6.0)\n"
    + "pc-i440fx-rhel7.6.0  RHEL 7.6.0 PC (i440FX + PIIX, 1996) (default) (deprecated)\n"
    + "q35                  RHEL-9.2.0 PC (Q35 + ICH9, 2009) (alias of pc-q35-rhel9.2.0)\n"
    + "pc-q35-rhel9.2.0     RHEL-9.2.0 PC (Q35 + ICH9, 2009)\n"
    + "none                 empty machine\n"
)


def test_debian_12():
    found = parse_machine_types(text("machine_help/debian12_qemu72.txt"))
    assert found["aliases"] == {"pc": "pc-i440fx-7.2", "q35": "pc-q35-7.2"}
    assert {"pc-i440fx-7.2", "pc-q35-7.2", "pc-q35-2.4", "microvm"} <= set(found["types"])
    assert not {"pc", "q35"} & set(found["types"])
    assert found["types"] == sorted(found["types"])


def test_enterprise_linux_9():
    assert parse_machine_types(EL9) == {
        "types": ["none", "pc-i440fx-rhel7.6.0", "pc-q35-rhel9.2.0"],
        "aliases": {"pc": "pc-i440fx-rhel7.6.0", "q35": "pc-q35-rhel9.2.0"},
    }


@pytest.mark.parametrize(
    ("content", "part"), [("", "no list of machines"), ("qemu: error\n", "no list"), (f"{HEAD}pc\n", "line 2")]
)
def test_not_the_list(content, part):
    with pytest.raises(ParseError, match=part):
        parse_machine_types(content)


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([HEAD, "pc ", " (alias of ", "x)", "\n", "("]), max_size=30).map("".join)
    )
)
def test_garbage_is_a_value_or_a_parse_error(content):
    try:
        assert set(parse_machine_types(content)) == {"types", "aliases"}
    except ParseError as error:
        assert error.source == "qemu -machine help"
