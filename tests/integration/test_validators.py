# SPDX-License-Identifier: GPL-3.0-or-later
"""What the back ends' own tools say of our files. The unit tests ask them where they are installed, which they are on
no developer's machine; here they are, in a container."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from lab.control import podman
from tests import backend_host
from tests.backend_host import BackendHost
from tests.namespaces import ROOT
from tests.namespaces import missing as no_namespaces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces()),
    pytest.mark.skipif(bool(backend_host.missing()), reason=backend_host.missing()),
]

PACKAGES = ["frr", "netplan.io", "network-manager", "openvswitch-switch"]
UNIT = "tests/unit/plugins/module_utils/host_network"
ASKING = [f"{UNIT}/backends/test_round_trip.py", f"{UNIT}/plan/test_evpn.py"]


def test_every_tool_accepts_what_we_render():
    site = Path(pytest.__file__).parents[1]
    with BackendHost("validators", PACKAGES, [], {ROOT: str(ROOT), site: "/opt/tests"}) as host:
        found = host.sh("python3 --version")
        if found.split()[1].rpartition(".")[0] != "{}.{}".format(*sys.version_info):
            pytest.skip(f"the container has {found.strip()}, for which the environment of the tests is not made")
        line = "python3 -m pytest -q -rs -p no:cacheprovider"
        done = podman.podman(
            "exec", "-e", f"PYTHONPATH=/opt/tests:{ROOT}/collections", "-e", "PYTHONDONTWRITEBYTECODE=1",
            "-e", "HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis", "-w", str(ROOT), host.name,
            *line.split(), *ASKING, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout), done.stdout
    assert "skipped" not in done.stdout, done.stdout
