# SPDX-License-Identifier: GPL-3.0-or-later
"""The cause of a failed join, from what real hosts left behind when they were made to fail one by one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.add_host_error import cause
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.diagnose import diagnose, tell

FIXTURES = Path(__file__).parents[4] / "fixtures" / "join"
ANSWERS = json.loads((FIXTURES / "addhost.json").read_text())
OK = dict.fromkeys(
    ("keystore-setup", "keystore-cert-import", "cloudstack-setup-agent", "sudo", "java", "keytool", "kvm-ok"), "ok"
)
# What the module sees of programs and files where the capture only names the staged command.
SEEN = {
    "sudo-missing": {"programs": {**OK, "sudo": "missing"}},
    "no-package": {"programs": {**OK, "keystore-setup": "missing"}},
    "keystore-setup-missing": {"programs": {**OK, "keystore-setup": "missing"}},
    "keystore-setup-not-executable": {"programs": {**OK, "keystore-setup": "not executable"}},
    "cert-import-missing": {"programs": {**OK, "keystore-cert-import": "missing"}},
    "setup-agent-missing": {"programs": {**OK, "cloudstack-setup-agent": "missing"}},
    "java-missing": {"programs": {**OK, "java": "missing"}},
    "user-sudo-with-password": {"sudo_without_password": False},
    "clock-behind": {
        "certificate": {
            "state": "not yet valid",
            "not_before": "2026-11-21T00:32:00+00:00",
            "now": "2026-11-20T12:34:00+00:00",
        },
    },
    "ssh-port-in-url": {"programs": {**OK, "keystore-setup": "not executable"}},
}
CASES = {
    "wrong-password": "neither CloudStack's key nor the password",
    "unknown-user": "neither CloudStack's key nor the password",
    "key-refused-no-password": "CloudStack's key is not accepted",
    "password-login-off": "offers no password login",
    "ssh-port-refused": "cannot open an SSH session",
    "ssh-filtered": "SSH port are dropped",
    "name-unresolvable": "cannot resolve the host's name",
    "https-url": "did not even try to log in",
    "kvm-missing": "no /dev/kvm",
    "sudo-missing": "sudo is missing",
    "user-no-sudo": "may not use sudo",
    "user-sudo-with-password": "may not use sudo without a password",
    "user-sudo-documented-only": "may not use sudo",
    "no-package": "cloudstack-common is not installed properly",
    "keystore-setup-missing": "cloudstack-common is not installed properly",
    "keystore-setup-not-executable": "cloudstack-common is not installed properly",
    "cert-import-missing": "cloudstack-common is not installed properly",
    "setup-agent-missing": "cloudstack-agent is not installed properly",
    "etc-cloudstack-readonly": "cannot be written",
    "disk-full": "the disk is full",
    "java-missing": "Java is missing",
    "stale-jks-other-pass": "a keystore of an earlier join",
    "hostname-unresolvable": "cannot resolve its own name",
    "guest-bridge-missing": "setup-agent tried to build one",
    "libvirtd-masked": "libvirtd is masked",
    "kvm-ok-missing": "kvm-ok is missing",
    "mgmt-8250-dropped": "cannot reach port 8250",
    "clock-behind": "clock is behind",
    "tls16514-blocked": "drops port 16514",
    "no-scheme": "no scheme",
    "no-username": "no account",
    "wrong-ip-nothing-there": "cannot open an SSH session",
    "kvm-module-only-removed": "no /dev/kvm",
    "sudo-requiretty": "may not use sudo",
    "ssh-port-in-url": "cloudstack-common is not installed properly",
    "running-domain": "came Up after",
    "java-old": "came Up after",
    "clock-ahead": "came Up after",
}
SECTIONS = {"--setup.log": "setup.log", "--agent.out": "agent.out", "--agent.log": "agent.log", "--journal": "journal"}


def _text(name: str) -> str:
    return (FIXTURES / f"{name}.txt").read_text(errors="replace")


def _evidence(name: str) -> dict:
    """A capture as the module host_join_evidence would return it."""
    logs: dict[str, list[str]] = {}
    section = None
    for line in _text(name).splitlines():
        if re.match(r"--[\w.]+$", line):
            section = SECTIONS.get(line)
        elif section:
            logs.setdefault(section, []).append(line)
    journal = logs.pop("journal", [])
    sizes = {file: int(size) for size, file in re.findall(r"^-\S{9} (\d+) (\S+)$", _text(name), re.MULTILINE)}
    return {
        "files": sizes,
        "logs": logs,
        "journal": journal,
        "programs": OK,
        "units": {},
        "free_bytes": 10**9,
        "read_only": False,
        **SEEN.get(name, {}),
    }


def _join(name: str, **more) -> dict:
    answer = ANSWERS[name]
    record = {"id": "18", "state": "Up"} if answer["code"] == 200 else None
    return {
        "error": cause(answer["text"]),
        "code": answer["code"],
        "seconds": answer["seconds"],
        "record": record,
        "alerts": [],
        **more,
    }


@pytest.mark.parametrize(("name", "expected"), CASES.items())
def test_cause_of_a_staged_failure(name, expected):
    found = diagnose(_join(name), _evidence(name))
    assert expected in found.cause
    assert found.certain
    assert found.expected and found.observed and found.next_step


def test_every_captured_host_is_in_the_table():
    named = {path.stem for path in FIXTURES.glob("*.txt")}
    assert named - set(CASES) == {
        "bridge-without-port",
        "agent.log.server-unreachable",
    }  # these have tests of their own


def test_agent_that_cannot_reach_the_setting_host():
    log = _text("agent.log.server-unreachable").splitlines()
    found = diagnose(_join("java-missing"), {"logs": {"agent.log": log}, "journal": [], "programs": OK})
    assert "global setting host" in found.cause
    assert "Network is unreachable" in found.observed


def test_alert_of_a_bridge_without_port_beats_the_generic_sentence():
    alert = (
        "Incorrect Network setup on agent, Reinitialize agent after network names are setup, details : Can not "
        "find network: cloudbr1"
    )
    record = {"id": "18", "state": "Alert"}
    text = tell(
        _join("bridge-without-port", alerts=[alert], record=record),
        _evidence("bridge-without-port"),
        "host2",
        "cluster1",
    )
    assert text.startswith(
        "host2 did not join cluster1: a bridge of a traffic label is missing or has no physical port"
    )
    assert "cloudbr1" in text
    assert "host_registration_stale_host: remove" in text


def test_what_is_not_known_is_said_so():
    found = diagnose(
        _join("java-missing"), {"logs": {"agent.log": ["something nobody has seen"]}, "journal": [], "programs": OK}
    )
    assert not found.certain
    assert "something nobody has seen" in found.observed


def test_symptom_is_told_as_one():
    """A rule that is not certain does not claim to be."""
    log = ["2026-10-04 08:15:30,140 INFO  [cloud.agent.Agent] (x:[]) (logid:) Stopping the agent: Reason = sig.kill"]
    found = diagnose(_join("java-missing"), {"logs": {"agent.log": log}, "journal": [], "programs": OK})
    assert not found.certain
    assert found.cause.startswith("most likely the management server refuses the host")


def test_host_that_does_not_answer():
    found = diagnose(_join("java-missing"), None)
    assert not found.certain
    assert "does not answer" in found.cause


@pytest.mark.parametrize(
    ("error", "script"),
    [
        ("Failed to setup keystore on the KVM host: x", "keystore-setup"),
        ("Failed to setup certificate in the KVM agent's ...", "keystore-cert-import"),
    ],
)
def test_a_script_that_gives_no_sign_of_life_three_times(error, script):
    """As seen with QEMU guests on a busy machine: keytool needed more than 120 s, and the agent.out of the installation
    misled.
    """
    join = {"error": error, "code": 530, "seconds": 367, "record": None, "alerts": []}
    evidence = {"logs": {"agent.out": ["Unable to find the guid"]}, "programs": OK}
    found = diagnose(join, evidence)
    assert f"{script} does not end" in found.cause
    assert found.observed == "three tries that took 367 s together"


def test_certificate_of_another_key_is_not_blamed_on_the_clock():
    """Seen after two addHost at once: libvirtd ends with NOTCONFIGURED, and the host's clock runs well."""
    lines = [
        "systemd[1]: libvirtd.service: Main process exited, code=exited, status=6/NOTCONFIGURED",
        "systemd[1]: libvirtd.service: Start request repeated too quickly.",
        "systemd[1]: cloudstack-agent.service: Job cloudstack-agent.service/start failed with result 'dependency'.",
    ]
    # a line of an earlier attempt
    clock = "libvirtd[9]: The server certificate /etc/pki/libvirt/servercert.pem is not yet active"
    evidence = {
        **_evidence("clock-behind"),
        "certificate": {"state": "valid"},
        "certificate_fits_key": False,
        "journal": [clock, *lines],
    }
    found = diagnose(_join("libvirtd-masked", seconds=519), {**evidence, "logs": {}})
    assert found.cause.startswith("the host's certificate does not belong to its key")
    assert "clock" not in found.cause + found.next_step
    assert found.observed == "cloud.crt is not the certificate of cloud.key, in /etc/cloudstack/agent"
    matching = diagnose(_join("libvirtd-masked"), {**evidence, "logs": {}, "certificate_fits_key": True})
    assert "does not belong to its key" not in matching.cause
