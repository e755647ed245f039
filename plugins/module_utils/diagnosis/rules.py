# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Known causes of a failed join, most telling first. Where each text comes from: CloudStack 4.22.1 and hosts that were
made to fail one by one; tests/fixtures/join holds what they left behind.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    SCRIPT_SILENCE,
    Rule,
    addhost_text,
    alert,
    at_once,
    certificate,
    empty_keystore,
    fact,
    program,
    says,
    silent,
    slow_start,
)

KEYSTORE = "Failed to setup keystore"
RESET = (
    "stop cloudstack-agent, remove /etc/cloudstack/agent/cloud.* (cloudstack_agent_remove_leftovers does it), "
    "then add the host again"
)

RULES: tuple[Rule, ...] = (
    Rule(
        error="Authentication error with SSH private key",
        proof=addhost_text,
        cause="CloudStack's key is not accepted by the host",
        expected="CloudStack's public key in authorized_keys of its account",
        next_step="run ansible-playbook cloudstack.kvm.prepare_hosts (role cloudstack_agent installs the key), or give "
        "host_registration_password",
    ),
    Rule(
        error="Authentication error with host password",
        proof=addhost_text,
        cause="neither CloudStack's key nor the password is accepted by the host",
        expected="a login as host_registration_username",
        next_step="correct host_registration_password or host_registration_username, or let the role "
        "cloudstack_agent install the key",
    ),
    Rule(
        error="Password authentication failed",
        proof=addhost_text,
        cause="the host's sshd offers no password login",
        expected="a login with CloudStack's key, or PasswordAuthentication yes",
        next_step="let the role cloudstack_agent install the key; it is the better way anyhow",
    ),
    Rule(
        error="kexTimeout",
        proof=addhost_text,
        cause="port 22 of the host is dropped on the way from the management server",
        expected="an SSH connection from the management servers",
        next_step="allow the management servers (role firewall: management server addresses), check firewalls between",
    ),
    Rule(
        error="There was a problem while connecting to",
        proof=addhost_text,
        cause="the management server cannot open an SSH session to the host",
        expected="sshd at that address, with an algorithm in common",
        next_step="check address, port and sshd; sshd must offer an aes-ctr cipher, a hmac-sha2 MAC that is not "
        "-etm, and curve25519 or ecdh key exchange",
    ),
    Rule(
        error="Name or service not known",
        proof=addhost_text,
        cause="the management server cannot resolve the host's name",
        expected="a name that the management server knows, or an address",
        next_step="set host_registration_address to the address",
    ),
    Rule(
        error="does not have KVM enabled",
        proof=addhost_text,
        cause="the host has no /dev/kvm",
        expected="hardware virtualisation switched on",
        next_step="enable VT-x or AMD-V in the firmware, load kvm_intel or kvm_amd, then run again",
    ),
    Rule(
        error="Can't add host",
        proof=addhost_text,
        cause="the operating system differs from the other hosts of the cluster",
        expected="one operating system in a cluster",
        next_step="put the host into a cluster of its own kind",
    ),
    Rule(
        error="already in the database",
        proof=addhost_text,
        cause="CloudStack already has a host of this address",
        expected="no record, or an Up host",
        next_step="look for it in all zones (listHosts); delete the stale record, or set host_registration_stale_host: "
        "remove",
    ),
    Rule(
        error="Cannot find the server resources",
        proof=at_once,
        cause="CloudStack did not even try to log in to the host",
        expected="a cluster of the hypervisor KVM and an http:// address",
        next_step="check the hypervisor of the cluster in CloudStack, then run again",
    ),
    Rule(
        error="uri.scheme is null",
        proof=addhost_text,
        cause="the address for addHost has no scheme",
        expected="http:// in front of the address",
        next_step="correct host_registration_address to a bare address, or the option url of the module host",
    ),
    Rule(
        error="Username need to be provided",
        proof=addhost_text,
        cause="CloudStack was given no account to log in with",
        expected="an account on the host",
        next_step="set host_registration_username",
    ),
    Rule(
        error="host_details",
        proof=addhost_text,
        cause="CloudStack stored the host without a password parameter",
        expected="the parameter, even if empty",
        next_step="run again: the host is registered and will be found",
    ),
    Rule(
        proof=alert("Can not find network"),
        cause="a bridge of a traffic label is missing or has no physical port",
        expected="a bridge with a port for each label",
        next_step="give the bridge a port (network_bridge_bridges), then run ansible-playbook cloudstack.kvm.add_hosts "
        "again",
    ),
    Rule(
        proof=alert("to storage pool"),
        cause="the host cannot mount the primary storage of the cluster",
        expected="a mount of every pool of the cluster",
        next_step="try the mount on the host as root; check the export and the storage network",
    ),
    Rule(
        error=KEYSTORE,
        proof=program("sudo"),
        cause="sudo is missing on the host",
        expected="sudo",
        next_step="install sudo (role kvm_host), then run again",
    ),
    Rule(
        error=KEYSTORE,
        proof=program("keystore-setup"),
        cause="cloudstack-common is not installed properly on the host",
        expected="/usr/share/cloudstack-common/scripts/util/keystore-setup, executable",
        next_step="reinstall cloudstack-common (role cloudstack_agent), then run again",
    ),
    Rule(
        error=KEYSTORE,
        proof=says(r"NOT in sudoers|command not allowed|a password is required|no tty|must have a tty", "journal"),
        cause="the account may not use sudo for the keystore scripts",
        expected="sudo without password and without a terminal for host_registration_username",
        next_step="let the role cloudstack_agent write the sudoers file, then run again",
    ),
    Rule(
        error=KEYSTORE,
        proof=fact(
            "sudo_without_password", lambda value: value is False, "sudo -l shows no rule with NOPASSWD for the account"
        ),
        cause="the account may not use sudo without a password",
        expected="sudo without password and without a terminal for host_registration_username",
        next_step="let the role cloudstack_agent write the sudoers file, then run again",
    ),
    Rule(
        error=KEYSTORE,
        proof=silent,
        cause="keystore-setup does not end: the host is too slow or hangs, on its entropy, its disk or its name "
        "service",
        expected=f"keystore-setup to end within {SCRIPT_SILENCE} s",
        next_step="time keytool and hostname --fqdn on the host, relieve it, then run again",
    ),
    Rule(
        error="Failed to setup certificate",
        proof=program("keystore-cert-import"),
        cause="cloudstack-common is not installed properly on the host",
        expected="/usr/share/cloudstack-common/scripts/util/keystore-cert-import, executable",
        next_step="reinstall cloudstack-common, then run again",
    ),
    Rule(
        error="Failed to setup certificate",
        proof=fact("read_only", bool, "read only: {}"),
        cause="/etc/cloudstack is read-only",
        expected="a writable /etc/cloudstack",
        next_step="remount it writable, then run again",
    ),
    Rule(
        error="Failed to setup certificate",
        proof=says(r"Cannot chmod|Read-only file system", "journal"),
        cause="/etc/cloudstack cannot be written",
        expected="a writable /etc/cloudstack",
        next_step="remount it writable, then run again",
    ),
    Rule(
        error="Failed to setup certificate",
        proof=empty_keystore,
        cause="the disk is full, or was when the keystore was written",
        expected="free space in /etc",
        next_step="free some space, then " + RESET,
    ),
    Rule(
        error="Failed to setup certificate",
        proof=fact("free_bytes", lambda value: value < 1_000_000, "{} bytes free"),
        cause="the disk is full",
        expected="free space in /etc",
        next_step="free some space, then " + RESET,
    ),
    Rule(
        error="Failed to setup certificate",
        proof=silent,
        cause="keystore-cert-import does not end: the host is too slow or hangs",
        expected=f"keystore-cert-import to end within {SCRIPT_SILENCE} s",
        next_step="time keytool on the host, relieve it, then remove /etc/cloudstack/agent/cloud.* and run again",
    ),
    Rule(
        error="CloudStack Agent setup through command",
        proof=program("cloudstack-setup-agent"),
        cause="cloudstack-agent is not installed properly on the host",
        expected="/usr/bin/cloudstack-setup-agent",
        next_step="reinstall cloudstack-agent (role cloudstack_agent), then run again",
    ),
    Rule(
        proof=says(r"kvm-ok: not found", "setup.log"),
        cause="kvm-ok is missing, so setup-agent stopped",
        expected="the package cpu-checker",
        next_step="install cpu-checker (role kvm_host), then run again",
    ),
    Rule(
        proof=says(r"Failed to execute:hostname", "setup.log"),
        cause="the host cannot resolve its own name, so setup-agent stopped",
        expected="an answer of hostname --fqdn",
        next_step="add the name to /etc/hosts (role kvm_host), then run again",
    ),
    Rule(
        proof=says(r"ifconfig", "setup.log"),
        cause="a bridge of a traffic label is missing, so setup-agent tried to build one",
        expected="a bridge for each label of the zone",
        next_step="declare the bridge (network_bridge_bridges), then run again",
    ),
    Rule(
        proof=says(r"libvirtd\.service is masked", "setup.log", "journal"),
        cause="libvirtd is masked",
        expected="libvirtd enabled",
        next_step="systemctl unmask libvirtd (role kvm_host), then run again",
    ),
    Rule(
        proof=fact(
            "certificate_fits_key",
            lambda value: value is False,
            "cloud.crt is not the certificate of cloud.key, in /etc/cloudstack/agent",
        ),
        cause="the host's certificate does not belong to its key, so libvirtd does not start: two joins ran at the "
        "same time, each with its own key",
        expected="one addHost at a time",
        next_step="see that nothing else adds this host (another controller, the UI), then run ansible-playbook "
        "cloudstack.kvm.prepare_hosts, which removes both, and cloudstack.kvm.add_hosts",
    ),
    Rule(
        proof=says(r"not yet (active|valid)|certificate is not yet", "journal", "agent.log", "setup.log"),
        cause="the host's clock is behind, so the new certificate is not valid yet",
        expected="a clock in step with the management server",
        next_step="let the role time_sync set the clock, remove /etc/cloudstack/agent/cloud.*, then run again",
    ),
    Rule(
        proof=certificate("not yet valid"),
        cause="the host's clock is behind, so the new certificate is not valid yet and libvirtd does not start with it",
        expected="a clock in step with the management server",
        next_step="let the role time_sync set the clock, remove /etc/cloudstack/agent/cloud.*, then run again",
    ),
    Rule(
        proof=certificate("expired"),
        cause="the host's certificate is expired, or its clock is far ahead",
        expected="a certificate that is valid now",
        next_step="let the role time_sync set the clock, remove /etc/cloudstack/agent/cloud.*, then run again",
    ),
    Rule(
        proof=says(r"A dependency job for cloudstack-agent", "setup.log", "journal"),
        cause="libvirtd does not start, and the agent needs it",
        expected="libvirtd running",
        next_step="see journalctl -u libvirtd on the host; a clock that is behind makes the certificate invalid",
    ),
    Rule(
        proof=says(r"java does not exist|java: not found|Unsupported Java|java: command not found"),
        cause="Java is missing or too old on the host",
        expected="Java 17",
        next_step="install Java 17 (role cloudstack_agent), then " + RESET,
    ),
    Rule(
        proof=program("java"),
        cause="Java is missing on the host",
        expected="Java 17",
        next_step="install Java 17 (role cloudstack_agent), then " + RESET,
    ),
    Rule(
        proof=says(r"keystore password was incorrect"),
        cause="a keystore of an earlier join is left on the host, with another passphrase",
        expected="no cloud.jks, or one with the current passphrase",
        next_step=RESET,
    ),
    Rule(
        proof=says(r"is there a server running on port 8250|Unable to connect to remote", "agent.log", "agent.out"),
        cause="the agent cannot reach port 8250 of the management server",
        expected="a TCP connection from the host to port 8250",
        next_step="check the firewalls between and the global setting host, then run again",
    ),
    Rule(
        proof=says(r"Network is unreachable|No route to host|UnresolvedAddress", "agent.log", "agent.out"),
        cause="the agent cannot reach the address in CloudStack's global setting host",
        expected="an address that hosts can reach",
        next_step="correct the global setting host (it is pushed to all agents), then run again",
    ),
    Rule(
        proof=slow_start,
        cause="the host's own firewall drops port 16514, so the agent waits for a TCP timeout before it connects",
        expected="port 16514 open from the host to its own management address",
        next_step="let the role firewall open it (libvirt over TLS), then run again: the host may be Up by now, but "
        "without TLS",
    ),
    Rule(
        # The package starts its unit, so these words stand there before every join: they mean something only once the
        # agent was set up.
        proof=lambda case: (
            "" if "Failed to setup" in case.error else case.find(r"Unable to find the guid", "agent.out", "agent.log")
        ),
        cause="the agent was never configured, or its agent.properties is damaged",
        expected="an agent.properties with guid, zone, pod and cluster",
        next_step="remove /etc/cloudstack/agent/cloud.*, let the role cloudstack_agent repair agent.properties, "
        "then run again",
    ),
    Rule(
        proof=says(r"Failed to get (private|public) nic name|Can not find network", "agent.log", "agent.out"),
        cause="the agent finds no physical port behind a bridge",
        expected="a port named eth*, bond*, ens*, ...",
        next_step="give the bridge a port that the agent takes for physical, then run again",
    ),
    Rule(
        proof=fact("fqdn", lambda value: value is None, "hostname --fqdn fails"),
        cause="the host cannot resolve its own name",
        expected="an answer of hostname --fqdn",
        next_step="add the name to /etc/hosts, then run again",
    ),
)
