# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: whether Host HA watches a host and could fence it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.bmc_look import explains_power
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.fencing import DRIVERS, IPMITOOL
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.registry import Looked, ha_check, told
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    UNKNOWN,
    WARNING,
    Problem,
)

SHOWN = 5  # guests that a finding names
LIST_HOST = "cmk list hosts name=HOST details=all   # fields hostha and outofbandmanagement"


@ha_check(
    "HAV001",
    "Out-of-band management is missing or disabled",
    severity=ERROR,
    prevents=("F50",),
    fix="declare oobm_address, oobm_username and oobm_password of the host and run ansible-playbook"
    " cloudstack.kvm.configure_oobm",
    reproduce=LIST_HOST,
)
def missing(looked: Looked) -> Iterator[Problem]:
    """Out-of-band management must be configured and enabled for the host.

    Host HA resets and fences through the BMC. Without it the host is Ineligible: CloudStack does not watch it at all
    (KVMHAProvider.isEligible(), F50).
    """
    yield from told(looked, "HAV001")


@ha_check(
    "HAV002",
    "The out-of-band driver does not fence reliably",
    severity=WARNING,
    prevents=("F51",),
    fix="set oobm_driver: ipmitool; or know that a host that is off already needs declareHostAsDegraded by hand",
    reproduce=LIST_HOST,
)
def driver(looked: Looked) -> Iterator[Problem]:
    """The driver should be ipmitool.

    With redfish CloudStack's OFF is GracefulShutdown: a hung system ignores it, and a BMC answers 409 when the machine
    is off already; the host then stays in Fencing and its guests stay down (issue 13376, F51). nestedcloudstack powers
    a guest of another CloudStack, and fences only as well as that one answers. A name in other letter case, such as
    IpmiTool, is accepted, and then every action fails (recorded on 4.22.1).
    """
    stopped = [replace(each, severity=ERROR) for each in told(looked, "HAV002")]
    yield from stopped
    for host in looked.site.hosts:
        if host.oobm_driver in DRIVERS and host.oobm_driver != IPMITOOL and not _named(host.name, stopped):
            yield Problem((host.name,), "the driver ipmitool", f"the driver {host.oobm_driver}")


def _named(host: str, problems: Iterable[Problem]) -> bool:
    return any(host in problem.hosts for problem in problems)


@ha_check(
    "HAV003",
    "The account on the BMC may not power the host off",
    severity=ERROR,
    prevents=("F49",),
    fix="give the account of CloudStack the privilege OPERATOR on the BMC's LAN channel",
    reproduce="ipmitool channel getaccess 1   # on the host, as root: privilege of each user",
)
def privilege(looked: Looked) -> Iterator[Problem]:
    """The account of CloudStack on the BMC needs the privilege OPERATOR or ADMINISTRATOR (IPMI 2.0, appendix G).

    With USER the power state is shown, so that everything looks right, and the first power action fails. CloudStack
    does not know the privilege: it is judged where the last pre-flight has seen the account in band, or where the
    option bmc_privileges of ha_readiness_info tells it.
    """
    yield from told(looked, "HAV003")


@ha_check(
    "HAV004",
    "CloudStack gets no power state from the BMC",
    severity=ERROR,
    prevents=("F49", "F52"),
    fix="compare address, account and password with the BMC, and run ansible-playbook cloudstack.kvm.configure_oobm,"
    " which reads the power state back",
    reproduce="cmk issue outofbandmanagementpoweraction hostid=ID action=STATUS",
)
def power_state(looked: Looked) -> Iterator[Problem]:
    """The power state must be known: CloudStack asks each BMC every four seconds.

    Unknown means that the BMC does not answer or refuses the account; neither reset nor power-off works then, and a
    dead host stays in Fencing for ever (F49, F52). Where the last pre-flight knows why, its own check says so instead
    (BMC001, BMC008, BMC009).
    """
    for problem in told(looked, "HAV004"):
        left = tuple(name for name in problem.hosts if not explains_power(looked.site, name))
        if left:
            yield replace(problem, hosts=left)


@ha_check(
    "HAV005",
    "Host HA is not enabled",
    severity=ERROR,
    prevents=("F50", "F62"),
    fix="run ansible-playbook cloudstack.kvm.enable_ha, which waits until it stays enabled",
    reproduce=LIST_HOST,
)
def enabled(looked: Looked) -> Iterator[Problem]:
    """Host HA must be enabled for every KVM host of the cluster.

    Where it is configured and yet not enabled, it may have been enabled too early: the first pass over a host that it
    has never seen turns it off again, after an answer that says true (F62).
    """
    yield from told(looked, "HAV005")


@ha_check(
    "HAV006",
    "The HA provider is that of another hypervisor",
    severity=ERROR,
    prevents=("F50",),
    fix="run ansible-playbook cloudstack.kvm.enable_ha, which configures the provider kvmhaprovider",
    reproduce=LIST_HOST,
)
def provider(looked: Looked) -> Iterator[Problem]:
    """The provider must be kvmhaprovider: another one does not know how to ask a KVM host."""
    yield from told(looked, "HAV006")


