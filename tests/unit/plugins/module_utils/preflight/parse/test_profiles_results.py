# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of the role preflight leave in a host's variables, by sections of the profile, and what is said where
they left nothing."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.profiles import read_probes, results_of

PORT = {
    "to": "host2",
    "address": "192.0.2.12",
    "port": 16514,
    "purpose": "migration TLS",
    "state": "open",
    "ms": 0.4,
    "text": "",
}
PROBES = {
    "path_mtu": {"outcomes": [], "heard": [{"from": "192.0.2.12"}]},
    "port_check": {"ports": [PORT]},
    "cpu_compare": {"cpu_compare": {"host2": "identical"}, "unknown": {}},
    "nfs_export_check": {"exports": None, "unknown": {"exports": "libnfs is not installed"}},
    "storage_pool_check": {"pools": []},
    "multicast_check": {"networks": []},
}
CLOCK = {"clock": {"offset_s": 0.0, "uncertainty_s": 0.01}, "unknown": {}}
ALL = {"__preflight_clock": CLOCK, "__preflight_probes": {"probes": PROBES}}
WHY = {"msg": "the plugin died"}
KNOWN = {"nfs": "libnfs is not installed"}
NOT_PROBED = dict.fromkeys(("ports", "cpu_compare", "nfs", "pools", "multicast", "paths"), "was not probed")


@pytest.mark.parametrize(
    ("changed", "unknown"),
    [
        ({}, KNOWN),
        ({"__preflight_probes": {}}, NOT_PROBED),
        ({"__preflight_probes": WHY}, dict.fromkeys(NOT_PROBED, "the plugin died")),
        # A host that gave no facts is not probed: that it tried no paths is not a gap of its own.
        ({"__preflight_probes": {"skipped": True}}, {key: why for key, why in NOT_PROBED.items() if key != "paths"}),
        (
            {"__preflight_probes": {"probes": {**PROBES, "port_check": {"failed": True, **WHY}}}},
            {**KNOWN, "ports": "the plugin died"},
        ),
        ({"__preflight_probes": {"probes": {"port_check": PROBES["port_check"]}}}, {**NOT_PROBED, "ports": None}),
        ({"__preflight_probes": {"probes": {**PROBES, "path_mtu": {"skipped": True}}}}, KNOWN),
        ({"__preflight_paths": WHY}, {**KNOWN, "paths": "the plugin died"}),
        ({"__preflight_clock": {"clock": None, "unknown": {"clock": "no seconds"}}}, {**KNOWN, "clock": "no seconds"}),
    ],
)
def test_what_is_not_known(changed, unknown):
    probes = read_probes("host1", results_of({**ALL, **changed}), {})
    assert probes["unknown"] == {section: why for section, why in unknown.items() if why}


def test_what_is_known():
    again = {"outcomes": [], "heard": [{"from": "192.0.2.13"}]}
    probes = read_probes("host1", results_of({**ALL, "__preflight_paths_again": again}), {})
    assert (probes["clock"], probes["ports"], probes["cpu_compare"]) == (CLOCK["clock"], [PORT], {"host2": "identical"})
    assert [each["from"] for each in probes["paths"]["heard"]] == ["192.0.2.12", "192.0.2.13"]


def test_nothing_at_all():
    assert set(read_probes("host1", results_of({}), {})["unknown"]) == {"clock", *NOT_PROBED}
