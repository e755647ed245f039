# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""cloudstack-setup-agent, which gives up in two ways: with a traceback that only management-server.log has, and addHost
fails at once; or with a message and exit status 0, and addHost waits five minutes for an agent that never starts.

Sources: files of python/lib/cloudutils and agent/bindir/cloud-setup-agent.in of CloudStack 4.22.1. What it runs speaks
the language of the host, so a rule looks at the command that failed (`step`) where it can.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    SCRIPT_SILENCE,
    SET_UP_TRIAL,
    SETUP_FAILED,
    Rule,
    all_of,
    any_of,
    fact,
    program,
    says,
    setup_given_up,
    setup_wrote_nothing,
    silent,
    step,
    unit,
)

SAID = ("setup.log", SET_UP_TRIAL)
SLOW_NAME = 5  # seconds for hostname --fqdn; sudo and the set-up ask for the name again and again
DISTRIBUTION = (
    "on Debian install lsb-release (role kvm_host); on Ubuntu restore /etc/legal (package base-files); then run again. "
    "Try it on the host: python3 -c 'from cloudutils.utilities import Distribution; "
    "print(Distribution().getVersion())'"
)
NAMES = (
    "measure how long `hostname --fqdn` and `sudo true` take on the host (more than a second is too long): repair its "
    "resolvers in /etc/resolv.conf, put its name into /etc/hosts (role kvm_host: kvm_host_fqdn and kvm_host_address) "
    "with 'hosts: files dns' in /etc/nsswitch.conf, then run again"
)

