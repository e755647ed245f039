# SPDX-License-Identifier: GPL-3.0-or-later
"""path_mtu as Ansible runs it. What it says of real wires: tests/integration/test_path_mtu.py."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import FAILURES, Outcome
from ansible_collections.cloudstack.kvm.plugins.modules import path_mtu

from tests.unit.plugins.modules.edge import run_module

PROBE = {"network": "net", "peer": "host2", "address": "198.51.100.77", "size": 1500}


def _run(capsys, **options):
    return run_module(
        path_mtu,
        capsys,
        **{"host": "host1", "networks": [{"name": "net", "device": "nosuchdev0"}], "probes": [PROBE], **options},
    )


@pytest.mark.parametrize("check", [True, False])
def test_nowhere_to_ask_from(capsys, check):
    """It is returned, so that what the host says of its other networks is not lost."""
    result = _run(capsys, check=check)
    assert result["changed"] is False
    outcome = Outcome.from_dict(result["outcomes"][0])
    assert (outcome.probe.host, outcome.probe.peer, outcome.failure, outcome.control) == (
        "host1",
        "host2",
        "no_address",
        False,
    )
    assert outcome.failure in FAILURES
    assert outcome.text.startswith("there is no device nosuchdev0, only ")
    assert (result["heard"], result["packets_sent"]) == ([], 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"probes": [{**PROBE, "size": 20}]},
            "host1: no IPv4 path is that small or large: host2. Expected: 68 to 65535. Observed: 20.",
        ),
        ({"count": 0}, "host1: count is out of bounds. Expected: 1 to 1000. Observed: 0."),
        ({"networks": [{"name": "net"}]}, "one of the following is required: device, source found in networks"),
    ],
)
def test_nonsense(capsys, options, message):
    result = _run(capsys, **options)
    assert result["failed"]
    assert result["msg"] == message


def test_every_key_of_the_result_is_documented(capsys):
    import yaml

    documented, result = yaml.safe_load(path_mtu.RETURN), _run(capsys)
    assert set(result) - {"changed", "diff", "invocation", "exception", "deprecations", "warnings"} == set(documented)
    assert set(result["outcomes"][0]) == set(documented["outcomes"]["contains"])
