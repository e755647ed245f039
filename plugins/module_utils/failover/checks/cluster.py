# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: what of the cluster and of its settings decides a failover."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.declared import contradictions
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.settings import SETTINGS
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import Site
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.registry import Looked, ha_check, told
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    UNKNOWN,
    WARNING,
    Problem,
)

SETTING = "cmk list configurations name=NAME clusterid=ID"


def _all(site: Site) -> tuple[str, ...]:
    return tuple(sorted(host.name for host in site.hosts))


@ha_check(
    "HAV011",
    "No shared pool has heartbeats",
    severity=ERROR,
    prevents=("F50",),
    fix="add an NFS or SharedMountPoint pool of scope CLUSTER or ZONE",
    reproduce="cmk list storagepools zoneid=ID filter=name,type,scope,state",
)
def heartbeats(looked: Looked) -> Iterator[Problem]:
    """The hosts must share a pool on which the agents write heartbeats.

    That is NFS and SharedMountPoint, and the drivers of StorPool, Linstor and PowerFlex. With Ceph RBD, CLVM or local
    storage alone no neighbour can tell a dead host from a cut cable; the host is eligible all the same, and the check
    of its activity cannot succeed. A pool in maintenance has none either: hosts do not mount it. Where guests are on
    it, HAV021 says so instead.
    """
    yield from told(looked, "HAV011")


@ha_check(
    "HAV013",
    "The zone, the pod or the cluster is Disabled",
    severity=ERROR,
    prevents=("F71",),
    fix="set allocationstate=Enabled (updateZone, updatePod, updateCluster)",
    reproduce="cmk list zones name=ZONE filter=name,allocationstate   # and list pods, list clusters",
)
def disabled(looked: Looked) -> Iterator[Problem]:
    """Zone, pod and cluster must be Enabled: the planner avoids what is Disabled, so that no guest is restarted (F71;
    DeploymentPlanningManagerImpl.avoidDisabledResources()).
    """
    if looked.site.disabled:
        yield Problem(_all(looked.site), "zone, pod and cluster Enabled", looked.site.disabled)


@ha_check(
    "HAV014",
    "Settings of the failover contradict each other",
    severity=ERROR,
    fix="declare failover_profile and run ansible-playbook cloudstack.kvm.configure_failover",
    reproduce=SETTING,
)
def timers(looked: Looked) -> Iterator[Problem]:
    """The timers must fit each other: CloudStack stores any number without a word.

    What is compared, and why, is in docs/failover-time.md.
    """
    for name, why in sorted(looked.site.invalid.items()):
        fix = f"declare {name} in failover_settings (CloudStack's own is {SETTINGS[name].default})"
        fix += " and run ansible-playbook cloudstack.kvm.configure_failover"
        yield Problem(_all(looked.site), f"a value of {name} that can be used", why, fix=fix)
    if _unread(looked.site):
        observed = f"not answered: {_unread(looked.site)}"
        yield Problem(_all(looked.site), "the settings of the failover", observed, kind=UNKNOWN)
        return
    for each in contradictions(looked.site.settings):
        if each.fatal:
            yield Problem(_all(looked.site), each.expected, f"{each.names[0]}: {each.observed}", fix=each.fix)


@ha_check(
    "HAV019",
    "Settings of the failover do not do what they seem to",
    severity=WARNING,
    prevents=("F53",),
    fix="declare failover_profile and run ansible-playbook cloudstack.kvm.configure_failover",
    reproduce=SETTING,
)
def hidden_timers(looked: Looked) -> Iterator[Problem]:
    """The settings should bring the guests back also where the reset does not help.

    A guest is scheduled for restart once, at the reset of its host, and tried vm.ha.migration.max.retries times. If the
    host is fenced later than the last attempt, its guests stay down: CloudStack schedules none for a host that is Down
    already (HAAbstractHostProvider.fenceSubResources()). The defaults of CloudStack are of that kind: five attempts in
    480 s, and fenced about 1160 s after the reset.
    """
    if _unread(looked.site) or looked.site.invalid or any(each.fatal for each in contradictions(looked.site.settings)):
        return
    for each in contradictions(looked.site.settings):
        yield Problem(_all(looked.site), each.expected, each.observed, fix=each.fix)


@ha_check(
    "HAV018",
    "VM HA is off for the zone",
    severity=ERROR,
    prevents=("F53",),
    fix="set vm.ha.enabled to true for the zone",
    reproduce="cmk list configurations name=vm.ha.enabled zoneid=ID",
)
def vm_ha(looked: Looked) -> Iterator[Problem]:
    """vm.ha.enabled must be true for the zone: else hosts are fenced, and no guest is restarted."""
    if looked.site.settings.get("vm.ha.enabled") is False:
        yield Problem(_all(looked.site), "vm.ha.enabled true", f"false for the zone {looked.site.zone}")


def _unread(site: Site) -> str:
    return ", ".join(name for name in SETTINGS if name not in site.settings and name not in site.invalid)
