# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule speaks in some case, none hides behind another, and no two that fit one case name different causes."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.diagnose import case_of
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.rules import RULES

from tests.unit.plugins.module_utils.diagnosis import test_cases, test_diagnose

GENERIC = "Unable to add the host: Cannot find the server resources at http://192.0.2.11"
KEYSTORE = "Failed to setup keystore on the KVM host: 192.0.2.11"
CERTIFICATE = "Failed to setup certificate in the KVM agent's keystore file, please see logs and configure manually!"
START = "2026-10-04 08:15:30,100 ERROR [cloud.agent.AgentShell] (main:[]) (logid:) Unable to start agent: "
POOL = "2026-10-04 08:15:30,100 ERROR [kvm.storage.LibvirtStorageAdaptor] (AgentRequest-Handler-2:[]) (logid:) "
NIO = "2026-10-04 08:15:30,100 ERROR [utils.nio.NioClient] (main:[]) (logid:) "
NOT_READY = "2026-10-04 08:15:30,100 DEBUG [cloud.agent.Agent] (main:[]) (logid:) Not ready to connect to mgt server: "


def _log(name: str, *lines: str) -> dict:
    return {"logs": {name: list(lines)}}


# Rule -> (addHost's text, seconds, alerts, evidence besides a sound host's), for what no capture and no case shows. The
# texts are those of the source that stands beside the rule.
EXAMPLES = {
    "ssh-port-invalid": ("port out of range:99999", 0, (), {}),
    "already-there": (
        "Skipping host 10.88.0.14 because 1761d99e is already in the database for resource 1761d99e with ID 5",
        0,
        (),
        {},
    ),
    "no-password-parameter": ("Unable to persist the host_details key: password for host id: 18", 207, (), {}),
    "place-not-found": ("Can't find pod by id 7", 0, (), {}),
    "library-search": (
        GENERIC,
        440,
        (),
        _log(
            "agent.log", "x WARN Process [1] for command [find / -name vmware-vix-disklib-distrib] timed out. Output is"
        ),
    ),
    "first-host-still-connecting": (
        "Guid is not updated for cluster with specified cluster id; need to wait for hosts in this cluster to come up",
        0,
        (),
        {},
    ),
    "ca-cannot-issue": ("Configured CA plugin cannot provision X509 certificate(s), failing to add host", 4, (), {}),
    "certificate-not-issued": ("Failed to issue certificates for KVM host agent: 192.0.2.11", 20, (), {}),
    "login-hangs": ("This machine does not have KVM enabled.", 363, (), {}),
    "other-distribution-answer": (
        'Can\'t add host: 192.0.2.11 with hostOS, "Debian"into a cluster, in which there are "Ubuntu" hosts added.',
        90,
        (),
        {},
    ),
    "other-hypervisor": (
        GENERIC,
        440,
        (),
        _log("agent.log", NOT_READY + "Can't add host whose hypervisor type is: KVM into cluster: c whose ..."),
    ),
    "label-without-bridge": (
        GENERIC,
        444,
        ("Incorrect Network setup on agent, details : Can not find network: x",),
        {},
    ),
    "nfs-denied": (
        GENERIC,
        440,
        ("Unable to connect host 7 to storage pool 4 due to mount.nfs: access denied by server while mounting a:/b",),
        {},
    ),
    "nfs-statd": (GENERIC, 440, (), _log("agent.log", POOL + "mount.nfs: rpc.statd is not running but is required")),
    "nfs-version": (GENERIC, 440, (), _log("agent.log", POOL + "mount.nfs: Protocol not supported")),
    "nfs-no-helper": (
        GENERIC,
        440,
        (),
        _log("agent.log", POOL + "mount: bad option; you might need a /sbin/mount.<type> helper program."),
    ),
    "nfs-unreachable": (GENERIC, 440, (), _log("agent.log", POOL + "mount.nfs: Connection timed out")),
    "nfs-unmountable": (GENERIC, 440, (), _log("agent.log", POOL + "Failed to create netfs mount: nas1:/export/a")),
    "pool-twice": (
        GENERIC,
        440,
        (),
        _log("agent.log", POOL + "operation failed: Storage source conflict with pool: 'images'"),
    ),
    "pool-unusable": (GENERIC, 440, ("Unable to attach storage pool StoragePool {id: 4} to the host 7",), {}),
    "keystore-setup-hangs": (KEYSTORE, 367, (), {}),
    "keystore-cert-import-hangs": (CERTIFICATE, 390, (), {}),
    "read-only": (CERTIFICATE, 21, (), {"read_only": True}),
    "disk-full-words": (CERTIFICATE, 47, (), {"journal": ["h4 cloudstack-keystore-setup[1]: No space left on device"]}),
    "hostname-missing": (GENERIC, 400, (), {"programs": {"hostname": "missing"}}),
    "too-little-memory": (
        GENERIC,
        400,
        (),
        _log("setup.log", "DEBUG:root:CloudStack requires more than 1024 MB memory since 1024 MB is reserved"),
    ),
    "no-nic": (GENERIC, 400, (), _log("setup.log", "DEBUG:root:CloudStack requires at least a single NIC")),
    "bridge-of-another-kind": (
        GENERIC,
        400,
        (),
        _log("setup.log", "DEBUG:root:cloudbr0 is not an openvswitch bridge"),
    ),
    "setup-command-hangs": (GENERIC, 900, (), _log("setup.log", "DEBUG:root:Timeout during command execution")),
    "two-joins-at-once": (GENERIC, 519, (), {"certificate_fits_key": False}),
    "certificate-not-yet-valid-words": (
        GENERIC,
        470,
        (),
        {"journal": ["h4 libvirtd[9]: The server certificate /etc/pki/libvirt/servercert.pem is not yet active"]},
    ),
    "libvirtd-config": (
        GENERIC,
        470,
        (),
        {
            "journal": [
                "h4 libvirtd[9]: configuration file syntax error: /etc/libvirt/libvirtd.conf:93: expecting a value"
            ]
        },
    ),
    "java-too-old": (
        GENERIC,
        370,
        (),
        {"journal": ["h4 pre-check.sh[1]: ERROR: JAVA 8 is not supported. Currently only JAVA versions 11, 17 and 21"]},
    ),
    "java-missing-words": (GENERIC, 370, (), {"journal": ["h4 pre-check.sh[1]: ERROR: /usr/bin/java does not exist"]}),
    "openssl-missing": (
        GENERIC,
        370,
        (),
        {"programs": {"openssl": "missing"}, "units": {"libvirtd.service": {"ActiveState": "failed"}}},
    ),
    "libvirt-library-missing": (
        GENERIC,
        400,
        (),
        _log("agent.err", "java.lang.UnsatisfiedLinkError: Unable to load library 'virt': libvirt.so: cannot open"),
    ),
    "jars-mixed": (
        GENERIC,
        400,
        (),
        _log("agent.err", "Error: Could not find or load main class com.cloud.agent.AgentShell"),
    ),
    "too-little-memory-for-java": (
        GENERIC,
        400,
        (),
        _log("agent.out", "There is insufficient memory for the Java Runtime Environment to continue."),
    ),
    "java-options": (GENERIC, 400, (), _log("agent.err", "Unrecognized VM option 'UseConcMarkSweepGC'")),
    "no-hvm": (GENERIC, 400, (), _log("agent.log", START + "NO HVM support on this machine, please make sure: 1. VT")),
    "no-qemu-driver": (
        GENERIC,
        400,
        (),
        _log("agent.log", START + "no connection driver available for qemu:///system"),
    ),
    "property-unreadable": (
        GENERIC,
        400,
        (),
        _log("agent.log", START + 'java.lang.NumberFormatException: For input string: "8GB"'),
    ),
    "local-storage-property": (
        GENERIC,
        400,
        (),
        _log("agent.log", START + "The path and UUID of the local storage pools have different length. Path: [/a,/b]"),
    ),
    "agent-script-missing": (GENERIC, 400, (), _log("agent.log", START + "Unable to find versions.sh")),
    "vif-driver": (
        GENERIC,
        400,
        (),
        _log("agent.log", START + "Unable to find class for libvirt.vif.driver java.lang.ClassNotFound"),
    ),
    "no-physical-port": (GENERIC, 400, (), _log("agent.log", START + "Failed to get private nic name")),
    "server-busy": (
        GENERIC,
        400,
        (),
        _log(
            "agent.log",
            NIO + "IOException while connecting to 10.0.0.5:8250 java.net.SocketException: Connection reset",
        ),
    ),
    "setup-stopped": (
        GENERIC,
        400,
        (),
        _log("setup.log", "DEBUG:root:execute:hostname -f", "DEBUG:root:execute:ufw allow 22"),
    ),
    "kvm-ok-not-there": (GENERIC, 400, (), {"programs": {"kvm-ok": "missing"}}),
    "no-kvm-device": (GENERIC, 400, (), {"kvm_device": False}),
    "never-set-up": (GENERIC, 400, (), _log("agent.out", "Unable to find the guid")),
    "own-name-unknown": (GENERIC, 400, (), {"fqdn": None}),
    "libvirtd-stopped": (GENERIC, 400, (), {"units": {"libvirtd.service": {"ActiveState": "inactive"}}}),
}
# (the cause, what it brings about too, or a wider rule of the same cause): the pairs that fit one case.
TOGETHER = {
    ("agent-goes-to-itself", "port-8250"),
    ("ca-of-another-installation", "tls-fails"),
    ("certificate-not-yet-valid", "libvirtd-does-not-start"),
    ("certificate-refused", "tls-fails"),
    ("login-hangs", "no-kvm"),
    ("hostname-missing", "own-name-unresolvable"),
    ("kvm-ok-missing", "kvm-ok-not-there"),
    ("nfs-denied", "nfs-unmountable"),
    ("nfs-denied", "pool-unusable"),
    ("nfs-statd", "nfs-unmountable"),
    ("nfs-unreachable", "nfs-unmountable"),
    ("nfs-version", "nfs-unmountable"),
    ("not-tls-there", "tls-fails"),
    ("openssl-missing", "libvirtd-does-not-start"),
    ("pool-ca-unknown", "pool-unusable"),
    ("pool-ca-unknown", "tls-fails"),
    ("pool-twice", "rbd-unusable"),
    ("rbd-no-driver", "rbd-unusable"),
    ("rbd-no-monitor", "rbd-unusable"),
    ("rbd-no-pool", "rbd-unusable"),
    ("rbd-unusable", "pool-unusable"),
    ("setup-given-up", "setup-agent-hangs"),
    ("slow-names", "setup-agent-hangs"),
    ("tmp-noexec", "jars-mixed"),
}


