# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One cluster out of the answers of CloudStack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.numbers import real
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import LOCAL, Guest, HaHost, HaPool
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.expected_cluster import concerns

Record = Mapping[str, Any]
MIB = 2**20


def hosts_of(records: Iterable[Record], privileges: Mapping[str, str]) -> tuple[HaHost, ...]:
    """The hosts of listHosts details=all. `privileges`: of the account on each host's BMC, by the name of the host, as
    far as they were asked. Raises ParseError for a capacity that is not a number.
    """
    return tuple(_host(record, privileges.get(str(record.get("name")))) for record in records)


def _host(record: Record, privilege: Optional[str]) -> HaHost:
    oobm, ha = record.get("outofbandmanagement") or {}, record.get("hostha") or {}
    return HaHost(
        name=str(record.get("name")),
        id=str(record.get("id")),
        address=str(record.get("ipaddress") or ""),
        state=str(record.get("state")),
        resource_state=str(record.get("resourcestate")),
        hypervisor=str(record.get("hypervisor")),
        oobm_enabled=bool(oobm.get("enabled")),
        oobm_driver=str(oobm.get("driver") or ""),
        oobm_address=str(oobm.get("address") or ""),
        oobm_port=str(oobm.get("port") or ""),
        power_state=str(oobm.get("powerstate") or ""),
        ha_enabled=bool(ha.get("haenable")),
        ha_state=str(ha.get("hastate") or ""),
        ha_provider=str(ha.get("haprovider") or ""),
        cpu=_number(record, "cpuwithoverprovisioning"),
        cpu_used=_number(record, "cpuallocatedvalue"),
        memory=_number(record, "memorywithoverprovisioning"),
        memory_used=_number(record, "memoryallocatedbytes"),
        gpus=_number(record, "gputotal"),
        gpus_used=_number(record, "gpuused"),
        tags=_words(record.get("hosttags")),
        privilege=privilege,
    )


def pools_of(records: Sequence[Record], cluster: Record) -> tuple[dict[str, str], tuple[HaPool, ...]]:
    """The pools that hosts of the cluster use: name by id, and the pools. CloudStack takes a name twice; such a pool is
    named with its id.
    """
    own = [each for each in records if concerns(each, cluster) or _is_local(each, cluster)]
    taken = Counter(each.get("name") for each in own)
    names = {}
    for each in own:
        name, identity = str(each.get("name")), str(each.get("id"))
        names[identity] = name if taken[name] == 1 else f"{name} ({identity})"
    pools = [
        HaPool(names[str(each["id"])], str(each.get("type")), str(each.get("scope")), str(each.get("state")))
        for each in own
    ]
    return names, tuple(pools)


def _is_local(pool: Record, cluster: Record) -> bool:
    return pool.get("scope") == LOCAL and pool.get("clusterid") == cluster.get("id")


def guests_of(
    machines: Iterable[Record],
    system: Iterable[Record],
    volumes: Iterable[Record],
    offerings: Iterable[Record],
    pools: Mapping[str, str],
    hosts: Mapping[str, str],
) -> tuple[Guest, ...]:
    """The guests on the hosts of the cluster. `machines` are of listVirtualMachines, `system` of listSystemVms and
    listRouters; `pools` and `hosts` are names by id. Raises ParseError for a size that is not a number.
    """
    of_guest: dict[str, list[str]] = {}
    for volume in volumes:
        if volume.get("storageid") in pools:
            of_guest.setdefault(str(volume.get("virtualmachineid")), []).append(pools[str(volume["storageid"])])
    by_id = {str(each.get("id")): each for each in offerings}
    guests: dict[str, Guest] = {}
    for is_system, records in ((False, machines), (True, system)):
        for record in records:
            if record.get("hostid") in hosts:
                identity = str(record.get("id"))
                offering = by_id.get(str(record.get("serviceofferingid")), {})
                on = hosts[str(record["hostid"])]
                guests[identity] = _guest(record, offering, on, is_system, of_guest.get(identity, []))
    return tuple(sorted(guests.values(), key=lambda each: (each.host, each.name)))


def _guest(record: Record, offering: Record, host: str, is_system: bool, pools: Iterable[str]) -> Guest:
    # A guest of an offering with custom sizes has them itself, a system VM has those of its offering.
    sizes = {**offering, **{key: value for key, value in record.items() if value is not None}}
    groups = [(str(each.get("name")), str(each.get("type"))) for each in record.get("affinitygroup") or ()]
    name, internal = str(record.get("name")), record.get("instancename")
    return Guest(
        name=f"{name} ({internal})" if internal else name,
        host=host,
        ha=bool(record.get("haenable")),
        offering=str(record.get("serviceofferingname") or ""),
        cpu=_number(sizes, "cpunumber") * _number(sizes, "cpuspeed"),
        memory=_number(sizes, "memory") * MIB,
        gpus=_number(sizes, "gpucount"),
        tags=_words(offering.get("hosttags")),
        pools=tuple(dict.fromkeys(pools)),
        groups=tuple(groups),
        system=is_system,
    )


def _number(record: Record, key: str) -> int:
    """A number that CloudStack shows as one or as text; 0 where it shows none."""
    value = record.get(key)
    if value is None:
        return 0
    return int(real(str(value), f"{key} of {record.get('name')}"))


def _words(text: Any) -> tuple[str, ...]:
    return tuple(word.strip() for word in str(text or "").split(",") if word.strip())
