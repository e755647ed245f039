# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own channel: what it shows, and an empty cloud on demand."""

from __future__ import annotations

import pytest

from lab.simulator import admin


@pytest.fixture
def channel(api):
    """The admin channel of the same cloud."""
    return admin.create_app(api.cloud, api.faults).test_client()


def test_counts_writes_and_forgets_them(api, channel, simulated_host) -> None:
    simulated_host()
    assert channel.get("/writes").get_json() == {"count": 4}
    assert channel.post("/reset").get_json() == {"reset": True}
    assert channel.get("/writes").get_json() == {"count": 0}
    assert api("listZones") == {}


def test_shows_rows_without_passwords(api, channel, simulated_host) -> None:
    host = simulated_host()["id"]
    bmc = {
        "driver": "ipmitool",
        "address": "192.0.2.9",
        "port": "623",
        "username": "ADMIN",
        "password": "planted-secret",
    }
    api("configureOutOfBandManagement", hostid=host, **bmc)
    answer = channel.get("/state")
    assert [row["uuid"] for row in answer.get_json()["host"]] == [host]
    assert "planted-secret" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("body", "status"), [({"kind": "530", "command": "listZones"}, 200), ({"kind": "earthquake"}, 400), ({}, 400)]
)
def test_stages_faults(api, channel, body: dict, status: int) -> None:
    assert channel.post("/faults", json=body).status_code == status
    assert api.send("listZones").status_code == (530 if status == 200 else 200)
    channel.delete("/faults")
    assert api.send("listZones").status_code == 200