def _situations() -> dict:
    """Name -> case: all captures, cases of operators and examples."""
    captures = {name: (test_diagnose._join(name), test_diagnose._evidence(name)) for name in test_diagnose.CASES}
    cases = {name: (test_cases._join(case), test_cases._evidence(case)) for name, case in test_cases.CASES.items()}
    examples = {}
    for name, (error, seconds, alerts, evidence) in EXAMPLES.items():
        join = {"error": error, "seconds": seconds, "alerts": alerts}
        examples[f"example of {name}"] = (join, test_cases._evidence({"evidence": evidence}))
    return {name: case_of(*both) for name, both in {**captures, **cases, **examples}.items()}


SITUATIONS = _situations()
FITTING = {name: [rule for rule in RULES if rule.observed(case)] for name, case in SITUATIONS.items()}
SPEAKING = {rules[0].name for rules in FITTING.values() if rules}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_is_reachable_and_whole(rule):
    assert rule.name in SPEAKING
    assert rule.source, "where does it come from?"
    for words in (rule.cause, rule.expected, rule.next_step):
        assert words and words == words.strip() and not words.endswith("."), words
    assert re.search(r"again\b|run \w+\.yml", rule.next_step), "a step that ends in another attempt"


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_of_its_rule(name):
    assert FITTING[f"example of {name}"][0].name == name


def test_names_and_causes_are_unique():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert len({(rule.cause, rule.next_step) for rule in RULES}) > len(RULES) - 3  # two proofs of one cause


def test_no_pair_contradicts():
    """Where two rules fit, the second one is only a symptom (not certain), or is known to go with the first."""
    pairs = set()
    for rules in FITTING.values():
        pairs |= {(rules[0].name, other.name) for other in rules[1:] if other.certain}
    general = {pair for pair in pairs if pair[1] == "refused"}  # the reason itself, if no rule knows it better
    assert pairs - general == TOGETHER
