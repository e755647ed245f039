# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the collection knows of CloudStack's objects: which calls make, change and remove them, and which field is which
option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.preconditions import (
    anything,
    one_tag,
    range_in_its_net,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.storage_url import normal_url, pool_url
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.model.vlan_ranges import vlan_ranges


def same(value: Any) -> Any:
    """Compare as it is."""
    return value


def as_set(value: Any) -> frozenset[str]:
    """Compare comma separated text, or a list, without regard to order and case."""
    parts = value.split(",") if isinstance(value, str) else value or []
    return frozenset(str(part).strip().lower() for part in parts if str(part).strip())


def folded(value: Any) -> Any:
    """Compare text without regard to case."""
    return value.lower() if isinstance(value, str) else value


def text(value: Any) -> str:
    """Compare text; what CloudStack does not show is empty."""
    return "" if value is None else str(value)


def first(value: Any) -> Any:
    """The answer holds a list of ranges; ours is the first."""
    return value[0] if isinstance(value, list) and value else value


def joined(value: Any) -> str:
    """A list as comma separated text: an empty one then is sent, and clears; the library leaves an empty list out."""
    return value if isinstance(value, str) else ",".join(str(part) for part in value)


def nfs_details(value: str) -> list[dict[str, str]]:
    """Mount options as createStoragePool wants them: details[0].nfsmountopts."""
    return [{"nfsmountopts": value}]


def nfs_mount_opts(current: Mapping[str, Any]) -> Optional[str]:
    """Mount options as listStoragePools shows them."""
    return (current.get("details") or {}).get("nfsmountopts")


@dataclass(frozen=True)
class Field:
    """One option of a module.

    `create` and `update` are parameter names, `read` the key in answers. No `update`: CloudStack cannot change it
    later. No `create`: it can only be set by a following update. `form` brings both sides into a comparable shape,
    `send` the option into that of a request, `show` what CloudStack answers into what the module returns."""

    option: str
    read: str
    create: Optional[str] = None
    update: Optional[str] = None
    form: Callable[[Any], Any] = same
    send: Callable[[Any], Any] = same
    show: Callable[[Any], Any] = same
    derive: Optional[Callable[[Mapping[str, Any]], Any]] = None

    def observe(self, current: Mapping[str, Any]) -> Any:
        """The field of an object as CloudStack shows it; `derive` puts together what it shows in parts."""
        return self.derive(current) if self.derive else current.get(self.read)


@dataclass(frozen=True)
class Resource:
    """One kind of object. `kind` is the key of the object in answers, `name` the key and the create parameter of its
    name."""

    title: str
    kind: str
    listing: str
    create: str
    update: str
    delete: str
    fields: tuple[Field, ...]
    is_async: bool = False
    name_read: str = "name"
    name_create: str = "name"
    constants: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Mapping[str, Any]], None] = anything  # of the options; raises InputError before anything is sent

    @property
    def option(self) -> str:
        """The option by which modules of its children name it."""
        return self.title.replace(" ", "_")

    @property
    def id_parameter(self) -> str:
        """The parameter by which calls for its children name it."""
        return f"{self.kind}id"

    @property
    def options(self) -> list[str]:
        """The options of the module that are fields of the object."""
        return [entry.option for entry in self.fields]


ZONE = Resource(
    title="zone",
    kind="zone",
    listing="listZones",
    create="createZone",
    update="updateZone",
    delete="deleteZone",
    fields=(
        Field("network_type", "networktype", create="networktype", form=folded),
        Field("dns1", "dns1", create="dns1", update="dns1"),
        Field("dns2", "dns2", create="dns2", update="dns2", form=text),
        Field("internal_dns1", "internaldns1", create="internaldns1", update="internaldns1"),
        Field("internal_dns2", "internaldns2", create="internaldns2", update="internaldns2", form=text),
        Field("guest_cidr", "guestcidraddress", create="guestcidraddress", update="guestcidraddress"),
        Field(
            "local_storage_enabled", "localstorageenabled", create="localstorageenabled", update="localstorageenabled"
        ),
        Field("allocation_state", "allocationstate", create="allocationstate", update="allocationstate"),
    ),
)
PHYSICAL_NETWORK = Resource(
    title="physical network",
    kind="physicalnetwork",
    listing="listPhysicalNetworks",
    create="createPhysicalNetwork",
    update="updatePhysicalNetwork",
    delete="deletePhysicalNetwork",
    check=one_tag,
    is_async=True,
    fields=(
        Field("isolation_methods", "isolationmethods", create="isolationmethods", form=as_set, send=joined),
        Field("vlan", "vlan", create="vlan", update="vlan", form=vlan_ranges),
        Field("tags", "tags", create="tags", update="tags", form=as_set, send=joined),
        Field("allocation_state", "state", update="state"),  # always made Disabled
    ),
)
TRAFFIC_TYPE = Resource(
    title="traffic type",
    kind="traffictype",
    listing="listTrafficTypes",
    create="addTrafficType",
    update="updateTrafficType",
    delete="deleteTrafficType",
    is_async=True,
    name_read="traffictype",
    name_create="traffictype",
    fields=(Field("kvm_label", "kvmnetworklabel", create="kvmnetworklabel", update="kvmnetworklabel", form=text),),
)
POD = Resource(
    title="pod",
    kind="pod",
    listing="listPods",
    create="createPod",
    update="updatePod",
    delete="deletePod",
    check=range_in_its_net,
    fields=(
        Field("gateway", "gateway", create="gateway", update="gateway"),
        Field("netmask", "netmask", create="netmask", update="netmask"),
        # updatePod takes startip and endip and drops them
        Field("start_ip", "startip", create="startip", form=first, show=first),
        Field("end_ip", "endip", create="endip", form=first, show=first),
        Field("allocation_state", "allocationstate", create="allocationstate", update="allocationstate"),
    ),
)
CLUSTER = Resource(
    title="cluster",
    kind="cluster",
    listing="listClusters",
    create="addCluster",
    update="updateCluster",
    delete="deleteCluster",
    name_create="clustername",
    constants={"clustertype": "CloudManaged"},
    fields=(
        Field("hypervisor", "hypervisortype", create="hypervisor", form=folded),
        Field("arch", "arch", create="arch"),
        Field("allocation_state", "allocationstate", create="allocationstate", update="allocationstate"),
    ),
)
STORAGE_POOL = Resource(
    title="primary storage",
    kind="storagepool",
    listing="listStoragePools",
    create="createStoragePool",
    update="updateStoragePool",
    delete="deleteStoragePool",
    fields=(
        Field("url", "path", create="url", form=normal_url, derive=pool_url),
        Field("scope", "scope", create="scope", form=folded),
        Field("tags", "tags", create="tags", update="tags", form=as_set, send=joined),
        Field(
            "nfs_mount_opts",
            "details",
            create="details",
            update="details",
            form=as_set,
            send=nfs_details,
            derive=nfs_mount_opts,
        ),
    ),
)
