# SPDX-License-Identifier: GPL-3.0-or-later
"""What CloudStack takes without a word is refused before anything is sent."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.preconditions import (
    one_tag,
    range_in_its_net,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError

GOOD = {"gateway": "172.30.0.1", "netmask": "255.255.255.0", "start_ip": "172.30.0.10", "end_ip": "172.30.0.20"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"end_ip": None},
        {"start_ip": None, "end_ip": None},
        {"gateway": None},  # an existing pod, of which only a part is declared
        {"netmask": None, "start_ip": "10.0.0.1", "end_ip": "10.0.0.1"},
        {"gateway": "172.30.0.21"},
        {"end_ip": "172.30.0.10"},
    ],
)
def test_passes(more: dict) -> None:
    range_in_its_net({**GOOD, **more})


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"start_ip": "172.30.0.90", "end_ip": "172.30.0.80"}, "the range runs from high to low"),
        ({"start_ip": "172.30.0.90", "end_ip": "172.30.0.80", "gateway": None}, "the range runs from high to low"),
        ({"start_ip": "10.0.0.5"}, "start_ip is outside of the net of its gateway"),
        ({"end_ip": "172.30.1.5"}, "end_ip is outside of the net of its gateway"),
        ({"gateway": "172.30.0.15"}, "the gateway is inside the range"),
        ({"gateway": "172.30.0.200", "end_ip": None}, "the gateway is inside the range"),
        ({"start_ip": "172.30.0.300"}, "start_ip is not an IPv4 address"),
        ({"gateway": "gw"}, "gateway is not an IPv4 address"),
        ({"netmask": "24"}, "netmask is not a netmask"),
        ({"netmask": "255.0.255.0"}, "netmask is not a netmask"),
    ],
)
def test_refuses(more: dict, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        range_in_its_net({**GOOD, **more})


@pytest.mark.parametrize("tags", [None, [], ["t1"]])
def test_one_tag_passes(tags: list | None) -> None:
    one_tag({"tags": tags})


def test_two_tags_are_refused() -> None:
    with pytest.raises(InputError, match="one tag at most"):
        one_tag({"tags": ["t1", "t2"]})
