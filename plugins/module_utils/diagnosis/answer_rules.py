# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Causes that addHost's own text names. Sources are files of CloudStack 4.22.1: LSD is
server/src/main/java/com/cloud/hypervisor/kvm/discoverer/LibvirtServerDiscoverer.java, RMI is
server/src/main/java/com/cloud/resource/ResourceManagerImpl.java.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    SCRIPT_SILENCE,
    Rule,
    addhost_text,
    answer,
    at_once,
    silent,
)

ANSWER_RULES: tuple[Rule, ...] = (
    Rule(
        name="key-refused",
        error="Authentication error with SSH private key",
        proof=addhost_text,
        cause="CloudStack's key is not accepted by the host",
        expected="CloudStack's public key in authorized_keys of its account",
        next_step="run ansible-playbook cloudstack.kvm.prepare_hosts (role cloudstack_agent installs the key), or give "
        "host_registration_password; then run again",
        source="LSD:288; staged: key-refused-no-password",
    ),
    Rule(
        name="password-refused",
        error="Authentication error with host password",
        proof=addhost_text,
        cause="neither CloudStack's key nor the password is accepted by the host",
        expected="a login as host_registration_username",
        next_step="correct host_registration_password or host_registration_username, or let the role cloudstack_agent "
        "install the key; then run again",
        source="LSD:293; staged: wrong-password, unknown-user",
    ),
    Rule(
        name="no-password-login",
        error="Password authentication failed",
        proof=addhost_text,
        cause="the host's sshd offers no password login",
        expected="a login with CloudStack's key, or PasswordAuthentication yes",
        next_step="let the role cloudstack_agent install CloudStack's key, then run again: no password is needed then",
        source="LSD:397; staged: password-login-off",
    ),
    Rule(
        name="ssh-dropped",
        error="kexTimeout",
        proof=addhost_text,
        cause="connections to the host's SSH port are dropped on the way from the management server",
        expected="an SSH connection from the management servers",
        next_step="allow the management servers (role firewall: management server addresses), check the firewalls "
        "between them and the host, then run again",
        source="LSD:275; staged: ssh-filtered",
    ),
    Rule(
        name="ssh-port-invalid",
        error="port out of range",
        proof=addhost_text,
        cause="the SSH port of the host is not a valid port",
        expected="host_registration_ssh_port from 1 to 65535",
        next_step="correct host_registration_ssh_port, or the cluster setting kvm.host.discovery.ssh.port, then run "
        "again",
        source="recorded: addHost with http://<ip>:99999 (LSD:275)",
    ),
    Rule(
        name="ssh-refused",
        error="There was a problem while connecting to",
        proof=addhost_text,
        cause="the management server cannot open an SSH session to the host",
        expected="sshd at that address, with an algorithm in common",
        next_step="check address, port and sshd, then run again; sshd must offer an aes-ctr cipher, a hmac-sha2 MAC "
        "that is not -etm, and curve25519 or ecdh key exchange",
        source="LSD:275; staged: ssh-port-refused, wrong-ip-nothing-there",
    ),
    Rule(
        name="name-unknown-to-the-server",
        proof=answer(r"Name or service not known|name resolution|UnknownHostException|Nom ou service inconnu"),
        cause="the management server cannot resolve the host's name",
        expected="a name that the management server knows, or an address",
        next_step="set cloudstack_host_address to the address, then run again",
        source="LSD:259; staged: name-unresolvable",
    ),
    Rule(
        name="login-hangs",
        error="does not have KVM enabled",
        proof=silent,
        cause="CloudStack can log in to the host, and gets no answer there to `ls /dev/kvm`",
        expected=f"output within {SCRIPT_SILENCE} s",
        next_step="log in as host_registration_username and see what the shell waits for: its start files, a home "
        "directory on a server that is gone, a full or hanging disk; then run again",
        source="recorded: 363 s with a command that hangs (SSHCmdHelper.java:158-201)",
    ),
    Rule(
        name="no-kvm",
        error="does not have KVM enabled",
        proof=addhost_text,
        cause="the host has no /dev/kvm",
        expected="hardware virtualisation switched on",
        next_step="enable VT-x or AMD-V in the firmware, load kvm_intel or kvm_amd, then run again",
        source="LSD:297; staged: kvm-missing, kvm-module-only-removed",
    ),
    Rule(
        name="already-there",
        error="already in the database",
        proof=addhost_text,
        cause="CloudStack already has a host of this address",
        expected="no record, or an Up host",
        next_step="look for it in all zones (listHosts), then delete the stale record, or set "
        "host_registration_stale_host: remove, and run again",
        source="LSD:268; https://github.com/apache/cloudstack/issues/8597",
    ),
    Rule(
        name="not-discovered",
        error="Cannot find the server resources",
        proof=at_once,
        cause="CloudStack did not even try to log in to the host",
        expected="a cluster of the hypervisor KVM and an http:// address",
        next_step="check the hypervisor of the cluster in CloudStack, then run again",
        source="LSD:236-253; staged: https-url",
    ),
    Rule(
        name="no-scheme",
        error="uri.scheme is null",
        proof=addhost_text,
        cause="the address for addHost has no scheme",
        expected="http:// in front of the address",
        next_step="correct cloudstack_host_address to a bare address, or the option url of the module host, then "
        "run again",
        source="RMI:962-987; staged: no-scheme",
    ),
    Rule(
        name="no-username",
        error="Username need to be provided",
        proof=addhost_text,
        cause="CloudStack was given no account to log in with",
        expected="an account on the host",
        next_step="set host_registration_username, then run again",
        source="RMI:732-792; staged: no-username",
    ),
    Rule(
        name="no-password-parameter",
        error="host_details",
        proof=addhost_text,
        cause="CloudStack stored the host without a password parameter",
        expected="the parameter, even if empty",
        next_step="run again: the host is registered and will be found",
        source="RMI:898-916; seen on 4.22.1: addHost without the parameter password",
    ),
    Rule(
        name="place-not-found",
        proof=answer(r"Can't find (?:zone|pod|cluster)|doesn't belong to the zone"),
        cause="CloudStack does not have the zone, pod or cluster that the host is to join",
        expected="host_registration_zone, host_registration_pod and host_registration_cluster as listZones, listPods "
        "and listClusters name them",
        next_step="correct these variables, or create what is missing with the modules zone, pod and cluster, then "
        "run again",
        source="RMI:732-792",
    ),
    Rule(
        name="first-host-still-connecting",
        error="Guid is not updated for cluster",
        proof=addhost_text,
        cause="the first host of this cluster has not come Up yet, and CloudStack adds no other host before",
        expected="an Up host in the cluster, or none at all",
        next_step="wait until the first host of the cluster is Up, or delete its record, then run again",
        source="RMI:704-711",
    ),
    Rule(
        name="ca-cannot-issue",
        error="Configured CA plugin cannot provision",
        proof=addhost_text,
        cause="CloudStack's CA plugin cannot issue a certificate for the host",
        expected="a CA provider that issues certificates, such as root",
        next_step="check the global setting ca.framework.provider.plugin, then run again",
        source="LSD:340",
    ),
    Rule(
        name="certificate-not-issued",
        error="Failed to issue certificates",
        proof=addhost_text,
        cause="CloudStack's CA did not issue a certificate for the host",
        expected="a certificate for the host's addresses",
        next_step="read management-server.log for the reason, check the settings ca.framework.cert.*, then run again",
        source="LSD:201",
    ),
)
