# SPDX-License-Identifier: GPL-3.0-or-later
"""The closing table of `make lab`."""

from __future__ import annotations

import pytest

from lab.control import result
from lab.control.topology import LabError

UP = {
    "type": "Routing", "ipaddress": "10.88.0.11", "zonename": "zone1", "podname": "pod1", "clustername": "cluster1",
    "clusterid": "c1",
    "state": "Up", "resourcestate": "Enabled", "details": {"secured": "true"},
    "outofbandmanagement": {"powerstate": "On"}, "hostha": {"haenable": True, "hastate": "Available"},
}  # fmt: skip
POOLS = [{"name": "primary1", "clusterid": "c1"}, {"name": "other", "clusterid": "c2"}]
EXPECTED = {"host1": "10.88.0.11", "host2": "10.88.0.12"}


def test_a_host_that_cloudstack_does_not_know_has_its_row() -> None:
    rows = result.rows([UP], POOLS, EXPECTED)
    assert rows[0] == ("host1", "zone1/pod1/cluster1", "Up", "Enabled", "true", "On", "Available", "primary1")
    assert rows[1][:2] == ("host2", "not registered")
    assert len(rows[1]) == len(rows[0]) == len(result.COLUMNS)


def test_without_out_of_band_management_the_table_says_so() -> None:
    bare = {key: value for key, value in UP.items() if key not in ("outofbandmanagement", "hostha")}
    assert result.rows([bare], [], {"host1": "10.88.0.11"})[0][5:] == ("not configured", "not configured", "none")


OFF = {"haenable": False, "hastate": "Disabled"}
STATUS = [
    ("all is well", {}, True, 0),
    ("host HA is not enabled", {"hostha": OFF}, True, 1),
    ("nor asked for", {"hostha": OFF}, False, 0),
    ("no power state", {"outofbandmanagement": {"powerstate": "Unknown"}}, True, 1),
    ("the agent is away", {"state": "Alert"}, False, 1),
]


@pytest.mark.parametrize(("_case", "change", "ha", "status"), STATUS, ids=[row[0] for row in STATUS])
def test_the_exit_status(monkeypatch, _case: str, change: dict, ha: bool, status: int) -> None:
    class Api:
        def listHosts(self, **_: object) -> list[dict]:  # noqa: N802 - the API's own name
            return [{**UP, **change}]

        def listStoragePools(self, **_: object) -> list[dict]:  # noqa: N802
            return POOLS

    monkeypatch.setattr(result, "client", lambda _credentials: Api())
    assert result.show({}, {"host1": "10.88.0.11"}, ha=ha) == status


def test_advice_begins_with_the_hosts_that_are_not_well() -> None:
    advice = result.advice(result.rows([UP, {**UP, "ipaddress": "10.88.0.12", "state": "Alert"}], POOLS, EXPECTED))
    assert advice[0].startswith("host2 is not as it should be")
    assert "--limit host2" in advice[1]
    well = result.advice(result.rows([UP], POOLS, {"host1": "10.88.0.11"}))
    assert "not as it should be" not in well[0] and not any("enable_ha" in line for line in well)


def test_advice_names_the_hosts_that_host_ha_does_not_watch() -> None:
    hosts = [{**UP, "hostha": OFF}, {**UP, "ipaddress": "10.88.0.12", "state": "Alert", "hostha": OFF}]
    advice = result.advice(result.rows(hosts, POOLS, EXPECTED))
    assert "host HA is not Available: lab/labctl play playbooks/enable_ha.yml --limit host1" in advice


def test_columns_are_aligned() -> None:
    lines = result.table(result.rows([UP], POOLS, EXPECTED)).splitlines()
    at = lines[0].index("agent")
    assert lines[1][at:].startswith("Up") and lines[2][at:].startswith("-")


def test_an_error_shows_no_key_and_no_signature() -> None:
    """As requests says it: the library asks with GET, so the request holds both."""
    said = "HTTPConnectionPool(host='10.88.0.254', port=8080): Max retries exceeded with url: /client/api{query} (Caused by x)"  # noqa: E501
    shown = result.hide_queries(said.format(query="?type=Routing&apiKey=KEY&signature=abc%3D"))
    assert shown == said.format(query="?...")
    credentials = {
        "CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api",
        "CLOUDSTACK_KEY": "the-key",
        "CLOUDSTACK_SECRET": "the-secret",
    }
    with pytest.raises(LabError) as caught:
        result.show(credentials, EXPECTED)
    assert "the API does not answer as it should" in str(caught.value)
    for part in ("the-key", "the-secret", "signature"):
        assert part not in str(caught.value)
    assert caught.value.__cause__ is None
