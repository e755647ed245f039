# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: whether the BMC that CloudStack uses for a host is that host's, by what CloudStack itself says.

What is seen from the hosts and from the management servers is of the pre-flight's checks (bmc_look.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.registry import Looked, ha_check, told
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import ERROR, Problem

CONFIGURED = "cmk list hosts name=HOST details=all filter=name,outofbandmanagement"


@ha_check(
    "HAV026",
    "CloudStack uses one BMC for two hosts",
    severity=ERROR,
    prevents=("F49",),
    fix="give each host its own oobm_address and run ansible-playbook cloudstack.kvm.configure_oobm",
    reproduce=CONFIGURED,
)
def shared(looked: Looked) -> Iterator[Problem]:
    """The address and port of out-of-band management must differ between hosts.

    A BMC powers one machine. Fencing one of the hosts powers off another one, or itself twice, and the dead host's
    guests are started while it may still run. CloudStack compares nothing, and shows the power state On for all of
    them. With redfish the address alone counts: CloudStack does not use the port then.
    """
    yield from told(looked, "HAV026")


@ha_check(
    "HAV027",
    "CloudStack uses another BMC than the declared one",
    severity=ERROR,
    prevents=("F49",),
    fix="correct oobm_address where it is wrong, and run ansible-playbook cloudstack.kvm.configure_oobm",
    reproduce=CONFIGURED,
)
def elsewhere(looked: Looked) -> Iterator[Problem]:
    """The address of out-of-band management in CloudStack must be oobm_address of the inventory, as the last pre-flight
    has it.

    What the pre-flight has found out (whose BMC it is, whether guests reach it) is about the declared address. A BMC
    that got another address, or a host that moved, leaves CloudStack with one that may be another machine's by now.
    """
    yield from told(looked, "HAV027")


@ha_check(
    "HAV028",
    "The power state is Off while the host is Up",
    severity=ERROR,
    prevents=("F49",),
    fix="look again after a minute; if it stays, the BMC is another machine's: compare `ipmitool mc guid` on the host"
    " with the BMC behind oobm_address",
    reproduce=CONFIGURED,
)
def off_and_up(looked: Looked) -> Iterator[Problem]:
    """A host whose agent answers cannot be off: then the BMC is that of another machine.

    CloudStack asks the agent for the heartbeat every four seconds, and the BMC as often. HA state Available and power
    state Off contradict each other; CloudStack does not notice. Fencing such a host changes nothing, and its guests are
    started twice.
    """
    yield from told(looked, "HAV028")
