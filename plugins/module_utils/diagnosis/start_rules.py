# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent or libvirtd does not start. LCR is
plugins/hypervisors/kvm/src/main/java/com/cloud/hypervisor/kvm/resource/LibvirtComputingResource.java of CloudStack
4.22.1.
"""

from __future__ import annotations

from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.case import (
    Rule,
    all_of,
    any_of,
    certificate,
    fact,
    libvirt_gone,
    program,
    says,
    unit,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.script_rules import RESET

CLOCK = "let the role time_sync set the clock, remove /etc/cloudstack/agent/cloud.*, then run again"
AGENT_LOGS = ("agent.log", "agent.out", "agent.err", "journal")
LIBVIRTD_FAILS = any_of(
    says(
        r"A dependency job for cloudstack-agent|Job for libvirtd\.service failed|libvirtd\.service: Failed with"
        r"|libvirtd\.service: Start request repeated|cloudstack-agent\.service/start failed with result 'dependency'",
        "setup.log",
        "journal",
        until=r"systemd.*Started (?:libvirtd|Virtualization)",
    ),
    unit("libvirtd.service", "ActiveState", "failed"),
)

START_RULES: tuple[Rule, ...] = (
    Rule(
        name="two-joins-at-once",
        proof=fact(
            "certificate_fits_key",
            lambda value: value is False,
            "cloud.crt is not the certificate of cloud.key, in /etc/cloudstack/agent",
        ),
        cause="the host's certificate does not belong to its key, so libvirtd does not start: two joins ran at the "
        "same time, each with its own key",
        expected="one addHost at a time",
        next_step="see that nothing else adds this host (another controller, the UI), then run ansible-playbook "
        "cloudstack.kvm.prepare_hosts, which removes both, and cloudstack.kvm.add_hosts again",
        source="seen on 4.22.1: two addHost of one host, 60 s apart",
    ),
    Rule(
        name="certificate-not-yet-valid-words",
        proof=says(
            r"not yet (?:active|valid)|certificate is not yet|CertificateNotYetValid",
            "journal",
            "agent.log",
            "setup.log",
        ),
        cause="the host's clock is behind, so the new certificate is not valid yet",
        expected="a clock in step with the management server",
        next_step=CLOCK,
        source="libvirt src/rpc/virnettlscontext.c; staged: clock-behind",
    ),
    Rule(
        name="certificate-not-yet-valid",
        proof=certificate("not yet valid"),
        cause="the host's clock is behind, so the new certificate is not valid yet and libvirtd does not start with it",
        expected="a clock in step with the management server",
        next_step=CLOCK,
        source="the certificate begins 12 h before it is issued; staged: clock-behind",
    ),
    Rule(
        name="certificate-expired",
        proof=any_of(
            certificate("expired"),
            says(r"certificate .*has expired|CertificateExpired|certificate_expired", "agent.log", "journal"),
        ),
        cause="the host's certificate is expired, or its clock is far ahead",
        expected="a certificate that is valid now",
        next_step=CLOCK,
        source="RootCACustomTrustManager.java:107 of CloudStack 4.22.1, libvirt src/rpc/virnettlscontext.c",
    ),
    Rule(
        name="libvirtd-config",
        proof=says(
            r"libvirtd\.conf: ?\d+|(?:remoteReadConfigFile|virConf\w+).*(?:syntax|expecting)", "journal", "setup.log"
        ),
        cause="libvirtd does not start: its configuration has an error",
        expected="a libvirtd.conf that libvirtd reads",
        next_step="correct the line in /etc/libvirt/libvirtd.conf (journalctl -u libvirtd names it), then run again",
        source="libvirt src/util/virconf.c; https://github.com/apache/cloudstack/issues/4754",
    ),
    Rule(
        name="openssl-missing",
        proof=all_of(program("openssl"), LIBVIRTD_FAILS),
        cause="openssl is missing on the host, so keystore-cert-import wrote no key, and libvirtd does not start "
        "without",
        expected="openssl",
        next_step="install openssl, then " + RESET,
        source="scripts/util/keystore-cert-import:93-101 of CloudStack 4.22.1",
    ),
    Rule(
        name="libvirtd-does-not-start",
        proof=LIBVIRTD_FAILS,
        cause="libvirtd does not start, and the agent needs it",
        expected="libvirtd running",
        next_step="see the reason with `journalctl -u libvirtd` on the host and repair it, then run again; a clock "
        "that is behind makes the certificate invalid",
        source="cloudstack-agent.service (Requires=libvirtd.service); staged: clock-behind",
    ),
    Rule(
        name="java-too-old",
        proof=says(r"Unsupported Java|UnsupportedClassVersionError|JAVA \S+ is not supported", *AGENT_LOGS),
        cause="the agent does not support the Java version of the host",
        expected="Java 17",
        next_step="install Java 17 (role cloudstack_agent) and choose it with update-alternatives --config java, then "
        "run again",
        source="scripts/installer/pre-check.sh of CloudStack 4.22.1",
    ),
    Rule(
        name="java-missing-words",
        proof=says(
            r"java does not exist|agent\.service.*203/EXEC|executable /usr/bin/java"
            r"|java ?: (?:command |commande |Kommando |Befehl )?(?:not found|introuvable|nicht gefunden|no encontrad)"
        ),
        cause="Java is missing or too old on the host",
        expected="Java 17",
        next_step="install Java 17 (role cloudstack_agent), then " + RESET,
        source="scripts/installer/pre-check.sh; staged: java-missing",
    ),
    Rule(
        name="java-missing",
        proof=program("java"),
        cause="Java is missing on the host",
        expected="Java 17",
        next_step="install Java 17 (role cloudstack_agent), then " + RESET,
        source="scripts/installer/pre-check.sh, scripts/util/keystore-setup; staged: java-missing",
    ),
    Rule(
        name="keytool-missing",
        proof=program("keytool"),
        cause="keytool is missing on the host, so it has no keystore to connect with",
        expected="keytool, a part of Java 17",
        next_step="install Java 17 with its tools (role cloudstack_agent), then " + RESET,
        source="scripts/util/keystore-setup:68",
    ),
    Rule(
        name="tmp-noexec",
        proof=any_of(
            says(
                r"UnsatisfiedLinkError.*(?:Operation not permitted|Permission denied|jna)|failed to map segment",
                *AGENT_LOGS,
            ),
            all_of(
                says(r"Could not initialize class (?:com\.sun\.jna|org\.libvirt)|UnsatisfiedLinkError", *AGENT_LOGS),
                fact("tmp_noexec", bool, "/tmp is mounted noexec"),
            ),
        ),
        cause="the agent cannot load its native library from /tmp: /tmp is mounted noexec, or fapolicyd blocks it",
        expected="a folder from which Java may load a library (JNA)",
        next_step="run `mount -o remount,exec /tmp` (and correct /etc/fstab), or add -Djna.tmpdir=<folder> "
        "-Djava.io.tmpdir=<folder> to JAVA_OPTS in /etc/default/cloudstack-agent, with a folder of root that is not "
        "noexec; then run again",
        source="JNA: com.sun.jna.Native; https://github.com/gocd/gocd/issues/11548",
    ),
    Rule(
        name="libvirt-library-missing",
        proof=says(r"Unable to load library 'virt'|libvirt\.so", *AGENT_LOGS),
        cause="libvirt's client library is missing on the host",
        expected="libvirt.so.0",
        next_step="install libvirt0 (Debian, Ubuntu) or libvirt-libs, then run again",
        source="libvirt-java: org.libvirt.Library",
    ),
    Rule(
        name="jars-mixed",
        proof=says(
            r"NoClassDefFoundError|ClassNotFoundException|Could not find or load main class|NoSuchMethodError"
            r"|NoSuchFieldError|InstantiationException|Unable to find the implementation version",
            *AGENT_LOGS,
        ),
        cause="the agent's own files do not fit together: releases are mixed, or files are missing",
        expected="cloudstack-agent and cloudstack-common of one release, the management server's",
        next_step="compare the versions of both packages with the management server's, remove foreign files from "
        "/usr/share/cloudstack-agent/lib, reinstall both (role cloudstack_agent), then run again",
        source="https://github.com/apache/cloudstack/issues/6794 and 7742",
    ),
    Rule(
        name="too-little-memory-for-java",
        proof=says(
            r"insufficient memory for the Java|Could not reserve enough space|OutOfMemoryError|Cannot allocate memory",
            *AGENT_LOGS,
        ),
        cause="the host has not enough free memory for the agent",
        expected="256 MB at its start, up to 2 GB (JAVA_OPTS in /etc/default/cloudstack-agent)",
        next_step="see `free -m` on the host (huge pages count as used) and free memory, then run again",
        source="packaging/systemd/cloudstack-agent.default of CloudStack 4.22.1",
    ),
    Rule(
        name="java-options",
        proof=says(
            r"Unrecognized VM option|Unrecognized option|Invalid (?:maximum|initial) heap size"
            r"|Could not create the Java",
            *AGENT_LOGS,
        ),
        cause="Java does not accept the options that the agent is started with",
        expected="options that Java 17 knows",
        next_step="correct JAVA_OPTS in /etc/default/cloudstack-agent, then run again",
        source="packaging/systemd/cloudstack-agent.default of CloudStack 4.22.1",
    ),
    Rule(
        name="stale-keystore",
        proof=says(r"keystore password was incorrect|[Kk]eystore was tampered with"),
        cause="a keystore of an earlier join is left on the host, with another passphrase",
        expected="no cloud.jks, or one with the current passphrase",
        next_step=RESET,
        source="scripts/util/keystore-setup:63; staged: stale-jks-other-pass",
    ),
    Rule(
        name="no-hvm",
        proof=says(r"NO HVM support on this machine", *AGENT_LOGS),
        cause="libvirt on the host offers no hardware virtualisation",
        expected="a guest of type hvm for KVM in virsh capabilities",
        next_step="enable VT-x or AMD-V in the firmware, load kvm_intel or kvm_amd, install QEMU (role kvm_host), "
        "restart libvirtd, then run again",
        source="LCR:1343-1349",
    ),
    Rule(
        name="no-qemu-driver",
        proof=says(r"no connection driver available for", *AGENT_LOGS),
        cause="libvirtd on the host has no QEMU driver",
        expected="libvirt's QEMU driver",
        next_step="install libvirt-daemon-driver-qemu (Debian, Ubuntu: libvirt-daemon-system), restart libvirtd, then "
        "run again",
        source="libvirt src/libvirt.c",
    ),
    Rule(
        name="libvirtd-does-not-answer",
        proof=libvirt_gone,
        cause="libvirtd does not answer the agent",
        expected="libvirtd running, with the socket /var/run/libvirt/libvirt-sock",
        next_step="see `systemctl status libvirtd` and `journalctl -u libvirtd` on the host; when `virsh -c "
        "qemu:///system list` works there as root, run again",
        source="LCR:1318-1326, LibvirtConnection.java:60; https://github.com/apache/cloudstack/issues/4050 and 4700",
    ),
    Rule(
        name="property-unreadable",
        # in agent.log only where the agent ends by it: the look for the CPU's speed says the same and goes on
        proof=any_of(
            says(
                r"Unable to start agent.*(?:NumberFormat|For input string|No enum constant|Malformed .uxxxx)",
                "agent.log",
            ),
            says(r"NumberFormatException|For input string|No enum constant|Malformed .uxxxx", "agent.out", "agent.err"),
        ),
        cause="the agent cannot read a value of agent.properties",
        expected="values of the type that the agent expects",
        next_step="compare /etc/cloudstack/agent/agent.properties with what the error quotes (pre-flight checks "
        "AGT*), correct it, then run again",
        source="LCR:1009-1489, AgentPropertiesFileHandler.java of CloudStack 4.22.1",
    ),
    Rule(
        name="local-storage-property",
        proof=says(r"local storage pools? (?:have|must be|is invalid)", *AGENT_LOGS),
        cause="local.storage.path and local.storage.uuid in agent.properties do not fit together",
        expected="one UUID for each path",
        next_step="correct both keys in /etc/cloudstack/agent/agent.properties, then run again",
        source="LCR:1613-1651",
    ),
    Rule(
        name="agent-script-missing",
        proof=says(r"Unable to find (?:the )?'?\S+\.(?:sh|py)|Unable to find the '\S+' script", *AGENT_LOGS),
        cause="a script that the agent needs is missing: cloudstack-common is not installed properly",
        expected="the scripts in /usr/share/cloudstack-common/scripts, of the agent's release",
        next_step="reinstall cloudstack-common in the version of cloudstack-agent (role cloudstack_agent), then run "
        "again",
        source="LCR:1071-1169",
    ),
    Rule(
        name="vif-driver",
        proof=says(r"(?:find|instantiate) class for libvirt\.vif\.driver", *AGENT_LOGS),
        cause="libvirt.vif.driver in agent.properties names a class that the agent does not have",
        expected="no libvirt.vif.driver, or a class of CloudStack",
        next_step="remove or correct libvirt.vif.driver in agent.properties, then run again",
        source="LCR:1819-1823",
    ),
    Rule(
        name="management-interface-missing",
        proof=says(
            r"because \"m\" is null|NetUtils\.byte2Mac|tryToAutoDiscoverResourcePrivateNetworkInterface",
            "agent.log",
            "agent.out",
            "agent.err",
        ),
        cause="the interface that private.network.device names is not on the host, and the agent's own search for "
        "another one ends at an interface without a MAC address (a tunnel, WireGuard)",
        expected="the management bridge, which private.network.device in agent.properties names",
        next_step="compare private.network.device with `ip -br link` on the host: make the bridge, or correct the KVM "
        "label of the management traffic, then run again",
        source="ServerResourceBase.java:66-148; https://github.com/apache/cloudstack/issues/12274",
    ),
    Rule(
        name="no-physical-port",
        proof=says(r"Failed to get (?:private|public) nic name", "agent.log", "agent.out"),
        cause="the agent finds no physical port behind a bridge",
        expected="a port whose name the agent knows: eth*, bond*, ens*, eno*, enp*, team* and others",
        next_step="give the bridge such a port (rename it with a .link file of systemd before the bridge is made), "
        "then run again",
        source="LCR:1418-1426 and 2001-2032; https://github.com/apache/cloudstack-documentation/pull/214",
    ),
)
