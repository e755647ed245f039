# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks: the settings in agent.properties."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.agent import package
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.checks.identity import (
    FILE,
    management_servers,
    properties,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.finding import (
    ERROR,
    INFO,
    WARNING,
    Problem,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.policy import Policy
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.model.profile import (
    Cluster,
    FactUnavailable,
    Profile,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.registry import (
    CLUSTER,
    HOST,
    check,
    fact_unavailable,
    show,
)

HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
SEARCHES_EVERYTHING = "4.22.1"  # issue 13497: not in 4.22.0


def wrong_entry(entry: str) -> str:
    """Why hosts cannot use this entry of the global setting `host`, "" if they can."""
    try:
        address = ipaddress.ip_address(entry)
    except ValueError:
        if entry.rstrip(".").lower() in ("localhost", "localhost.localdomain"):
            return "every host would connect to itself"
        return "" if HOST_NAME.fullmatch(entry) else "neither an address nor a host name"
    return "every host would connect to itself" if address.is_loopback or address.is_unspecified else ""


@check(
    "AGT009",
    "The agent searches the whole file tree at each connect",
    area="agent_settings",
    severity=INFO,
    scope=CLUSTER,
    prevents=("F33",),
    fix="set cloudstack_agent_properties: {vddk.lib.dir: /opt/vddk} to a folder with lib64/libvixDiskLib.so, even "
    "an empty file, on hosts with large mounts",
    reproduce="time find / -type d -name vmware-vix-disklib-distrib",
)
def searches_everything(hosts: Sequence[Profile], cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """vddk.lib.dir should be set for agents of 4.22.1.

    Without it the agent looks for a VMware library with find over the whole file tree, NFS pools included, at start and
    while the server waits 60 s for an answer (issue 13497). Hosts with large mounts then stay in Alert (F33). Only a
    hint: how large the mounts will be cannot be seen before.
    """
    concerned = []
    for host in hosts:
        try:
            if (package(host) or "").startswith(SEARCHES_EVERYTHING) and not properties(host).get("vddk.lib.dir"):
                concerned.append(host.name)
        except FactUnavailable as error:
            yield fact_unavailable(host, error)
    if concerned:
        yield Problem(tuple(concerned), f"vddk.lib.dir in agent.properties of {SEARCHES_EVERYTHING}", "not set")


@check(
    "AGT012",
    "Memory settings of the agent contradict each other, or will not outlive the join",
    area="agent_settings",
    severity=WARNING,
    scope=HOST,
    prevents=("F39",),
    fix="set them in cloudstack_agent_properties, which is applied again after the join; with "
    "host.overcommit.mem.mb set host.reserved.mem.mb to 0",
    reproduce=f"grep ^host {FILE}",
)
def host_keys(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """host.overcommit.mem.mb needs host.reserved.mem.mb=0, says the agent's own documentation; the reserve is 1024
    unless it is set.

    cloudstack-setup-agent replaces every line that starts with `host`, so keys such as host.reserved.mem.mb that a
    candidate has now are gone after the join, unless they are in cloudstack_agent_properties (which only a hint can
    say).
    """
    found = properties(host)
    overcommit, reserved = (
        str(found.get("host.overcommit.mem.mb") or "0"),
        str(found.get("host.reserved.mem.mb") or "1024"),
    )
    if overcommit != "0" and reserved != "0":
        yield Problem(
            (host.name,),
            "host.reserved.mem.mb=0 beside an overcommit",
            f"host.overcommit.mem.mb={overcommit}, host.reserved.mem.mb={reserved}",
        )
    doomed = sorted(key for key in found if key.startswith("host."))
    if doomed and not host.member:
        yield Problem((host.name,), "no keys that the join destroys", show(doomed), severity=INFO)


@check(
    "AGT013",
    "The agent connects to other management servers than CloudStack says",
    area="agent_settings",
    severity=ERROR,
    scope=HOST,
    prevents=("F61", "F06"),
    unknown=INFO,
    fix="correct the global setting host while the agents are connected (it is pushed to them), else host= in "
    "agent.properties, and restart the agent",
    reproduce=f"grep ^host= {FILE}; ss -tnp 'dport = :8250'",
)
def server_list(host: Profile, cluster: Cluster, policy: Policy) -> Iterator[Problem]:
    """host= in agent.properties of a member must list the same addresses as the global setting `host`, in whatever
    order.

    A change of the setting is pushed to connected agents at once, unchecked; an agent that was away keeps the old list
    (F61). Consequence: with none of the setting's servers in its list it is lost at its next reconnect, an error; as
    long as it knows one of them it comes back by that one, a warning. Whether the setting itself is valid is CLD001's
    matter.
    """
    found = properties(host) if host.member else {}
    if not found.get("guid"):
        return
    if not cluster.management_addresses:
        raise FactUnavailable("setting host", "it was not read from CloudStack")
    if any(map(wrong_entry, cluster.management_addresses)):
        return
    own, wanted = set(management_servers(found)), set(cluster.management_addresses)
    if own != wanted:
        severity = WARNING if own & wanted else ERROR
        expected = f"host={','.join(cluster.management_addresses)}"
        yield Problem((host.name,), expected, f"host={found.get('host', '')}", severity=severity)
