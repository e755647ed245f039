# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Known causes of a failed join, most telling first. Where each text comes from: CloudStack 4.22.1 and hosts that were
made to fail one by one; tests/fixtures/join holds what they left behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

KEYSTORE = "Failed to setup keystore"
STAMP = re.compile(r"^\d{4}-\d\d-\d\d (\d\d):(\d\d):(\d\d),")
TLS_TEST = "The max shares of the host"  # the agent's last words before it tests its own TLS port
SCRIPT_TRIES, SCRIPT_SILENCE = 3, 120  # how often CloudStack calls a script on the host, and the seconds without output that it waits
TCP_TIMEOUT = 100  # seconds; Linux gives up on an unanswered connection after about 130
RESET = "stop cloudstack-agent, remove /etc/cloudstack/agent/cloud.* (cloudstack_agent_remove_leftovers does it), then add the host again"


@dataclass(frozen=True)
class Case:
    """What is known about one failed join, ready to be searched."""

    error: str
    alerts: tuple[str, ...]
    logs: Mapping[str, tuple[str, ...]]
    programs: Mapping[str, str]
    seconds: float
    evidence: Mapping[str, Any]

    def find(self, pattern: str, *sources: str) -> str:
        """The newest line of these logs that matches, "" if there is none."""
        for source in sources or tuple(self.logs):
            for line in reversed(self.logs.get(source) or ()):
                if re.search(pattern, line):
                    return line.strip()[:300]
        return ""


# A rule: pattern in the error ("" is any), what shows it (a line or ""), cause, expected, next step.
Proof = Callable[[Case], str]


@dataclass(frozen=True)
class Rule:
    """One known cause. It applies when `error` is part of addHost's text and `proof` returns something."""

    error: str
    proof: Proof
    cause: str
    expected: str
    next_step: str


def _says(pattern: str, *sources: str) -> Proof:
    return lambda case: case.find(pattern, *sources)


def _text(case: Case) -> str:
    return case.error


def _at_once(case: Case) -> str:
    """The generic sentence comes after the wait for the agent, or at once where no discoverer wanted the host."""
    return case.error if case.seconds < 10 else ""


def _alert(pattern: str) -> Proof:
    return lambda case: next((f"alert: {text}" for text in case.alerts if re.search(pattern, text)), "")


def _program(name: str) -> Proof:
    return lambda case: f"{name} is {case.programs[name]}" if case.programs.get(name, "ok") != "ok" else ""


def _slow_start(case: Case) -> str:
    """The agent tests qemu+tls to its own address before it connects; a dropped packet there costs a whole TCP timeout."""
    last = None
    for line in case.logs.get("agent.log") or ():
        stamp = STAMP.match(line)
        if not stamp:
            continue
        now = int(stamp[1]) * 3600 + int(stamp[2]) * 60 + int(stamp[3])
        if last and TLS_TEST in last[1] and now - last[0] >= TCP_TIMEOUT:
            return f"{now - last[0]} s without a word in agent.log after: {last[1].strip()[:150]}"
        last = (now, line)
    return ""


def _empty_keystore(case: Case) -> str:
    size = (case.evidence.get("files") or {}).get("cloud.jks")
    return "/etc/cloudstack/agent/cloud.jks has 0 bytes" if size == 0 else ""


def _certificate(state: str) -> Proof:
    def proof(case: Case) -> str:
        seen = case.evidence.get("certificate") or {}
        return f"cloud.crt is {state}: from {seen.get('not_before')}, now {seen.get('now')}" if seen.get("state") == state else ""

    return proof


def _silent(case: Case) -> str:
    """Three tries, each given up after 120 s without output (add-host-flow.md)."""
    return f"three tries that took {case.seconds:.0f} s together" if case.seconds >= SCRIPT_TRIES * SCRIPT_SILENCE else ""


def _fact(key: str, wrong: Callable[[Any], bool], say: str) -> Proof:
    return lambda case: say.format(case.evidence.get(key)) if key in case.evidence and wrong(case.evidence[key]) else ""


