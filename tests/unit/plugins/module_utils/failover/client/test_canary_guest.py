# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary: made where the host is, found again by its name, removed with what was made for it."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import NoAnswer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.client.canary_guest import (
    OWN,
    deploy,
    remove,
    size_of,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import Canary

from tests.unit.plugins.scripted import ScriptedClient

ZONE = {"id": "z1", "networktype": "Advanced"}
NAME = "ha-drill-host1"
GUEST = {"id": "v1", "name": NAME, "state": "Running", "hostid": "h1", "hostname": "host1"}
OTHERS = [{"id": "v9", "name": f"{NAME}0", "state": "Running", "hostid": "h1"}]
OFFERING = {"id": "o1", "name": OWN, "offerha": True}
POOLS = [
    {"id": "p1", "type": "NetworkFilesystem", "ipaddress": "192.0.2.60", "path": "/export/primary"},
    {"id": "p2", "type": "RBD", "path": "rbd"},
]
VOLUMES = [
    {"virtualmachineid": "v9", "storageid": "p1", "path": "other"},
    {"virtualmachineid": "v1", "storageid": "p1", "path": "volume1"},
]
DISK = [("listStoragePools", POOLS), ("listVolumes", VOLUMES)]
MADE = Canary(NAME, "v1", "host1", "/mnt/p1", "nfs://192.0.2.60/export/primary", "volume1")


def guests(*found):
    return ("listVirtualMachines", [*OTHERS, *found])


def made(script, network="", offering="", zone=None):
    client = ScriptedClient(*script)
    canary = deploy(client, zone or ZONE, "h1", NAME, "canary", offering, network)
    assert not client.script
    return canary, client


DEPLOY = ("deployVirtualMachine", {"virtualmachine": {"id": "v1"}})
TEMPLATE = ("listTemplates", [{"id": "t0", "name": "canary"}, {"id": "t1", "name": "canary", "isready": True}])


def test_everything_is_made_that_is_not_given():
    canary, client = made(
        [
            guests(),
            ("listNetworks", []),
            ("listNetworkOfferings", [{"id": "l2", "name": "DefaultL2NetworkOffering"}]),
            ("createNetwork", {"network": {"id": "n1"}}),
            TEMPLATE,
            ("listServiceOfferings", []),
            ("createServiceOffering", {"serviceoffering": {"id": "o1"}}),
            DEPLOY,
            guests(GUEST),
            *DISK,
        ]
    )
    assert canary == MADE
    sent = dict(client.sent)
    assert sent["createServiceOffering"]["offerha"] == "true"
    wanted = {"hostid": "h1", "networkids": "n1", "templateid": "t1", "serviceofferingid": "o1", "name": NAME}
    assert wanted.items() <= sent["deployVirtualMachine"].items()


def test_what_is_named_is_used():
    _canary, client = made(
        [
            guests(),
            ("listNetworks", [{"id": "n9", "name": "isolated"}]),
            TEMPLATE,
            ("listServiceOfferings", [{"id": "o9", "name": "tiny", "offerha": True}]),
            DEPLOY,
            guests(GUEST),
            *DISK,
        ],
        network="isolated",
        offering="tiny",
    )
    sent = dict(client.sent)["deployVirtualMachine"]
    assert (sent["networkids"], sent["serviceofferingid"]) == ("n9", "o9")


def test_a_basic_zone_needs_no_network():
    script = [guests(), TEMPLATE, ("listServiceOfferings", [OFFERING]), DEPLOY, guests(GUEST), *DISK]
    _canary, client = made(script, zone={"id": "z1", "networktype": "Basic"})
    assert "networkids" not in dict(client.sent)["deployVirtualMachine"]


def test_one_that_an_interrupted_run_has_made_is_kept():
    assert made([guests(GUEST), *DISK])[0] == MADE


