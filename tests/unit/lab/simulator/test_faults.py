# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults hit the calls that they are staged for, as often as told, and writes are counted."""

from __future__ import annotations

import pytest

ZONE = {"name": "z", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"}


@pytest.mark.parametrize(("kind", "status"), [("530", 530), ("401", 401), ("432", 432)])
def test_hits_the_next_calls_of_its_command(api, kind: str, status: int) -> None:
    api.faults.stage(kind, "listZones", 2)
    seen = [api.send("listPods").status_code, *(api.send("listZones").status_code for _ in range(3))]
    assert seen == [200, status, status, 200]


def test_heals(api) -> None:
    api.faults.stage("530", None, 5)
    api.faults.clear()
    assert api.send("listZones").status_code == 200


def test_an_unknown_kind_is_refused(api) -> None:
    with pytest.raises(ValueError, match="no such fault"):
        api.faults.stage("earthquake", None, 1)


def test_a_lost_job_has_neither_result_nor_text(api) -> None:
    zone = api("createZone", **ZONE)["zone"]["id"]
    api.faults.stage("lose-job", "createPhysicalNetwork", 1)
    lost = api.job("createPhysicalNetwork", name="n", zoneid=zone)
    assert (lost["jobstatus"], lost["jobresultcode"]) == (2, 530)
    assert "jobresult" not in lost


def test_only_changes_that_were_made_count(api) -> None:
    api("listZones")
    api("createZone", **ZONE)
    api("createZone", **ZONE)  # refused: the name is taken
    assert api.cloud.writes == 1