RULES: tuple[Rule, ...] = (
    Rule(
        "Authentication error with SSH private key",
        _text,
        "CloudStack's key is not accepted by the host",
        "CloudStack's public key in authorized_keys of its account",
        "run prepare_hosts.yml (role cloudstack_agent installs the key), or give host_registration_password",
    ),
    Rule(
        "Authentication error with host password",
        _text,
        "neither CloudStack's key nor the password is accepted by the host",
        "a login as host_registration_username",
        "correct host_registration_password or host_registration_username, or let the role cloudstack_agent install the key",
    ),
    Rule(
        "Password authentication failed",
        _text,
        "the host's sshd offers no password login",
        "a login with CloudStack's key, or PasswordAuthentication yes",
        "let the role cloudstack_agent install the key; it is the better way anyhow",
    ),
    Rule(
        "kexTimeout",
        _text,
        "port 22 of the host is dropped on the way from the management server",
        "an SSH connection from the management servers",
        "let the management servers in (role firewall: management server addresses), check firewalls between",
    ),
    Rule(
        "There was a problem while connecting to",
        _text,
        "the management server cannot open an SSH session to the host",
        "sshd at that address, with an algorithm in common",
        "check address, port and sshd; sshd must offer an aes-ctr cipher, a hmac-sha2 MAC that is not -etm, and curve25519 or ecdh key exchange",
    ),
    Rule(
        "Name or service not known",
        _text,
        "the management server cannot resolve the host's name",
        "a name that the management server knows, or an address",
        "set host_registration_address to the address",
    ),
    Rule(
        "does not have KVM enabled",
        _text,
        "the host has no /dev/kvm",
        "hardware virtualisation switched on",
        "enable VT-x or AMD-V in the firmware, load kvm_intel or kvm_amd, then run again",
    ),
    Rule(
        "Can't add host",
        _text,
        "the operating system differs from the other hosts of the cluster",
        "one operating system in a cluster",
        "put the host into a cluster of its own kind",
    ),
    Rule(
        "already in the database",
        _text,
        "CloudStack already has a host of this address",
        "no row, or an Up host",
        "look for it in all zones (listHosts); delete the stale row, or set host_registration_leftover: remove",
    ),
    Rule(
        "Cannot find the server resources",
        _at_once,
        "CloudStack did not even try to log in to the host",
        "a cluster of the hypervisor KVM and an http:// address",
        "check the hypervisor of the cluster in CloudStack, then run again",
    ),
    Rule(
        "uri.scheme is null",
        _text,
        "the address for addHost has no scheme",
        "http:// in front of the address",
        "correct host_registration_address to a bare address, or the option url of the module host",
    ),
    Rule(
        "Username need to be provided",
        _text,
        "CloudStack was given no account to log in with",
        "an account on the host",
        "set host_registration_username",
    ),
    Rule(
        "host_details",
        _text,
        "CloudStack stored the host without a password parameter",
        "the parameter, even if empty",
        "run again: the host is registered and will be found",
    ),
    Rule(
        "",
        _alert("Can not find network"),
        "a bridge of a traffic label is missing or has no physical port",
        "a bridge with a port for each label",
        "give the bridge a port (network_bridge_bridges), then run add_hosts.yml again",
    ),
    Rule(
        "",
        _alert("to storage pool"),
        "the host cannot mount the primary storage of the cluster",
        "a mount of every pool of the cluster",
        "try the mount on the host as root; check the export and the storage network",
    ),
    Rule(KEYSTORE, _program("sudo"), "sudo is missing on the host", "sudo", "install sudo (role kvm_host), then run again"),
    Rule(
        KEYSTORE,
        _program("keystore-setup"),
        "cloudstack-common is not installed properly on the host",
        "/usr/share/cloudstack-common/scripts/util/keystore-setup, executable",
        "reinstall cloudstack-common (role cloudstack_agent), then run again",
    ),
    Rule(
        KEYSTORE,
        _says(r"NOT in sudoers|command not allowed|a password is required|no tty|must have a tty", "journal"),
        "the account may not use sudo for the keystore scripts",
        "sudo without password and without a terminal for host_registration_username",
        "let the role cloudstack_agent write the sudoers file, then run again",
    ),
    Rule(
        KEYSTORE,
        _fact("sudo_without_password", lambda value: value is False, "sudo -l shows no rule with NOPASSWD for the account"),
        "the account may not use sudo without a password",
        "sudo without password and without a terminal for host_registration_username",
        "let the role cloudstack_agent write the sudoers file, then run again",
    ),
    Rule(
        KEYSTORE,
        _silent,
        "keystore-setup does not end: the host is too slow or hangs, on its entropy, its disk or its name service",
        f"keystore-setup to end within {SCRIPT_SILENCE} s",
        "time keytool and hostname --fqdn on the host, relieve it, then run again",
    ),
    Rule(
        "Failed to setup certificate",
        _program("keystore-cert-import"),
        "cloudstack-common is not installed properly on the host",
        "/usr/share/cloudstack-common/scripts/util/keystore-cert-import, executable",
        "reinstall cloudstack-common, then run again",
    ),
    Rule(
        "Failed to setup certificate",
        _fact("read_only", bool, "read only: {}"),
        "/etc/cloudstack is read-only",
        "a writable /etc/cloudstack",
        "remount it writable, then run again",
    ),
    Rule(
        "Failed to setup certificate",
        _says(r"Cannot chmod|Read-only file system", "journal"),
        "/etc/cloudstack cannot be written",
        "a writable /etc/cloudstack",
        "remount it writable, then run again",
    ),
    Rule(
        "Failed to setup certificate",
        _empty_keystore,
        "the disk is full, or was when the keystore was written",
        "free space in /etc",
        "free some space, then " + RESET,
    ),
    Rule(
        "Failed to setup certificate",
        _fact("free_bytes", lambda value: value < 1_000_000, "{} bytes free"),
        "the disk is full",
        "free space in /etc",
        "free some space, then " + RESET,
    ),
    Rule(
        "Failed to setup certificate",
        _silent,
        "keystore-cert-import does not end: the host is too slow or hangs",
        f"keystore-cert-import to end within {SCRIPT_SILENCE} s",
        "time keytool on the host, relieve it, then remove /etc/cloudstack/agent/cloud.* and run again",
    ),
    Rule(
        "CloudStack Agent setup through command",
        _program("cloudstack-setup-agent"),
        "cloudstack-agent is not installed properly on the host",
        "/usr/bin/cloudstack-setup-agent",
        "reinstall cloudstack-agent (role cloudstack_agent), then run again",
    ),
    Rule(
        "",
        _says(r"kvm-ok: not found", "setup.log"),
        "kvm-ok is missing, so setup-agent stopped",
        "the package cpu-checker",
        "install cpu-checker (role kvm_host), then run again",
    ),
    Rule(
        "",
        _says(r"Failed to execute:hostname", "setup.log"),
        "the host cannot resolve its own name, so setup-agent stopped",
        "an answer of hostname --fqdn",
        "add the name to /etc/hosts (role kvm_host), then run again",
    ),
    Rule(
        "",
        _says(r"ifconfig", "setup.log"),
        "a bridge of a traffic label is missing, so setup-agent tried to build one",
        "a bridge for each label of the zone",
        "declare the bridge (network_bridge_bridges), then run again",
    ),
    Rule(
        "",
        _says(r"libvirtd\.service is masked", "setup.log", "journal"),
        "libvirtd is masked",
        "libvirtd enabled",
        "systemctl unmask libvirtd (role kvm_host), then run again",
    ),
    Rule(
        "",
        _says(r"not yet (active|valid)|certificate is not yet", "journal", "agent.log", "setup.log"),
        "the host's clock is behind, so the new certificate is not valid yet",
        "a clock in step with the management server",
        "let the role time_sync set the clock, remove /etc/cloudstack/agent/cloud.*, then run again",
    ),
    Rule(
        "",
        _certificate("not yet valid"),
        "the host's clock is behind, so the new certificate is not valid yet and libvirtd does not start with it",
        "a clock in step with the management server",
        "let the role time_sync set the clock, remove /etc/cloudstack/agent/cloud.*, then run again",
    ),
    Rule(
        "",
        _certificate("expired"),
        "the host's certificate is expired, or its clock is far ahead",
        "a certificate that is valid now",
        "let the role time_sync set the clock, remove /etc/cloudstack/agent/cloud.*, then run again",
    ),
    Rule(
        "",
        _says(r"A dependency job for cloudstack-agent", "setup.log", "journal"),
        "libvirtd does not start, and the agent needs it",
        "libvirtd running",
        "see journalctl -u libvirtd on the host; a clock that is behind makes the certificate invalid",
    ),
    Rule(
        "",
        _says(r"java does not exist|java: not found|Unsupported Java|java: command not found"),
        "Java is missing or too old on the host",
        "Java 17",
        "install Java 17 (role cloudstack_agent), then " + RESET,
    ),
    Rule(
        "",
        _program("java"),
        "Java is missing on the host",
        "Java 17",
        "install Java 17 (role cloudstack_agent), then " + RESET,
    ),
    Rule(
        "",
        _says(r"keystore password was incorrect"),
        "a keystore of an earlier join is left on the host, with another passphrase",
        "no cloud.jks, or one with the current passphrase",
        RESET,
    ),
    Rule(
        "",
        _says(r"is there a server running on port 8250|Unable to connect to remote", "agent.log", "agent.out"),
        "the agent cannot reach port 8250 of the management server",
        "a TCP connection from the host to port 8250",
        "check the firewalls between and the global setting host, then run again",
    ),
    Rule(
        "",
        _says(r"Network is unreachable|No route to host|UnresolvedAddress", "agent.log", "agent.out"),
        "the agent cannot reach the address in CloudStack's global setting host",
        "an address that hosts can reach",
        "correct the global setting host (it is pushed to all agents), then run again",
    ),
    Rule(
        "",
        _slow_start,
        "the host's own firewall drops port 16514, so the agent waits for a TCP timeout before it connects",
        "port 16514 open from the host to its own management address",
        "let the role firewall open it (libvirt over TLS), then run again: the host may be Up by now, but without TLS",
    ),
    Rule(
        "",
        # The package starts its unit, so these words stand there before every join: they mean something only once the agent was set up.
        lambda case: "" if "Failed to setup" in case.error else case.find(r"Unable to find the guid", "agent.out", "agent.log"),
        "the agent was never configured, or its agent.properties is damaged",
        "an agent.properties with guid, zone, pod and cluster",
        "remove /etc/cloudstack/agent/cloud.*, let the role cloudstack_agent repair agent.properties, then run again",
    ),
    Rule(
        "",
        _says(r"Failed to get (private|public) nic name|Can not find network", "agent.log", "agent.out"),
        "the agent finds no physical port behind a bridge",
        "a port named eth*, bond*, ens*, ...",
        "give the bridge a port that the agent takes for physical, then run again",
    ),
    Rule(
        "",
        _fact("fqdn", lambda value: value is None, "hostname --fqdn fails"),
        "the host cannot resolve its own name",
        "an answer of hostname --fqdn",
        "add the name to /etc/hosts, then run again",
    ),
)
