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
    "outofbandmanagement": {"powerstate": "On"},
}  # fmt: skip
POOLS = [{"name": "primary1", "clusterid": "c1"}, {"name": "other", "clusterid": "c2"}]
EXPECTED = {"host1": "10.88.0.11", "host2": "10.88.0.12"}


def test_a_host_that_cloudstack_does_not_know_has_its_row() -> None:
    rows = result.rows([UP], POOLS, EXPECTED)
    assert rows[0] == ("host1", "zone1/pod1/cluster1", "Up", "Enabled", "true", "On", "primary1")
    assert rows[1][:2] == ("host2", "not registered")


def test_without_out_of_band_management_the_table_says_so() -> None:
    bare = {key: value for key, value in UP.items() if key != "outofbandmanagement"}
    assert result.rows([bare], [], {"host1": "10.88.0.11"})[0][5:] == ("not configured", "none")


def test_advice_begins_with_the_hosts_that_are_not_well() -> None:
    advice = result.advice(result.rows([UP, {**UP, "ipaddress": "10.88.0.12", "state": "Alert"}], POOLS, EXPECTED))
    assert advice[0].startswith("host2 is not as it should be")
    assert "--limit host2" in advice[1]
    assert "not as it should be" not in result.advice(result.rows([UP], POOLS, {"host1": "10.88.0.11"}))[0]


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
