# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent runs and does not get to the management server, or is not kept there; and what is left for the end.

Sources: utils/src/main/java/com/cloud/utils/nio/{NioClient,NioConnection,Link}.java and
agent/src/main/java/com/cloud/agent/{Agent,AgentShell}.java of CloudStack 4.22.1.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    ACCEPTED,
    SETUP_FAILED,
    Case,
    Rule,
    any_of,
    fact,
    libvirt_gone_once,
    program,
    says,
    setup_stopped,
    slow_start,
    told_to_stop,
    unit,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.errors import newest_error
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.refusal_rules import (
    REFUSED_BY_A_CHECK,
    REFUSED_SOMEHOW,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.script_rules import RESET

# The journal too: the output of an agent may go there (https://github.com/apache/cloudstack/issues/4659).
AGENT = ("agent.log", "agent.out", "journal")
LOOPBACK = r"(?:localhost|127(?:\.\d+){3}|\[?(?:::1|(?:0:){7}1)\]?|0\.0\.0\.0)"


def own_address(case: Case) -> str:
    """agent.properties sends a set-up agent to the host itself; before the set-up the package's localhost stands "
    "there."""
    host = str(case.fact("properties", "host") or "")
    loopback = host.partition("@")[0] in ("localhost", "127.0.0.1", "::1")
    return f"host={host} in agent.properties" if loopback and case.fact("properties", "guid") else ""


def never_set_up(case: Case) -> str:
    """The package starts its unit, so these words stand there before every join: they mean something only once the
    agent was set up.
    """
    return "" if "Failed to setup" in case.error else case.find(r"Unable to find the guid", "agent.out", "agent.log")


def libvirtd_stopped(case: Case) -> str:
    """Where libvirtd is started by its socket it may rest, so an error of the agent tells more."""
    error = newest_error(case.logs.get("agent.log") or ()) or newest_error(case.logs.get("agent.err") or ())
    return "" if error else unit("libvirtd.service", "ActiveState", "inactive")(case)


def gave_up(case: Case) -> str:
    """The set-up ended well for CloudStack, and did not get to agent.properties, where its package wrote "default"."""
    set_up = case.fact("properties", "zone") not in (None, "default")
    return "" if set_up or SETUP_FAILED in case.error or "Failed to setup" in case.error else setup_stopped(case)


CONNECT_RULES: tuple[Rule, ...] = (
    Rule(
        name="agent-goes-to-itself",
        proof=any_of(
            says(
                rf"(?i)connect\w* to (?:host: ?|remote: ?)?/?{LOOPBACK}(?:[:/,\s]|$)",
                *AGENT,
                until=ACCEPTED,
            ),
            says(rf"with host = {LOOPBACK}\b", "agent.log", until=ACCEPTED),
            says(rf"cloudstack-setup-agent +-m {LOOPBACK}\b", "journal"),
            own_address,
        ),
        cause="the agent connects to the host itself (localhost) and not to the management server",
        expected="the management server's address in CloudStack's global setting host",
        next_step="set the global setting host to an address of the management servers that hosts can reach, then run "
        "again",
        source="LSD:346 (-m is the setting host); https://github.com/apache/cloudstack/issues/4700 and 3909",
    ),
    Rule(
        name="certificate-refused",
        proof=says(
            r"(?:fatal )?alert:? .*(?:certificate|unknown_ca|access_denied)|ownership verification failed"
            r"|certificate_(?:unknown|required|revoked)|bad_certificate",
            *AGENT,
            until=ACCEPTED,
        ),
        cause="the management server refuses the host's certificate",
        expected="a certificate of this CloudStack's CA for the address that the host connects from",
        next_step=f"{RESET}. management-server.log has the reason (ownership verification failed, expired, revoked); "
        "the "
        "global setting ca.plugin.root.auth.strictness decides whether it counts",
        source="Link.java:507, RootCACustomTrustManager.java:79-131; https://github.com/apache/cloudstack/issues/12493",
    ),
    Rule(
        name="ca-of-another-installation",
        proof=says(
            r"(?:wrap data|utils\.nio|NioClient|NioConnection).*PKIX|Path does not chain", "agent.log", until=ACCEPTED
        ),
        cause="the agent does not trust the certificate of the management server: its cloud.ca.crt is of another CA",
        expected="the CA certificate of this CloudStack in /etc/cloudstack/agent/cloud.ca.crt",
        next_step=RESET + "; a load balancer in front of port 8250 must pass TLS through",
        source="Link.java:507, SSLUtils.java of CloudStack 4.22.1",
    ),
    Rule(
        name="not-tls-there",
        proof=says(
            r"Unsupported or unrecognized SSL message|plaintext connection|not an SSL/TLS record",
            "agent.log",
            until=ACCEPTED,
        ),
        cause="what answers on port 8250 is not a CloudStack management server",
        expected="a management server, without a load balancer that terminates TLS on the way",
        next_step="openssl s_client -connect <server>:8250 on the host must show a certificate of CloudStack's CA: "
        "correct the load balancer or the global setting host, then run again",
        source="javax.net.ssl; https://github.com/apache/cloudstack/issues/2899",
    ),
    Rule(
        name="tls-fails",
        proof=says(
            r"SSL Handshake failed|SSL handshake timed out|SSLHandshakeException|SSLException|SSL error caught"
            r"|Failed to initialise security",
            *AGENT,
            until=ACCEPTED,
        ),
        cause="agent and management server do not agree on TLS: the server refuses the host's certificate, or "
        "something between them ends the connection",
        expected="a TLS handshake on port 8250",
        next_step="read 'SSL error caught' in management-server.log at the same time; openssl s_client -connect "
        "<server>:8250 on the host must show a certificate of CloudStack's CA. If the certificate is refused: " + RESET,
        source="NioClient.java:75, Link.java:507-552; https://github.com/apache/cloudstack/issues/4659",
    ),
    Rule(
        name="port-8250",
        proof=says(
            r"is there a server running on port \d+|Unable to connect to remote",
            *AGENT,
            until=ACCEPTED,
        ),
        cause="the agent cannot reach port 8250 of the management server",
        expected="a TCP connection from the host to port 8250",
        next_step="check the firewalls between the host and the management server, and the global setting host, then "
        "run again",
        source="NioConnection.java:111; staged: mgmt-8250-dropped",
    ),
    Rule(
        name="setting-host-unreachable",
        proof=says(
            r"Network is unreachable|No route to host|NoRouteToHostException|UnresolvedAddress|UnknownHostException"
            r"|java\.net\.SocketException: (?!Connection reset|Broken pipe|Socket closed)",
            "agent.log",
            "agent.out",
            until=ACCEPTED,
        ),
        cause="the agent cannot reach the address in CloudStack's global setting host",
        expected="an address that hosts can reach",
        next_step="correct the global setting host (it is pushed to all agents), then run again",
        source="NioClient.java:92; staged: server-unreachable",
    ),
    Rule(
        name="server-busy",
        proof=says(r"Connection reset|Connection closed with -1|Broken pipe", "agent.log", until=ACCEPTED),
        cause="the management server, or something between, closes the agent's connection",
        expected="a connection on port 8250 that stays",
        next_step="read management-server.log at that time (Rejecting new connection ...), check load balancers and "
        "firewalls between, then run again",
        source="NioConnection.java:232-243, Link.java:188; https://github.com/apache/cloudstack/issues/2899",
        certain=False,
    ),
    Rule(
        name="library-search",
        proof=says(
            r"vmware-vix-disklib.*(?:[Tt]im(?:ed )?out|interrupted)|[Tt]im(?:ed )?out.*vmware-vix-disklib", "agent.log"
        ),
        cause="the agent searches the whole file tree of the host for a VMware library, and does not answer in time",
        expected="an answer to ReadyCommand within 60 s (ready.command.wait)",
        next_step="set vddk.lib.dir in agent.properties (cloudstack_agent_properties) to a folder that holds "
        "lib64/libvixDiskLib.so.7, an empty file is enough, then run again",
        source="LCR:6002-6031 of CloudStack 4.22.1; https://github.com/apache/cloudstack/issues/13497",
    ),
    Rule(
        name="port-16514-dropped",
        proof=slow_start,
        cause="the host's own firewall drops port 16514, so the agent waits for a TCP timeout before it connects",
        expected="port 16514 open from the host to its own management address",
        next_step="let the role firewall open it (libvirt over TLS), then run again: the host may be Up by now, but "
        "without TLS",
        source="LCR:5940-5954; staged: tls16514-blocked",
    ),
    REFUSED_BY_A_CHECK,
    REFUSED_SOMEHOW,
    Rule(
        name="refused-without-a-word",
        proof=told_to_stop,
        cause="the management server refuses the host: the agent ended itself after it had connected, and it does not "
        "log why at this log level",
        expected="a management server that accepts the host",
        next_step="read management-server.log beside 'Failed to handle host connection': the usual reasons are "
        "another distribution or CPU architecture than the cluster's, an address that CloudStack uses elsewhere, a "
        "missing bridge or a storage pool (listAlerts). Or set com.cloud to DEBUG in "
        "/etc/cloudstack/agent/log4j-cloud.xml and run again",
        source="Agent.java:690-703 and 766-776",
        certain=False,
    ),
)

LAST_RULES: tuple[Rule, ...] = (
    Rule(
        name="libvirtd-did-not-answer",
        proof=libvirt_gone_once,
        cause="libvirtd does not answer, and the agent did not get further",
        expected="libvirtd running, with the socket /var/run/libvirt/libvirt-sock",
        next_step="see `systemctl status libvirtd` and `journalctl -u libvirtd` on the host, repair it, then run again",
        source="libvirt prints its errors to agent.err too; seen on a joined host",
    ),
    Rule(
        name="setup-stopped",
        proof=gave_up,
        cause="cloudstack-setup-agent stopped before its last step, so the agent was never set up",
        expected="a set-up that writes agent.properties and starts the agent",
        next_step="run that command by hand on the host and repair what it says; the messages of the set-up stand "
        "under 'SSH command output' in management-server.log; then run again",
        source="cloud-setup-agent.in:186-197 (it ends with 0 all the same); "
        "https://github.com/apache/cloudstack/issues/9705",
        certain=False,
    ),
    Rule(
        name="kvm-ok-not-there",
        proof=program("kvm-ok"),
        cause="kvm-ok is missing or cannot be run, and setup-agent stops without it",
        expected="the package cpu-checker",
        next_step="install cpu-checker (role kvm_host), then run again",
        source="utilities.py:234",
    ),
    Rule(
        name="no-kvm-device",
        proof=fact("kvm_device", lambda value: value is False, "/dev/kvm is missing"),
        cause="the host has no KVM device now",
        expected="/dev/kvm",
        next_step="enable VT-x or AMD-V in the firmware, load kvm_intel or kvm_amd, then run again",
        source="utilities.py:188 and 272",
    ),
    Rule(
        name="properties-damaged",
        proof=fact(
            "files", lambda sizes: bool(sizes) and sizes.get("agent.properties", 1) == 0, "agent.properties: 0 bytes"
        ),
        cause="agent.properties is empty",
        expected="an agent.properties with guid, zone, pod and cluster",
        next_step="remove /etc/cloudstack/agent/cloud.*, let the role cloudstack_agent repair agent.properties, then "
        "run again",
        source="seen after a hard power-off",
    ),
    Rule(
        name="never-set-up",
        proof=never_set_up,
        cause="the agent was never configured, or its agent.properties is damaged",
        expected="an agent.properties with guid, zone, pod and cluster",
        next_step="remove /etc/cloudstack/agent/cloud.*, let the role cloudstack_agent repair agent.properties, then "
        "run again",
        source="AgentShell.java:332",
    ),
    Rule(
        name="own-name-unknown",
        proof=fact("fqdn", lambda value: value is None, "hostname --fqdn fails"),
        cause="the host cannot resolve its own name",
        expected="an answer of hostname --fqdn",
        next_step="add the name to /etc/hosts, then run again",
        source="syscfg.py:132",
    ),
    Rule(
        name="libvirtd-stopped",
        proof=libvirtd_stopped,
        cause="libvirtd is stopped, and the agent cannot run without it",
        expected="libvirtd running",
        next_step="run `systemctl start libvirtd` on the host; if it stops again, see `journalctl -u libvirtd`; then "
        "run again",
        source="cloudstack-agent.service (Requires=libvirtd.service)",
        certain=False,
    ),
)
