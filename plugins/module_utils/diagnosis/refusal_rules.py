# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The management server refuses the host when its agent connects.

It answers with a ReadyCommand that holds the reason, which the agent logs at level DEBUG ("Not ready to connect to mgt
server: ...") before it ends itself with System.exit(1) (agent/src/main/java/com/cloud/agent/Agent.java:766-776 of
CloudStack 4.22.1). Some reasons are raised as alerts too. RMI, LSD as in answer_rules.py, AMI is
engine/orchestration/src/main/java/com/cloud/agent/manager/AgentManagerImpl.java.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    Rule,
    addhost_text,
    alert,
    any_of,
    refused,
    says,
)

OWN_CLUSTER = (
    "put the host into a cluster of its own kind, or install what the other hosts of the cluster run, then run again"
)

REFUSAL_RULES: tuple[Rule, ...] = (
    Rule(
        name="other-distribution-answer",
        error="Can't add host",
        proof=addhost_text,
        cause="the operating system differs from the other hosts of the cluster",
        expected="one operating system in a cluster",
        next_step=OWN_CLUSTER,
        source="LSD:496-524",
    ),
    Rule(
        name="other-distribution",
        proof=any_of(refused("with hostOS"), says(r"Can't add host: .*with hostOS", "agent.log")),
        cause="the management server refuses the host: its operating system differs from the other hosts of the "
        "cluster",
        expected="one distribution in a cluster: CloudStack compares the first word of its name",
        next_step=OWN_CLUSTER,
        source="LSD:496-524; https://github.com/apache/cloudstack/issues/7742",
    ),
    Rule(
        name="other-architecture",
        proof=any_of(refused(r"whose arch is|has arch \S+ and cannot be added"), says("Unexpected arch", "agent.log")),
        cause="the management server refuses the host: its CPU architecture differs from the cluster's",
        expected="the arch of the cluster, which listClusters shows",
        next_step="put the host into a cluster whose arch is the host's (uname -m), then run again",
        source="RMI:3683-3689, AMI:1467-1475",
    ),
    Rule(
        name="other-hypervisor",
        proof=refused("whose hypervisor type is"),
        cause="the management server refuses the host: the cluster is for another hypervisor",
        expected="a cluster of the hypervisor KVM",
        next_step="choose another cluster (host_registration_cluster), or correct hypervisor.type in "
        "agent.properties, then run again",
        source="RMI:3678-3682",
    ),
    Rule(
        name="address-in-use",
        proof=refused(r"(?:private|public) ip address of the server .*already in use"),
        cause="the management server refuses the host: CloudStack uses its address for something else",
        expected="an address outside the ranges that CloudStack gives to system VMs and to the public network",
        next_step="take the address out of CloudStack's range, or give the host another one, then run again",
        source="RMI:3636-3666",
    ),
    Rule(
        name="other-place",
        proof=refused(
            r"incorrect (?:pod|data center)|can't find cluster|[Cc]an't find (?:zone|pod)"
            r"|Unable to (?:get|find) (?:the )?(?:zone|pod|cluster)"
        ),
        cause="the management server refuses the host: it does not know the zone, pod or cluster in agent.properties",
        expected="the ids that addHost gives to cloudstack-setup-agent",
        next_step="stop cloudstack-agent, remove zone, pod, cluster and guid from agent.properties (they are of "
        "another installation), then add the host again",
        source="RMI:3674, LSD:491, NetworkOrchestrator.java:4336",
    ),
    Rule(
        name="host-locked",
        proof=refused("Unable to acquire lock on host"),
        cause="the management server still works on an earlier connection of this host",
        expected="one connection at a time",
        next_step="wait some minutes; if it stays so, look on the host for a mount that hangs (timeout 10 df), then "
        "run again",
        source="AMI:1384; https://github.com/apache/cloudstack/issues/8502",
    ),
    Rule(
        name="label-without-bridge",
        proof=any_of(
            alert("Can not find network"),
            refused("Can not find network|Incorrect Network setup|Reinitialize agent after network"),
            says("Can not find network", "agent.log", "agent.out"),
        ),
        cause="a bridge of a traffic label is missing or has no physical port",
        expected="a bridge with a port for each label",
        next_step="give the bridge a port (network_bridge_config), then run ansible-playbook "
        "cloudstack.kvm.add_hosts again",
        source="LibvirtCheckNetworkCommandWrapper.java:37-59, NetworkOrchestrator.java:4380; staged: "
        "bridge-without-port",
    ),
)

REFUSED_BY_A_CHECK = Rule(
    name="refused-by-a-check",
    proof=refused(r"Unable to connect \d+$"),
    cause="the management server refuses the host: one of its checks at connect failed, of the traffic labels or of a "
    "storage pool",
    expected="a bridge for every traffic label, and every shared storage pool usable on the host",
    next_step="see which one in listAlerts, or in management-server.log before 'Failed to handle host connection'; "
    "repair it, then run again",
    source="AMI:740-790; https://github.com/apache/cloudstack/issues/10154",
    certain=False,
)

REFUSED_SOMEHOW = Rule(
    name="refused",
    proof=says(r"(?:Not ready|Not allowed) to connect to .*: \S", "agent.log"),
    cause="the management server refuses the host when its agent connects, and gives the reason",
    expected="a management server that accepts the host",
    next_step="repair what the reason names, then run again; management-server.log has more beside 'Failed to handle "
    "host connection'",
    source="AMI:1434-1475, Agent.java:696 and 768",
)