SETUP_RULES: tuple[Rule, ...] = (
    Rule(
        name="no-setup-agent",
        error=SETUP_FAILED,
        proof=program("cloudstack-setup-agent"),
        cause="cloudstack-agent is not installed properly on the host",
        expected="/usr/bin/cloudstack-setup-agent",
        next_step="reinstall cloudstack-agent (role cloudstack_agent), then run again",
        source="LSD:346-362; staged: setup-agent-missing",
    ),
    Rule(
        name="distribution-unknown",
        proof=any_of(
            says(r"UnknownSystemException|Can't find the distribution version|distributor = ", *SAID),
            all_of(step("/usr/bin/lsb_release -i")),
        ),
        cause="cloudstack-setup-agent does not recognise the distribution of the host",
        expected="a distribution that CloudStack supports, with the file or program by which its set-up recognises it",
        next_step=DISTRIBUTION,
        source="utilities.py:104-157; staged: /usr/bin/lsb_release removed on Debian 12",
    ),
    Rule(
        name="no-lsb-release",
        error=SETUP_FAILED,
        proof=program("lsb_release"),
        cause="/usr/bin/lsb_release is missing, and without it cloudstack-setup-agent does not recognise Debian as "
        "the distribution",
        expected="the package lsb-release",
        next_step="install lsb-release (role kvm_host), then run again",
        source="utilities.py:133-140; staged: /usr/bin/lsb_release removed on Debian 12",
    ),
    Rule(
        name="python-cannot-load-it",
        proof=says(
            r"ModuleNotFoundError|ImportError|PermissionError|No module named|SyntaxError"
            r"|python3'?:? (?:No such|not found)",
            *SAID,
        ),
        cause="Python on the host cannot run cloudstack-setup-agent",
        expected="python3 that finds CloudStack's module cloudutils and can load it",
        next_step="reinstall cloudstack-common and cloudstack-agent for this distribution's python3 (role "
        "cloudstack_agent), then run again. Try it with: python3 -c 'import cloudutils.syscfg'",
        source="cloud-setup-agent.in:24-45; https://github.com/apache/cloudstack/issues/7258",
    ),
    Rule(
        name="setup-given-up",
        error=SETUP_FAILED,
        proof=setup_given_up,
        cause=f"cloudstack-setup-agent was silent for {SCRIPT_SILENCE} s, so the management server closed the "
        "connection: "
        "something on the host is slow, most often its name look-ups",
        expected=f"output of the set-up at least every {SCRIPT_SILENCE} s",
        next_step=NAMES,
        source="SSHCmdHelper.java:194-201, utilities.py:77 (writeProgressBar); staged: every name look-up takes 25 s",
    ),
    Rule(
        name="slow-names",
        error=SETUP_FAILED,
        proof=fact("fqdn_seconds", lambda value: value is not None and value >= SLOW_NAME, "hostname --fqdn took {} s"),
        cause="name look-ups on the host are slow, so cloudstack-setup-agent did not end in time",
        expected="an answer of hostname --fqdn within a second",
        next_step=NAMES,
        source="staged: every name look-up takes 25 s, two dead resolvers",
    ),
    Rule(
        name="kvm-ok-missing",
        proof=any_of(
            all_of(program("kvm-ok"), says(r"execute:kvm-ok", "setup.log")),
            step("kvm-ok", r"kvm-ok\s?:"),
            says(r"kvm-ok\s?: (?:not found|command not found)", "setup.log"),
        ),
        cause="kvm-ok is missing, so setup-agent stopped",
        expected="the package cpu-checker",
        next_step="install cpu-checker (role kvm_host), then run again",
        source="utilities.py:234; staged: kvm-ok-missing",
    ),
    Rule(
        name="kvm-ok-refuses",
        proof=any_of(step("kvm-ok", r"^(?!.*kvm-ok\s?:)"), says(r"KVM acceleration can NOT be used", "setup.log")),
        cause="kvm-ok says that this host cannot use KVM, so setup-agent stopped",
        expected="kvm-ok to end with 0",
        next_step="enable VT-x or AMD-V in the firmware, load kvm_intel or kvm_amd until `kvm-ok` ends with 0, then "
        "run again",
        source="utilities.py:234, syscfg.py:137; https://github.com/apache/cloudstack/issues/9034",
    ),
    Rule(
        name="hostname-missing",
        proof=program("hostname"),
        cause="the program hostname is missing on the host, so setup-agent stopped",
        expected="hostname",
        next_step="install the package hostname, then run again",
        source="syscfg.py:132",
    ),
    Rule(
        name="own-name-unresolvable",
        proof=any_of(step("hostname -f"), says(r"Failed to execute:hostname", "setup.log")),
        cause="the host cannot resolve its own name, so setup-agent stopped",
        expected="an answer of hostname --fqdn",
        next_step="add the name to /etc/hosts (role kvm_host), then run again",
        source="syscfg.py:132; staged: hostname-unresolvable",
    ),
    Rule(
        name="too-little-memory",
        proof=says(r"CloudStack requires more than \d+ MB memory", "setup.log"),
        cause="the host has less memory than CloudStack reserves on it, so setup-agent stopped",
        expected="more memory than host.reserved.mem.mb (1024 if not set)",
        next_step="lower host.reserved.mem.mb in agent.properties, or give the host more memory, then run again",
        source="serviceConfig.py:512",
    ),
    Rule(
        name="no-nic",
        proof=says(r"CloudStack requires at least a single NIC", "setup.log"),
        cause="setup-agent saw no network interface on the host, so it stopped",
        expected="an interface besides lo",
        next_step="see `ip address` on the host and bring up its interfaces, then run again",
        source="serviceConfig.py:515",
    ),
    Rule(
        name="bridge-of-another-kind",
        proof=says(
            r"is not an openvswitch bridge|is not a bridge and not a net device|Unknown network\.bridge\.type", *SAID
        ),
        cause="the bridges of the host are not of the kind that network.bridge.type in agent.properties names",
        expected="network.bridge.type=openvswitch with OVS bridges, or native with Linux bridges",
        next_step="correct network.bridge.type (cloudstack_agent_properties) or the bridges, then run again",
        source="serviceConfig.py:98-101 and 180",
    ),
    Rule(
        name="bridge-missing",
        proof=says(
            r"is not a network device, is it down|ifconfig|execute:if(?:up|down) |execute:service network restart"
            r"|network configuration into /etc",
            "setup.log",
        ),
        cause="a bridge of a traffic label is missing, so setup-agent tried to build one",
        expected="a bridge for each label of the zone",
        next_step="declare the bridge (network_bridge_config), then run again",
        source="serviceConfig.py:95, 201 and 203; staged: guest-bridge-missing",
    ),
    Rule(
        name="setup-command-hangs",
        proof=says(r"Timeout during command execution", "setup.log"),
        cause="a command of setup-agent did not end within 600 s",
        expected="every command to end",
        next_step="run the last 'execute:' line of setup.log by hand on the host and see what it waits for, then run "
        "again",
        source="utilities.py:46",
    ),
    Rule(
        name="setup-agent-hangs",
        error=SETUP_FAILED,
        proof=silent,
        cause="cloudstack-setup-agent does not end: a command of it hangs, or the host is too slow",
        expected=f"output of the set-up at least every {SCRIPT_SILENCE} s",
        next_step="run the last 'execute:' line of setup.log by hand on the host and see how long it takes; " + NAMES,
        source="SSHCmdHelper.java:158-201",
    ),
    Rule(
        name="libvirtd-masked",
        proof=any_of(
            says(r"libvirtd\.service is masked", "setup.log", "journal"),
            unit("libvirtd.service", "LoadState", "masked"),
            unit("libvirtd.service", "UnitFileState", "masked", "masked-runtime"),
        ),
        cause="libvirtd is masked",
        expected="libvirtd enabled",
        next_step="run `systemctl unmask libvirtd` on the host (role kvm_host does), then run again",
        source="staged: libvirtd-masked",
    ),
    Rule(
        name="libvirtd-not-installed",
        proof=any_of(
            says(
                r"Unit libvirtd\.service (?:not found|could not be found)|Unit file libvirtd\.service does not",
                "setup.log",
            ),
            unit("libvirtd.service", "LoadState", "not-found"),
        ),
        cause="libvirtd is not installed on the host",
        expected="libvirtd.service",
        next_step="install libvirt-daemon-system (Debian, Ubuntu) or libvirt-daemon (role kvm_host), then run again",
        source="serviceConfig.py:700-763",
    ),
    Rule(
        name="agent-masked",
        proof=any_of(
            says(r"cloudstack-agent\.service is masked", "setup.log", "journal"),
            unit("cloudstack-agent.service", "LoadState", "masked"),
        ),
        cause="cloudstack-agent.service is masked, so setup-agent could not start it",
        expected="cloudstack-agent.service enabled",
        next_step="run `systemctl unmask cloudstack-agent` on the host, then run again",
        source="systemd; serviceConfig.py:899-903",
    ),
    Rule(
        name="setup-dies-at-once",
        error=SETUP_FAILED,
        proof=setup_wrote_nothing,
        cause="cloudstack-setup-agent ended before its first line in setup.log: it does not recognise the "
        "distribution of the host (Debian by /usr/bin/lsb_release), or Python cannot load it",
        expected="a line in /var/log/cloudstack/agent/setup.log",
        next_step="see its traceback with: python3 -c 'import cloudutils.syscfg; from cloudutils.utilities import "
        "Distribution; print(Distribution().getVersion())' on the host, or under 'SSH command output' in "
        "management-server.log, then run again",
        source="cloud-setup-agent.in:24-45 and 179-185; staged: /usr/bin/lsb_release removed on Debian 12",
        certain=False,
    ),
)