@ha_check(
    "HAV007",
    "Host HA is off for the cluster or zone",
    severity=ERROR,
    prevents=("F50",),
    fix="turn it on again (module ha_scope, or enableHAForCluster and enableHAForZone)",
    reproduce="cmk list hosts details=all filter=name,hostha   # haenable true and hastate Disabled",
)
def above(looked: Looked) -> Iterator[Problem]:
    """Host HA must be on for the cluster and for the zone.

    Turned off there, every host keeps haenable true and is Disabled: nothing else shows it (recorded on 4.22.1).
    """
    yield from told(looked, "HAV007")


@ha_check(
    "HAV008",
    "No other host can judge this one",
    severity=ERROR,
    prevents=("F50",),
    fix="add a second host to the cluster",
    reproduce="cmk list hosts clusterid=ID type=Routing filter=name,state",
)
def alone(looked: Looked) -> Iterator[Problem]:
    """Another KVM host of the cluster must be Up: it reads the heartbeats of this one (KVMHAProvider.isEligible()).

    Where others are there and not Up, they are reported instead (HAV022, HAV010).
    """
    if len([host for host in looked.site.hosts if host.hypervisor == "KVM"]) == 1:
        yield from told(looked, "HAV008")


@ha_check(
    "HAV009",
    "The host is in maintenance or disabled",
    severity=WARNING,
    prevents=("F50",),
    fix="if the work on it is done: cancelHostMaintenance, or updateHost allocationstate=Enable",
    reproduce=LIST_HOST,
)
def maintenance(looked: Looked) -> Iterator[Problem]:
    """The resource state must be Enabled: in any other one the host is Ineligible, and takes no guest of others.

    A host is in maintenance because somebody works on it, so that this is a warning. A host that was fenced is in
    Maintenance too: HAV010 says so.
    """
    yield from told(looked, "HAV009")


@ha_check(
    "HAV010",
    "Host HA is not Available",
    severity=ERROR,
    prevents=("F50", "F52", "F63"),
    fix="docs/high-availability.md says for each state what it means and what to do",
    reproduce=LIST_HOST,
)
def state(looked: Looked) -> Iterator[Problem]:
    """The HA state must be Available; it is reported here where nothing else explains it."""
    yield from told(looked, "HAV010")


@ha_check(
    "HAV017",
    "A host without a guest is not fenced",
    severity=INFO,
    prevents=("F63",),
    fix="nothing to do; a drill needs a guest on the host",
    reproduce="cmk list virtualmachines hostid=ID listall=true",
)
def empty(looked: Looked) -> Iterator[Problem]:
    """A host that dies without a guest alternates between Suspect and Degraded for ever and is not fenced (F63).

    Its activity check has no volume to look at and answers that there is activity. No guest is lost; it is told so that
    nobody waits for it.
    """
    hosts = tuple(
        host.name for host in looked.site.hosts if not looked.obstacles[host.name] and not looked.site.on(host.name)
    )
    if hosts:
        yield Problem(hosts, "a guest, so that its death is seen", "no guest")


@ha_check(
    "HAV022",
    "The host is not Up",
    severity=ERROR,
    prevents=("F67",),
    fix="see agent.log of the host and the alerts of CloudStack; systemctl restart cloudstack-agent",
    reproduce="cmk list hosts name=HOST filter=name,state,disconnected",
)
def up(looked: Looked) -> Iterator[Problem]:
    """The host must be Up: what is down now cannot fail over, and takes no guest of its neighbours."""
    yield from told(looked, "HAV022")


@ha_check(
    "HAV023",
    "Nothing is known of the BMC but what CloudStack says",
    severity=WARNING,
    prevents=("F49",),
    fix="run ansible-playbook cloudstack.kvm.preflight, then this report again",
    reproduce="ipmitool mc guid; ipmitool lan print 1   # on the host, against the BMC behind oobm_address",
)
def not_looked_at(looked: Looked) -> Iterator[Problem]:
    """A pre-flight of the last seven days must have looked at the host's BMC.

    CloudStack knows that a BMC answers. Whether it is this host's, whether guests reach it, and what the account may do
    is seen from the host and from the management servers, which the pre-flight asks; its facts are read from the
    report folder.
    """
    look = looked.site.bmcs
    if look is None:
        return
    hosts = tuple(host.name for host in looked.site.hosts if host.oobm_driver and host.name not in look.hosts)
    if hosts:
        observed = look.missing or f"that of {look.at} has no facts of this host"
        yield Problem(hosts, "a pre-flight of the last 7 days that has seen the BMC", observed, kind=UNKNOWN)


@ha_check(
    "HAV024",
    "Guests of a fenced host were not restarted",
    severity=ERROR,
    prevents=("F53",),
    fix="wait two minutes after Fenced, and look again; then see the management server's log for the guest, and start"
    " it by hand (stopVirtualMachine forced=true, startVirtualMachine)",
    reproduce="cmk list virtualmachines hostid=ID listall=true filter=name,state",
)
def left_behind(looked: Looked) -> Iterator[Problem]:
    """No guest may count as running on a host that is Fenced: it was powered off.

    That it does happen is F53 (apache/cloudstack#12922, #11627). A restart is tried again every two minutes until it is
    given up; HAV019 says where that is too early.
    """
    for host in looked.site.hosts:
        guests = looked.site.on(host.name)
        if host.ha_state == "Fenced" and guests:
            names = ", ".join(each.name for each in guests[:SHOWN])
            more = f" and {len(guests) - SHOWN} more" if len(guests) > SHOWN else ""
            yield Problem((host.name,), "its guests on other hosts", f"still on it: {names}{more}")
