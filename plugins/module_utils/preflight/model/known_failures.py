# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What CloudStack does with a host that should not have joined: the failures that the checks prevent.

Ids are stable. Times are those of CloudStack 4.22.1.0 with real hosts; where the host itself was slow (an emulated
one), the time includes that. "reported" stands where users reported the failure and it was not measured.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """`symptom` is what CloudStack says or shows, `after` how long it takes from the cause (addHost, a migration ...)
    until then.
    """

    title: str
    symptom: str
    after: str


def what_cloudstack_says(symptom: str, after: str) -> str:
    """The symptom as a sentence for a reader."""
    measured = "reported by users, not measured" if after == REPORTED else after
    if symptom.startswith("none"):
        return f"CloudStack says nothing{symptom[4:]} ({measured})"
    return f"CloudStack says: {symptom} ({measured})"


ADD_HOST = "Unable to add the host: Cannot find the server resources at http://<host>"
KEYSTORE = "can't setup agent, due to CloudRuntimeException: Failed to setup keystore on the KVM host: <host>"
CERTIFICATE = "Failed to setup certificate in the KVM agent's keystore file, please see logs and configure manually!"
CONNECTING = "There was a problem while connecting to <host>:22"
REPORTED = "reported"

FAILURES: dict[str, Failure] = {
    "F01": Failure(
        "SSH login refused", "Authentication error with SSH private key (or: with host password)", "0.3 to 3 s"
    ),
    "F02": Failure("sudo allows too little", KEYSTORE, "6 to 9 s"),
    "F03": Failure(
        "KVM not usable",
        f"This machine does not have KVM enabled. (kvm-ok missing: {ADD_HOST})",
        "5 s; kvm-ok missing: 402 s",
    ),
    "F04": Failure(
        "The keystore cannot be set up",
        f"{KEYSTORE} (/etc/cloudstack read-only: {CERTIFICATE}; hostname -f fails: {ADD_HOST})",
        "6 to 397 s",
    ),
    "F05": Failure(
        "cloudstack-setup-agent failed and said success",
        f"{ADD_HOST}. Only setup.log on the host knows why",
        "397 to 522 s",
    ),
    "F06": Failure(
        "Wrong management address handed to the agent",
        f"{ADD_HOST}. The agent tries an unreachable address every 5 s",
        "539 s",
    ),
    "F07": Failure("Port 8250 blocked", ADD_HOST, "515 s"),
    "F08": Failure(
        "Host already known, possibly in another zone",
        "Skipping host <ip> because <guid> is already in the database",
        "0 s",
    ),
    "F09": Failure(
        "Identity tied to the IP address",
        "none: the host takes over another host's record, and its VMs are shown on the wrong machine",
        REPORTED,
    ),
    "F10": Failure(
        "A deleted host registers itself again",
        "none: the host is back under a new id",
        "66 s after a restart of the agent",
    ),
    "F11": Failure(
        "Distribution differs from the cluster's",
        "Can't add host: <host> with hostOS: ... into a cluster, in which there are ... hosts added",
        REPORTED,
    ),
    "F12": Failure("CPU architecture differs", f"{ADD_HOST}. The agent is refused when it connects", REPORTED),
    "F13": Failure(
        "Agent, server or Java versions do not match",
        "none: the agent loops, the host stays in Connecting or Alert",
        REPORTED,
    ),
    "F14": Failure(
        "Traffic label does not exist on the host, or has no port",
        f"{ADD_HOST}. The host record stays in Alert: Incorrect Network setup on agent ... Can not find network: "
        "<label>",
        "444 s",
    ),
    "F15": Failure(
        "Bridge port not on the agent's list of names",
        f"{ADD_HOST}. The host record stays in Alert: Can not find network: <label>",
        "444 s",
    ),
    "F16": Failure(
        "Interface name too long for VLAN bridges",
        "none at the join; guest networks do not start: not a valid ifname",
        "first VM on a VLAN",
    ),
    "F17": Failure(
        "cloudstack-setup-agent rewrites the network",
        f"{ADD_HOST}. The host's networking is stopped and started",
        "439 s",
    ),
    "F18": Failure(
        "VLAN device stacked on the bridge",
        "none: guest VLAN devices are made on the wrong interface",
        "first VM on a VLAN",
    ),
    "F19": Failure("Storage VLAN tagged twice", "none: the storage VM has no storage network", "first system VM"),
    "F20": Failure(
        "Wrong host address registered",
        "none: console and migration fail, listHosts shows another network's address",
        "first migration",
    ),
    "F21": Failure(
        "MTU too small for VXLAN or storage",
        "none: ping works, downloads and TLS between guests hang, or NFS stalls",
        "first large packet",
    ),
    "F22": Failure(
        "Link-local range conflict",
        "none: BGP unnumbered sessions drop when the agent makes cloud0",
        "start of the agent",
    ),
    "F23": Failure(
        "Bridge filtering and security groups", "none: VMs cannot be reached, or nothing filters them", "first VM"
    ),
    "F24": Failure("Nested host drops frames", "none: random loss to system VMs", REPORTED),
    "F25": Failure(
        "Socket activation or modular daemons win over libvirtd",
        f"{ADD_HOST} (libvirtd masked), else the join is late",
        "522 s",
    ),
    "F26": Failure(
        "--listen never reaches libvirtd",
        "Failed to migrate domain [<name>]. The host is Up all the time",
        "5 s after the first migration",
    ),
    "F27": Failure(
        "Hand-made libvirtd.conf is overwritten",
        "none: own settings vanish at each add and each renewal of certificates",
        "next renewal",
    ),
    "F28": Failure(
        "Secured and unsecured hosts in one cluster",
        "Failed to migrate domain [<name>], in one direction only",
        "first migration",
    ),
    "F29": Failure(
        "Certificates expired or issued for other names",
        "none: agents drop, VMs do not start (VNC over TLS), the console fails",
        "365 days after the join",
    ),
    "F30": Failure(
        "AppArmor or SELinux in the way",
        "none at the join; VMs do not start: Permission denied on a disk or socket",
        "first VM",
    ),
    "F31": Failure(
        "Domains that CloudStack does not know",
        "none: they run on and use memory that the scheduler gives away a second time",
        "never said",
    ),
    "F32": Failure(
        "Host stuck in Connecting", "none: state Connecting, later: Unable to acquire lock on host", "up to an hour"
    ),
    "F33": Failure(
        "The agent searches the whole file tree at each connect",
        "none: the host stays in Alert while find runs",
        "each connect",
    ),
    "F34": Failure(
        "Hosts in Alert after a restart of the server", "none: many hosts in Alert or Disconnected", REPORTED
    ),
    "F35": Failure(
        "CPU models differ",
        "none at the join; migration fails where guests see the host's CPU: guest CPU doesn't match specification",
        "first migration",
    ),
    "F36": Failure(
        "QEMU or libvirt versions differ",
        "none at the join; migration to the older host fails: machine type is not supported",
        "first migration",
    ),
    "F37": Failure(
        "CPU speed detected wrongly",
        "none: too few MHz are offered, VMs do not deploy, capacity jumps after a reboot",
        REPORTED,
    ),
    "F38": Failure(
        "cgroup v2 and CPU shares", "none at the join; VMs do not start: CPUWeight is out of range", "first VM"
    ),
    "F39": Failure("Memory promised to VMs that the host needs", "none: the kernel kills a VM", "when memory is full"),
    "F40": Failure(
        "Nothing to allocate",
        f"{ADD_HOST} (memory below the reserve); Maximum CPUs greater than specified machine type limit 240",
        REPORTED,
    ),
    "F41": Failure(
        "UEFI guests do not boot",
        "none at the join; guests fall back to BIOS, or no host is found for them",
        "first UEFI guest",
    ),
    "F42": Failure(
        "NFS export refused or squashed",
        "Failed to add data store: Failed to access storage pool; nothing at all with root_squash and a "
        "world-writable export",
        "10 s; server not there: 129 s; root_squash: never said",
    ),
    "F43": Failure(
        "One dead pool keeps the host out", "none: the host stays in Connecting or Alert", "about two minutes a pool"
    ),
    "F44": Failure(
        "The heartbeat reboots the host",
        "none: the host resets itself, and CloudStack shows it Up all the time",
        "347 s after storage is lost",
    ),
    "F45": Failure("Clock skew", "none: neighbours take a live host for dead", "never said at the join"),
    "F46": Failure(
        "Identity lost or cloned",
        "none: two hosts share one local pool or initiator, or a new pool appears at each restart",
        REPORTED,
    ),
    "F47": Failure("Pool created before any host", "Failed to add data store: not accessible to hosts", REPORTED),
    "F48": Failure(
        "Something already mounted at /mnt/<uuid>", "none: the agent unmounts it", "when the pool is mounted"
    ),
    "F49": Failure(
        "BMC not reachable from the management servers",
        "configuring says nothing; then the power state is Unknown: RAKP 2 HMAC is invalid, or Unable to establish "
        "IPMI v2 / RMCP+ session",
        "1.6 to 2.7 s after the first power action",
    ),
    "F50": Failure("Host HA Ineligible", "none: hastate Ineligible, the host is not fenced", "never said at the join"),
    "F51": Failure(
        "Fencing with Redfish cannot succeed on a host that is off",
        "none: hastate Fencing, VMs are not restarted",
        "until the host is powered on",
    ),
    "F52": Failure(
        "Total power loss takes the BMC too", "none: fencing is tried for ever", "until declared degraded by hand"
    ),
    "F53": Failure(
        "Fenced but VMs not restarted", "none: VMs Running on a dead host", "85 to 113 s after Fenced, or never"
    ),
    "F54": Failure("Maintenance stops VMs", "none: VMs Stopped, resource state ErrorInMaintenance", REPORTED),
    "F55": Failure("Console works only for some hosts", "none: the console stays black", "first console"),
    "F56": Failure(
        "addHost without the password parameter",
        "Unable to persist the host_details key: password, although the host is Up",
        "207 s",
    ),
    "F57": Failure(
        "Left-over cloud.jks",
        f"{ADD_HOST}, on every repetition; the agent's log: keystore password was incorrect",
        "417 s",
    ),
    "F58": Failure("No Java, or not in /usr/bin", ADD_HOST, "369 s"),
    "F59": Failure("Private key on the command line", "none: the private key is in the host's journal", "never said"),
    "F60": Failure("sshd hardened beyond the server's client", f"{CONNECTING}, as for a closed port", "0 s"),
    "F61": Failure(
        "Wrong value of the setting host pushed to all hosts",
        "none: hosts are lost at their next reconnect",
        "next reconnect",
    ),
    "F62": Failure(
        "Host HA switched off again by itself", "none: haenable is true in the answer and false later", "3 s"
    ),
    "F63": Failure(
        "A dead host without VMs is never fenced", "none: hastate alternates between Suspect and Degraded", "never ends"
    ),
    "F64": Failure("Error although the host is Up", ADD_HOST, "638 s"),
    "F65": Failure("Agent restarting for ever before the join", "none: half a core is busy", "every 10 s"),
    "F66": Failure(
        "Clock more than 12 hours behind",
        f"{ADD_HOST}. libvirtd: The server certificate ... is not yet active",
        "470 s",
    ),
    "F67": Failure(
        "State Up says nothing about the agent",
        "none: Up, also while the host reboots",
        "283 s until a hung host is in Alert",
    ),
    "F68": Failure(
        "agent.properties lost in a power cut",
        "none: the agent says Unable to find the guid, for ever",
        "next start of the agent",
    ),
    "F69": Failure("Full disk during the add", CERTIFICATE, "47 s"),
    "F70": Failure(
        "TLS by name",
        "none: virsh -c qemu+tls://<fqdn>/system fails on a good host: Failed to verify peer's certificate",
        "at once",
    ),
    "F71": Failure(
        "Zone or cluster Disabled stops evacuation", "No destination found for a deployment", "first evacuation"
    ),
}
