# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU speed as the agent finds it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.cpu_speed import (
    cpufreq_mhz,
    libvirt_mhz,
    lscpu_mhz,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


def _lscpu(**fields):
    return json.dumps(
        {"lscpu": [{"field": f"{name.replace('_', ' ')}:", "data": value} for name, value in fields.items()]}
    )


@pytest.mark.parametrize(
    ("fields", "mhz"),
    [
        ({"Model_name": "Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", "CPU_max_MHz": "3500.0000"}, 2600),
        ({"Model_name": "AMD EPYC 7763 64-Core Processor", "CPU_max_MHz": "3529.0520"}, 3529),
        ({"Model_name": "AMD EPYC 7763 64-Core Processor"}, 0),
        # Only the first line with "model name" counts, whatever the firmware says in the second ...
        ({"Model_name": "QEMU TCG CPU version 2.5+", "BIOS_Model_name": "pc-q35-10.0  CPU @ 2.0GHz"}, 0),
        # ... and where there is only one it counts.
        ({"BIOS_Model_name": "Cortex @ 2.0GHz"}, 2000),
        (
            {"Model_name": "CPU 2 60GHz", "CPU_max_MHz": "1000"},
            1000,
        ),  # the agent's pattern takes any character for the point, Java then fails
        ({"Model_name": "CPU @ 3GHz"}, 0),  # the pattern wants two digits
        ({"Model_name": None, "CPU_max_MHz": None}, 0),
        ({}, 0),
    ],
)
def test_lscpu(fields, mhz):
    assert lscpu_mhz(_lscpu(**fields)) == mhz


@pytest.mark.parametrize(("shown", "mhz"), [("2.01", 2010), ("2.30", 2300), ("3.70", 3700), ("8.03", 8029)])
def test_rounding_is_that_of_javas_floats(shown, mhz):
    assert lscpu_mhz(_lscpu(Model_name=f"CPU @ {shown}GHz")) == mhz


def test_a_real_host():
    """Its agent.log: lscpu and cpufreq gave nothing, then "Using the value [2596] provided by Libvirt."."""
    assert lscpu_mhz(text("lscpu/debian12_amd.json")) == 0
    assert libvirt_mhz(text("cpuinfo/debian12_amd.txt"), "x86_64") == 2596


def test_libvirt_takes_the_last_cpu():
    assert libvirt_mhz("processor : 0\ncpu MHz\t\t: 2000.5\n\nprocessor : 1\ncpu MHz\t\t: 3000.9\n", "x86_64") == 3000
    assert libvirt_mhz("BogoMIPS : 50.00\ncpu MHz : 2000\n", "aarch64") == 0


@pytest.mark.parametrize(("content", "mhz"), [("2450000\n", 2450), ("", 0), ("<unknown>", 0), ("²", 0)])
def test_cpufreq(content, mhz):
    assert cpufreq_mhz(content) == mhz


PIECES = st.lists(
    st.sampled_from(["Model name", "CPU max MHz", "cpu MHz", ":", "2.6", "GHz", "9" * 5000, " ", "\n", "²"]),
    max_size=10,
).map("".join)


@given(PIECES, st.one_of(PIECES, st.none(), st.integers()))
def test_garbage_is_a_value_or_a_parse_error(name, value):
    for content in (name, json.dumps({"lscpu": [{"field": name, "data": value}]}), json.dumps({"lscpu": value})):
        try:
            assert lscpu_mhz(content) >= 0
        except ParseError as error:
            assert error.source == "lscpu -J"
        assert libvirt_mhz(content, "x86_64") >= 0
        assert cpufreq_mhz(content) >= 0
