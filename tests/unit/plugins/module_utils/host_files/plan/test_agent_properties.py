# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.properties is edited key by key: what is not named stays, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import (
    escape,
    key_of,
    parse_properties,
    unescape,
    without_secrets,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.agent_properties import (
    edit,
    plan_properties,
)
from hypothesis import given
from hypothesis import strategies as st

TEXT = "#Storage\nworkers=5\nhost.reserved.mem.mb=1024\nkeystore.passphrase=s3cret\nworkers=7\n"


def _after(wanted, text=TEXT, **more):
    return edit(text, plan_properties("p", text, wanted, **more))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"workers": 7}, TEXT),
        ({"workers": 8}, TEXT.replace("workers=5", "workers=8").replace("workers=7\n", "")),
        ({"host.reserved.mem.mb": None}, TEXT.replace("host.reserved.mem.mb=1024\n", "")),
        ({"guest.cpu.mode": "host-model"}, TEXT + "guest.cpu.mode=host-model\n"),
        ({"guest.cpu.mode": None}, TEXT),
    ],
)
def test_edit(wanted, expected):
    assert _after(wanted) == expected
    assert not plan_properties("p", expected, wanted)


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ({"guid": "x"}, "CloudStack's own key"),
        ({"host.reserved.mem.mbb": 1}, "did you mean host.reserved.mem.mb"),
        ({"workers": "many"}, "wrong type"),
    ],
)
def test_refused(wanted, part):
    with pytest.raises(InputError, match=part):
        plan_properties("p", TEXT, wanted)


def test_unknown_key_on_request():
    assert _after({"my.key": "a b"}, allow_unknown=True).endswith("my.key=a b\n")


def test_secrets_are_not_shown():
    assert "keystore.passphrase" not in without_secrets(parse_properties(TEXT))
    [change] = plan_properties("p", TEXT, {"my.password": "s3cret"}, allow_unknown=True)
    assert change.secret


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_escaping_can_be_undone(value, key):
    line = f"{escape(key, key=True)}={escape(value)}"
    assert "\n" not in line
    assert unescape(escape(value)) == value
    assert key_of(line) == key
    assert parse_properties(line + "\n") == {key: value}


def test_file_of_a_real_host():
    text = (Path(__file__).parents[5] / "fixtures" / "agent.properties").read_text()
    assert parse_properties(text)["host"] == "10.88.0.254@static"
    assert edit(text, plan_properties("p", text, {"workers": 5})) == text
