# SPDX-License-Identifier: GPL-3.0-or-later
"""What FRR is told for VXLAN over EVPN, as a golden file that FRR's own parser accepts, and what is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.evpn import (
    evpn_problems,
    frr_config,
    is_foreign,
)

from tests.unit.plugins.captured import text

DECLARED = {
    "asn": 65011,
    "address": "203.0.113.11",
    "neighbors": [{"interface": "cloudbr1"}, {"address": "192.0.2.1", "asn": 65000}],
}
CONFIG = [{"name": "cloudbr1", "port": "eth1", "mtu": 1550}]
GOLDEN = text("frr/evpn.conf")
PAGE = (Path(__file__).parents[6] / "docs/network.md").read_text(encoding="utf-8")


def test_the_golden_file():
    assert evpn_problems(DECLARED, CONFIG) == []
    assert frr_config(DECLARED) == GOLDEN


@pytest.mark.skipif(not shutil.which("vtysh"), reason="FRR's own parser: vtysh is not installed here")
def test_frr_accepts_it(tmp_path):
    path = tmp_path / "frr.conf"
    path.write_text(GOLDEN, encoding="utf-8")
    done = subprocess.run(["vtysh", "-C", "-f", path], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_default_route_of_a_neighbour_is_not_taken():
    """It would lead the host's own traffic elsewhere."""
    neighbors = re.findall(r"^ neighbor (\S+) .*remote-as", GOLDEN, re.M)
    assert neighbors == ["cloudbr1", "192.0.2.1"]
    assert [f"  neighbor {each} route-map TUNNELS-ONLY in" in GOLDEN for each in neighbors] == [True, True]
    assert "permit 0.0.0.0/0 ge 32" in GOLDEN


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"asn": 0}, "asn 0"),
        ({"asn": "AS65011"}, "asn AS65011"),
        ({"address": "203.0.113.11/32"}, "address 203.0.113.11/32"),
        ({"address": "2001:db8::11"}, "address 2001:db8::11"),
        ({"neighbours": []}, "neighbours, which is not a key of it"),
        ({"neighbors": []}, "no neighbors"),
        ({"neighbors": "cloudbr1"}, "no neighbors"),
        ({"neighbors": ["cloudbr1"]}, "neighbor cloudbr1"),
        ({"neighbors": [{"asn": 65000}]}, "neighbor without interface and address: one of interface and address"),
        ({"neighbors": [{"address": "spine1"}]}, "neighbor spine1: not an IPv4 address"),
        ({"neighbors": [{"interface": "eth2\n!"}]}, "not the name of an interface"),
        ({"neighbors": [{"interface": "eth2", "asn": "any"}]}, "neighbor eth2: asn any"),
        ({"neighbors": [{"interface": "eth2", "password": "x"}]}, "password of neighbor eth2"),
        ({"neighbors": [{"interface": "cloudbr0"}]}, "MTU 1500 of cloudbr0"),
    ],
)
def test_what_cannot_work_is_told(change, says):
    config = [*CONFIG, {"name": "cloudbr0", "port": "eth0"}]
    problems = evpn_problems({**DECLARED, **change}, config)
    assert says in "; ".join(problems)


@pytest.mark.parametrize(("value", "problems"), [({}, []), ("yes", ["not a mapping"])])
def test_nothing_is_declared_or_something_else(value, problems):
    assert evpn_problems(value) == problems


@pytest.mark.parametrize(
    ("said", "foreign"),
    [
        ("", False),
        ("# default to using syslog.\nlog syslog informational\n", False),
        (GOLDEN, False),
        ("frr defaults traditional\n!\nrouter bgp 65000\n", True),
        ("router ospf\n", True),
    ],
)
def test_whose_configuration_it_is(said, foreign):
    assert is_foreign(said) is foreign


def test_the_example_of_the_page():
    blocks = re.findall(r"```yaml\n(network_bridge_config:\n.*?)```", PAGE, re.DOTALL)
    found = [block for block in blocks if "network_bridge_evpn:" in block]
    assert len(found) == 1
    example = yaml.safe_load(found[0])
    assert evpn_problems(example["network_bridge_evpn"], example["network_bridge_config"]) == []