def test_one_of_an_earlier_drill_goes_first():
    """It runs elsewhere: its journal is that of another drill."""
    old = {**GUEST, "hostid": "h2"}
    script = [
        guests(old),
        guests(old),
        ("destroyVirtualMachine", {}),
        ("listNetworks", []),
        ("listServiceOfferings", []),
    ]
    script += [guests(), TEMPLATE, ("listServiceOfferings", [OFFERING]), DEPLOY, guests(GUEST), *DISK]
    script.remove(guests())
    canary, client = made(script, zone={"id": "z1", "networktype": "Basic"})
    assert canary == MADE
    assert dict(client.sent)["destroyVirtualMachine"] == {"id": "v1", "expunge": "true"}


@pytest.mark.parametrize(("there", "lost"), [([GUEST], False), ([], True)])
def test_an_answer_that_got_lost_is_looked_up(there, lost):
    script = [guests(), TEMPLATE, ("listServiceOfferings", [OFFERING]), ("deployVirtualMachine", NoAnswer("no answer"))]
    script += [guests(*there)] + ([] if lost else [guests(GUEST), *DISK])
    basic = {"id": "z1", "networktype": "Basic"}
    if lost:
        with pytest.raises(NoAnswer):
            made(script, zone=basic)
    else:
        assert made(script, zone=basic)[0] == MADE


def test_one_that_started_on_another_host_is_no_canary():
    script = [guests(), TEMPLATE, ("listServiceOfferings", [OFFERING]), DEPLOY, guests({**GUEST, "hostid": "h2"})]
    with pytest.raises(ApiError, match="the canary does not run on the host of the drill"):
        made(script, zone={"id": "z1", "networktype": "Basic"})


def test_a_disk_that_hosts_do_not_mount_has_no_path():
    volumes = [{"virtualmachineid": "v1", "storageid": "p2", "path": "volume1"}]
    canary, _client = made([guests(GUEST), ("listStoragePools", POOLS), ("listVolumes", volumes)])
    assert (canary.pool, canary.volume) == ("", "")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([("listTemplates", [{"id": "t0", "name": "canary"}])], "there is no template canary that is ready"),
        ([TEMPLATE, ("listServiceOfferings", [OFFERING])], "there is no serviceoffering tiny"),
    ],
)
def test_what_is_named_must_be_there(script, words):
    with pytest.raises(InputError, match=words):
        made([guests(), *script], offering="tiny", zone={"id": "z1", "networktype": "Basic"})


def test_a_network_that_is_named_must_be_there():
    with pytest.raises(InputError, match="there is no network isolated.*CloudStack has n"):
        made([guests(), ("listNetworks", [{"id": "n1", "name": "n"}])], network="isolated")


def test_it_is_removed_with_what_was_made_for_it_and_nothing_else():
    networks = [{"id": "n1", "name": OWN}, {"id": "n2", "name": "isolated"}]
    offerings = [OFFERING, {"id": "o2", "name": "tiny"}]
    script = [guests(GUEST), ("destroyVirtualMachine", {}), ("listNetworks", networks)]
    script += [("listServiceOfferings", offerings), ("deleteNetwork", {}), ("deleteServiceOffering", {})]
    client = ScriptedClient(*script)
    assert remove(client, "z1", NAME) is True
    sent = dict(client.sent)
    assert (sent["deleteNetwork"], sent["deleteServiceOffering"]) == ({"id": "n1"}, {"id": "o1"})
    again = ScriptedClient(guests(), ("listNetworks", networks[1:]), ("listServiceOfferings", offerings[1:]))
    assert remove(again, "z1", NAME) is False


def test_its_size():
    assert size_of(ScriptedClient(), "") == (500, 256 * 2**20)
    tiny = {"id": "o9", "name": "tiny", "offerha": True, "cpunumber": 2, "cpuspeed": 1000, "memory": 128}
    assert size_of(ScriptedClient(("listServiceOfferings", [tiny])), "tiny") == (2000, 128 * 2**20)
    with pytest.raises(InputError, match="the canary would not be started again"):
        size_of(ScriptedClient(("listServiceOfferings", [{**tiny, "offerha": False}])), "tiny")
