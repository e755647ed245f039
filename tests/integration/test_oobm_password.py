# SPDX-License-Identifier: GPL-3.0-or-later
"""A BMC's password is rotated through the simulator, with the real ipmitool and OpenIPMI's ipmi_sim, and where
CloudStack died between the BMC and its database."""

from __future__ import annotations

import pytest

from tests.integration.ipmi_bmc import OWNER, OWNER_PASSWORD, running_bmc
from tests.integration.modules import run_module
from tests.integration.test_configure_oobm import ADDRESS, registered  # noqa: F401 - a fixture

pytestmark = pytest.mark.full
POWER = ("chassis", "power", "status")


@pytest.fixture
def bmc(tmp_path):
    with running_bmc(tmp_path) as running:
        yield running


def test_rotation(registered, bmc, tmp_path):  # noqa: F811 - the fixture
    access = {
        "api_url": registered.endpoint,
        "api_key": registered.key,
        "api_secret": registered.secret,
        "ip_address": ADDRESS,
    }
    declared = {"address": "127.0.0.1", "port": str(bmc.port), "username": OWNER, "password": OWNER_PASSWORD}
    assert run_module("oobm", {**access, **declared}).changed
    path = tmp_path / "new" / "host1"
    path.parent.mkdir()
    rotate = {**access, "password": OWNER_PASSWORD, "new_password_file": str(path)}

    writes = registered.writes()
    predicted = run_module("oobm_password", rotate, check=True)
    assert predicted.changed and registered.writes() == writes and not list(path.parent.iterdir())

    done = run_module("oobm_password", rotate)
    assert done.changed
    password = path.read_text().strip()
    assert password not in done.text and OWNER_PASSWORD not in done.text
    assert bmc.ask(OWNER, password, *POWER).returncode == 0
    assert bmc.ask(OWNER, OWNER_PASSWORD, *POWER).returncode != 0
    assert not run_module("oobm", {**access, **declared, "password": password}).changed, "CloudStack has another one"
    assert not run_module("oobm_password", rotate).changed

    # The management server died when the BMC had the new password, and its database the old one.
    other = path.with_name("other")
    (path.parent / "other.pending").write_text("planted-secret2\n")
    (path.parent / "other.pending").chmod(0o600)
    assert bmc.ask(OWNER, password, "user", "set", "password", "2", "planted-secret2").returncode == 0
    repaired = run_module("oobm_password", {**rotate, "password": password, "new_password_file": str(other)})
    assert repaired.changed
    assert other.read_text() == "planted-secret2\n"
    assert not run_module("oobm", {**access, **declared, "password": "planted-secret2"}).changed
    assert "planted" not in repaired.text
