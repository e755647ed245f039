# SPDX-License-Identifier: GPL-3.0-or-later
"""Every simulated command against CloudStack's own table of its arguments: each one is honoured, or refused in words
that name it.

Honoured is what a recording that is told the same has used, what chooses among the rows of a list, or what READ_BACK
reads again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.simulator.records import Record
from lab.simulator.registry import COMMANDS, PAGING
from lab.simulator.table import Parameter, commands
from tests.contract.compare import read
from tests.contract.recordings import SERVERS, Exchange, load
from tests.contract.replay import Replay

# a word of each type; numbers are ids too
WORDS = {
    "integer": "1",
    "long": "1",
    "short": "1",
    "float": "1",
    "boolean": "true",
    "date": "2026-11-29",
    "tzdate": "2026-11-29",
    "uuid": "1",
}
NOTHING = {
    "uuid": "987654",
    "integer": "77",
}  # what no row has
# Calls that end in a refusal or in an empty list, whatever else they are told, as they were recorded; and two that read
# it elsewhere.
NO_ANSWER = {
    **{
        ("registerTemplate", argument): "no template can be registered (zone-ready.json, 97)"
        for argument in ("directdownload", "displaytext", "ispublic", "ostypeid", "requireshvm", "zoneid")
    },
    ("dedicateGuestVlanRange", "domainid"): "no range can be dedicated (arguments.json, 257)",
    ("addImageStore", "details"): "a store that needs some cannot be added (storage.json, 73)",
    ("updateHost", "url"): "refused for each host that is not a secondary storage (host-simulator.json)",
    ("updateHostPassword", "hostid"): "refused for hosts of other kinds than KVM (host-simulator.json)",
    ("listCapacity", "sortby"): "fails for the rows of a zone (zone-ready.json, 70)",
    (
        "deleteStoragePool",
        "forced",
    ): "changes nothing for a pool without volumes, and others are refused (storage.json, 59)",
    ("listApis", "name"): "a name without a call is an error (discovery.json)",
    ("listCaCertificate", "provider"): "tests/unit/lab/simulator/test_certificate.py",
    **{("listRouters", argument): "there are no routers" for argument in ("id", "projectid", *PAGING)},
    **{(command, "listall"): "there is one account" for command in ("listVirtualMachines", "listVolumes")},
    ("listVolumes", "listsystemvms"): "system VMs have no volumes here",
    ("deleteTemplate", "zoneid"): "a template that is registered here is in one zone",
    ("deployVirtualMachine", "startvm"): "tests/unit/lab/simulator/test_guests.py",
    ("destroyVirtualMachine", "expunge"): "tests/unit/lab/simulator/test_guests.py",
    ("startVirtualMachine", "hostid"): "tests/unit/lab/simulator/test_guests.py",
    ("migrateVirtualMachine", "autoselect"): "tests/unit/lab/simulator/test_guests.py",
    ("stopVirtualMachine", "forced"): "tests/unit/lab/simulator/test_guests.py",
    **{("listDedicatedGuestVlanRanges", argument): "no range can be dedicated" for argument in ("zoneid", *PAGING)},
    **{("listSimulatorHAStateTransitions", argument): "tests/unit/lab/simulator/test_ha.py" for argument in PAGING},
    ("issueCertificate", "provider"): "tests/unit/lab/simulator/test_certificate.py",
    ("provisionCertificate", "provider"): "tests/unit/lab/simulator/test_certificate.py",
}
SCOPES = ("accountid", "domainid", "imagestoreuuid", "storageid")
Z, N, P = "zone", "physicalnetwork", "pod"
# command, its other parameters (a name of a table stands for the UUID of its last row), argument, word, where it comes
# back
READ_BACK = [
    ("updateCluster", {"id": "cluster"}, "clustertype", "ExternalManaged"),
    ("addTrafficType", {"physicalnetworkid": N, "traffictype": "Vpn"}, "hypervnetworklabel", "hv"),
    ("addTrafficType", {"physicalnetworkid": N, "traffictype": "Control"}, "ovm3networklabel", "ovm"),
    *(
        ("updateTrafficType", {"id": "traffictype"}, f"{kind}networklabel", f"{kind}-new")
        for kind in ("hyperv", "ovm3", "vmware", "xen")
    ),
    ("updateZone", {"id": Z}, "internaldns1", "192.0.2.99"),
    ("updateNetworkOffering", {"id": "networkoffering"}, "displaytext", "another text"),
    ("updateNetworkOffering", {"id": "networkoffering"}, "name", "another name"),
    ("createRole", {"name": "r2"}, "description", "what it is for"),
    ("updateImageStore", {"id": "imagestore"}, "readonly", "true"),
    ("updateImageStore", {"id": "imagestore"}, "name", "another store"),
    (
        "createStoragePool",
        {"zoneid": Z, "podid": P, "clusterid": "cluster", "name": "np", "url": "nfs://192.0.2.80/export/np"},
        "provider",
        "DefaultPrimary",
    ),
    (
        "deployVirtualMachine",
        {
            "zoneid": Z,
            "serviceofferingid": "serviceoffering",
            "templateid": "template",
            "networkids": "network",
            "startvm": "false",
        },
        "displayname",
        "another one",
    ),
    ("updateVirtualMachine", {"id": "virtualmachine"}, "displayname", "a name to show"),
    ("updateVirtualMachine", {"id": "virtualmachine"}, "haenable", "true"),
    ("addAnnotation", {"entitytype": "HOST", "entityid": "host", "annotation": "n"}, "adminsonly", "true"),
]


def optional(name: str) -> list[Parameter]:
    """The arguments of a command that may be left out."""
    return [parameter for parameter in commands()[name].parameters.values() if not parameter.required]


def words(name: str, parameter: Parameter, word: str | None = None) -> dict[str, str]:
    """A call with all that it needs, and with one argument more."""
    call = {
        needed.name: WORDS.get(needed.type, "x") for needed in commands()[name].parameters.values() if needed.required
    }
    if parameter.type == "map":
        return {**call, f"{parameter.name}[0].key": "value"}
    return {**call, parameter.name: word or WORDS.get(parameter.type if parameter.items != "uuid" else "uuid", "x")}


@pytest.fixture(scope="module")
def server() -> Iterator[Replay]:
    """A server on which the wizard of the UI was gone through, and every optional argument was given."""
    replay = Replay()
    for topic in SERVERS["a second one"]:
        replay.run(load(topic))
    host = next(iter(replay.cloud.table("host")))
    replay.call(Exchange("", -1, ""), "addAnnotation", {"entitytype": "HOST", "entityid": host.uuid, "annotation": "x"})
    replay.call(Exchange("", -1, ""), "updateHost", {"id": host.uuid, "hosttags": "a,b"})
    replay.call(
        Exchange("", -1, ""), "dedicateZone", {"zoneid": _last(replay, "zone"), "domainid": _last(replay, "domain")}
    )
    replay.call(
        Exchange("", -1, ""),
        "dedicateCluster",
        {"clusterid": _last(replay, "cluster"), "domainid": _last(replay, "domain")},
    )
    _add_guest(replay, host)
    yield replay
    replay.close()


def _add_guest(replay: Replay, host: Record) -> None:
    """A guest that runs on that host."""
    cloud, words = replay.cloud, {"zoneid": replay.cloud.get("zone", host["zone"]).uuid}
    template = cloud.table("template").where(hypervisor="Simulator", templatetype="BUILTIN")[0]
    network = [row for row in cloud.table("network") if row["zone"] == host["zone"]][0]
    offering = cloud.table("serviceoffering").where(issystem=False)[0]
    words |= {"templateid": template.uuid, "networkids": network.uuid, "serviceofferingid": offering.uuid}
    replay.call(Exchange("", -1, ""), "deployVirtualMachine", {**words, "name": "g1", "hostid": host.uuid})
    assert cloud.table("virtualmachine").where(state="Running")


def _last(replay: Replay, table: str) -> str:
    return max(replay.cloud.table(table), key=lambda row: row.number).uuid


def ask(replay: Replay, name: str, call: dict[str, str]) -> dict:
    """The body of an answer; of a job its result."""
    body = read(replay.send(Exchange("", -1, "", "POST", name), call).get_data(as_text=True))
    answer = next(iter(body.values()))
    if commands()[name].is_async and "jobid" in answer:
        replay.settle()
        return ask(replay, "queryAsyncJobResult", {"jobid": answer["jobid"]})["jobresult"]
    return answer


def test_nothing_is_honoured_that_cloudstack_does_not_know():
    unknown = {name: entry.takes - set(commands()[name].parameters) - set(PAGING) for name, entry in COMMANDS.items()}
    assert not {name: more for name, more in unknown.items() if more}


def test_what_is_not_honoured_is_refused_by_name(server):
    """Every optional argument of every simulated command that it does not take."""
    dropped, tried = [], 0
    for name, entry in sorted(COMMANDS.items()):
        for parameter in optional(name):
            if parameter.name not in entry.takes:
                tried += 1
                answer = ask(server, name, words(name, parameter))
                if (
                    answer.get("errorcode") != 530
                    or f"{name} with the argument {parameter.name}:" not in answer["errortext"]
                ):
                    dropped.append(f"{name} {parameter.name}: {str(answer)[:200]}")
    assert tried > 400
    assert not dropped, "\n".join(dropped)


def _proven(verdicts) -> set[tuple[str, str]]:
    """(command, argument) of all exchanges that are told the same."""
    told = [verdict.exchange for verdict in verdicts if verdict.good and verdict.exchange.status == 200]
    return {(exchange.command, name.split("[")[0].lower()) for exchange in told for name in exchange.params}


def test_what_is_honoured_has_its_effect(server, verdicts):
    """Every argument that a simulated command takes and that no recording has used."""
    elsewhere = set(NO_ANSWER) | {(command, argument) for command, _, argument, _ in READ_BACK}
    elsewhere |= {
        (command, scope)
        for command in ("listConfigurations", "updateConfiguration", "resetConfiguration")
        for scope in SCOPES
    }
    proven, without = _proven(verdicts) | elsewhere, []
    for name, entry in sorted(COMMANDS.items()):
        for parameter in optional(name):
            if (
                parameter.name in entry.takes
                and (name, parameter.name) not in proven
                and not _chooses(server, name, parameter)
            ):
                without.append(f"{name} {parameter.name}")
    assert not without, "\n".join(without)


def _needs(server: Replay, name: str) -> dict[str, str]:
    """What a list cannot do without."""
    detailed = next(row for row in server.cloud.table("zone") if row["details"])
    return {
        "listTemplates": {"templatefilter": "all"}, "listStorageProviders": {"type": "primary"},
        "listHostHAProviders": {"hypervisor": "KVM"},
        "listTrafficTypes": {"physicalnetworkid": _last(server, "physicalnetwork")},
        "listResourceDetails": {"resourcetype": "Zone", "resourceid": detailed.uuid},
        "listAnnotations": {"entitytype": "HOST", "entityid": next(iter(server.cloud.table("host"))).uuid},
    }.get(name, {})  # fmt: skip


def _chooses(server: Replay, name: str, parameter: Parameter) -> bool:
    """Whether the argument makes the list another one: shorter, or another page."""
    call, kind = _needs(server, name), "uuid" if parameter.items == "uuid" else parameter.type
    tries = [
        {parameter.name: word}
        for word in (("true", "false") if kind == "boolean" else (NOTHING.get(kind, "nothing of this name"),))
    ]
    if parameter.name in PAGING:
        tries = [{"page": "9", "pagesize": "400"}]
    whole, chosen = ask(server, name, call), [ask(server, name, {**call, **more}) for more in tries]
    return "errorcode" not in whole and any("errorcode" not in some and some != whole for some in chosen)


@pytest.mark.parametrize(
    ("command", "others", "argument", "word"), READ_BACK, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_written_comes_back(server, command: str, others: dict[str, str], argument: str, word: str):
    call = {key: _last(server, value) if value in server.cloud.tables else value for key, value in others.items()}
    answer = ask(server, command, {**call, argument: word})
    assert str(next(iter(answer.values()))[argument]).lower() == word.lower()


def test_a_scope_that_a_setting_lacks_is_refused(server):
    for scope in SCOPES:
        answer = ask(server, "updateConfiguration", {"name": "host", "value": "x", scope: "1"})
        assert answer["errortext"] == "Invalid scope id provided for the parameter host", scope


def test_every_exemption_still_stands():
    assert all(argument in COMMANDS[command].takes for command, argument in NO_ANSWER)
    assert all(argument in COMMANDS[command].takes for command, _, argument, _ in READ_BACK)
