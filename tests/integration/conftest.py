# SPDX-License-Identifier: GPL-3.0-or-later
"""What integration tests stand on: the simulator alone, an inventory of one's own, and the container lab."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.lab import Lab
from tests.integration.simulator import ROOT, Simulator, run_simulator

CLUSTER = yaml.safe_load((ROOT / "inventories" / "lab" / "group_vars" / "cluster1.yml").read_text())


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An empty CloudStack without hosts, for this test alone."""
    with run_simulator() as running:
        yield running


@pytest.fixture
def inventory(tmp_path: Path):
    """Writes an inventory: hosts with their variables, all in cluster1 with the values of the lab unless told
    otherwise."""

    def write(hosts: dict[str, dict], **variables) -> Path:
        own = {key: value for key, value in CLUSTER.items() if not key.startswith("oobm_")}
        group = {"hosts": hosts, "vars": {**own, **variables}}
        path = tmp_path / "hosts.yml"
        path.write_text(yaml.safe_dump({"kvm_hosts": {"children": {"cluster1": group}}}))
        path.chmod(0o600)
        return path

    return write


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The container lab: booted once, faults healed after every test that stages some (fixture `healthy`)."""
    if subprocess.run(["podman", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("podman is not installed: run lab/labctl setup")
    running = Lab()
    running.up()
    yield running
    running.heal()


@pytest.fixture
def healthy(lab: Lab) -> Iterator[Lab]:
    """The lab without faults, before and after."""
    lab.heal()
    yield lab
    lab.heal()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the lab is marked so: `make modules` and `make hosts` choose by the marker."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.lab)
