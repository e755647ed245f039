# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: only types are checked, scopes stand over the global value, some are never listed
(recorded/config.json)."""

from __future__ import annotations

import pytest

TIMEOUT = "kvm.ha.health.check.timeout"


@pytest.mark.parametrize("value", ["-5", "99999999999", " 10 "])
def test_neither_range_nor_spaces_are_checked(api, value: str) -> None:
    assert api("updateConfiguration", name=TIMEOUT, value=value)["configuration"]["value"] == value


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (TIMEOUT, "ten", "Value [ten] is not a valid [class java.lang.Long]."),
        (TIMEOUT, "", "Value [null] is not a valid [class java.lang.Long]."),
        ("vm.ha.enabled", "yes", "Value [yes] is not a valid [class java.lang.Boolean]."),
        ("no.such.setting", "1", "Config parameter with name no.such.setting doesn't exist"),
    ],
)
def test_refuses(api, name: str, value: str, text: str) -> None:
    assert api("updateConfiguration", name=name, value=value)["errortext"] == text


def test_a_scoped_value_stands_over_the_global_one_until_reset(api, simulated_host) -> None:
    cluster = simulated_host()["clusterid"]
    api("updateConfiguration", name=TIMEOUT, value="15", clusterid=cluster)
    api("updateConfiguration", name=TIMEOUT, value="12")

    def seen(**scope: str) -> str:
        return api("listConfigurations", name=TIMEOUT, **scope)["configuration"][0]["value"]

    assert (seen(), seen(clusterid=cluster)) == ("12", "15")
    assert api("resetConfiguration", name=TIMEOUT, clusterid=cluster)["configuration"]["scope"] == "Cluster"
    assert seen(clusterid=cluster) == "12"


def test_a_hidden_setting_is_written_but_not_listed(api) -> None:
    assert (
        api("updateConfiguration", name="kvm.guest.network.device", value="cloudbr0")["configuration"]["category"]
        == "Hidden"
    )
    assert api("listConfigurations", name="kvm.guest.network.device") == {}


def test_an_emptied_setting_shows_its_value_once(api) -> None:
    assert api("updateConfiguration", name="ha.tag", value="")["configuration"]["value"] == ""
    assert "value" not in api("listConfigurations", name="ha.tag")["configuration"][0]
