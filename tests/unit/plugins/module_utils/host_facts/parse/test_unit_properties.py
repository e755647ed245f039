# SPDX-License-Identifier: GPL-3.0-or-later
"""`systemctl show`: the states of units, the agent's unit and the time services."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.model.daemon import Moment
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.unit_properties import (
    agent_unit,
    parse_unit_properties,
    parse_units,
    running_time_services,
    unit_state,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text

AGENT = "cloudstack-agent.service"


def shown(**states):
    return (
        "\n\n".join(f"Id={name}.service\nNames={name}.service\nActiveState={state}" for name, state in states.items())
        + "\n"
    )


def test_agent_of_a_joined_host():
    assert agent_unit(text("systemctl_show/cloudstack-agent.txt"), AGENT) == {
        "active": "active",
        "enabled": "enabled",
        "restarts": 0,
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\nNRestarts=29",
            {"active": "activating", "enabled": "enabled", "restarts": 29},
        ),
        (
            "LoadState=not-found\nActiveState=inactive\nUnitFileState=\nNRestarts=0",
            {"active": "not-found", "enabled": "not-found", "restarts": 0},
        ),
        (
            "LoadState=masked\nActiveState=inactive\nUnitFileState=masked",
            {"active": "inactive", "enabled": "masked", "restarts": None},
        ),
    ],
)
def test_agent(content, expected):
    assert agent_unit(f"Id={AGENT}\nNames={AGENT}\n{content}\n", AGENT) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (shown(chrony="active", ntp="inactive"), "chrony"),
        (shown(chrony="inactive", ntp="inactive"), "none"),
        (shown(chronyd="active", ntpsec="active"), "chrony, ntp"),
        ("Id=chrony.service\nNames=chronyd.service chrony.service\nActiveState=active\n", "chrony"),
        ("Id=systemd-timesyncd.service\nNames=systemd-timesyncd.service\nActiveState=active\n", "systemd-timesyncd"),
    ],
)
def test_time_services(content, expected):
    assert running_time_services(content) == expected


@pytest.mark.parametrize("content", ["", "Unit chrony.service could not be found.\n", "ActiveState=active\n"])
def test_no_units(content):
    for parse in (running_time_services, lambda text: agent_unit(text, AGENT)):
        with pytest.raises(ParseError):
            parse(content)


PIECES = st.sampled_from(
    [
        "Id=",
        "Names=",
        AGENT,
        "chrony.service",
        "\n",
        "\n\n",
        "ActiveState=",
        "active",
        "NRestarts=",
        "9" * 5000,
        "²",
        "LoadState=loaded",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_garbage_is_a_value_or_a_parse_error(content):
    for parse in (
        parse_unit_properties,
        running_time_services,
        lambda text: agent_unit(text, AGENT),
        lambda text: parse_units(text, ["a"]),
    ):
        try:
            parse(content)
        except ParseError as error:
            assert "systemctl show" in str(error)


def test_units_have_the_name_that_was_asked_for():
    shown = "Id=chrony.service\nNames=chronyd.service chrony.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"  # noqa: E501
    missing = (
        "Id=x.service\nNames=x.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n"
    )
    state = {"load": "loaded", "active": "active", "sub": "running", "unit_file": "enabled"}
    assert parse_units(f"{shown}\n{missing}", ["chronyd.service", "x.service", "y.service"]) == {
        "chronyd.service": state,
        "x.service": {"load": "not-found", "active": "inactive", "sub": "dead", "unit_file": ""},
    }
    assert (
        parse_units(text("systemctl_show/libvirtd.txt"), ["libvirtd.service"])["libvirtd.service"]["active"] == "active"
    )


def test_no_unit_is_no_answer():
    """systemctl in a chroot: "Running in chroot, ignoring command", exit code 0."""
    with pytest.raises(ParseError, match="no unit"):
        parse_units("", ["a"])


STARTED = {"ExecMainStartTimestamp": "Sun 2026-11-29 10:59:55 UTC", "ExecMainStartTimestampMonotonic": "1099866174"}


def test_start_of_a_unit_is_known_by_both_clocks():
    assert unit_state(STARTED).started == Moment(1795949995.0, 1099.866174)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {**STARTED, "ExecMainStartTimestampMonotonic": "0"},
        {"ExecMainStartTimestamp": "", "ExecMainStartTimestampMonotonic": "0"},
    ],
)
def test_a_unit_without_a_process_has_no_start(values):
    assert unit_state(values).started is None


@pytest.mark.parametrize(
    "wrong", [{"ExecMainStartTimestamp": "Sun 2026-11-29 11:59:55 CET"}, {"ExecMainStartTimestampMonotonic": "soon"}]
)
def test_a_start_that_cannot_be_read(wrong):
    with pytest.raises(ParseError):
        unit_state({**STARTED, **wrong})
