# SPDX-License-Identifier: GPL-3.0-or-later
"""addHost's steps and texts with a scripted session, against what a real server answered
(tests/fixtures/join/addhost.json)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lab.simulator.kvm import discoverer
from lab.simulator.kvm.ca import CertificateAuthority
from lab.simulator.ports import AddHostRequest, DiscoveryError
from tests.unit.lab.kvm.clouds import LABELS, kvm_cloud

RECORDED = json.loads((Path(__file__).parents[3] / "fixtures" / "join" / "addhost.json").read_text())
GUID = "1761d99e-ecea-3a07-ba88-bd764830d2f1"  # of 10.88.0.14, in every capture of host h4


class ScriptedSession:
    """A login whose commands end as told; an unexpected command is a failure of the test."""

    def __init__(self, failing=()):
        self.failing, self.commands, self.secrets, self.closed = failing, [], [], False

    def __call__(self, address, port, sleep):
        self.address, self.port = address, port
        return self

    def login(self, username, password, key):
        self.user = username

    def run(self, command, secrets=()):
        assert re.search("ls /dev/kvm|keystore-setup|keystore-cert-import|cloudstack-setup-agent", command), command
        self.commands.append(command)
        self.secrets += secrets
        return (1 if any(name in command for name in self.failing) else 0), ""

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority(kvm_cloud()[0].clock)


def prepare(monkeypatch, authority, session, url="http://10.88.0.14", username="root"):
    cloud, zone, pod, cluster = kvm_cloud()
    monkeypatch.setattr(discoverer, "Session", session)
    kvm = discoverer.KvmDiscoverer(cloud, authority, None, 30, 10)
    return kvm.prepare(
        AddHostRequest(url, username, "", zone.number, pod.number, cluster.number, LABELS, "10.88.0.254")
    )


def due_to(name):
    """What stands inside "due to: [..]" of a recorded answer."""
    return RECORDED[name]["text"].partition("due to: [")[2].removesuffix("].")


def without_numbers(text):
    return re.sub(r"-z \d+ -p \d+ -c \d+", "-z N -p N -c N", text)


@pytest.mark.parametrize(
    ("failing", "recorded"),
    [
        ("ls /dev/kvm", "kvm-missing"),
        ("keystore-setup", "keystore-setup-missing"),
        ("keystore-cert-import", "cert-import-missing"),
        ("cloudstack-setup-agent ", "setup-agent-missing"),
    ],
)
def test_a_step_that_fails_gives_the_recorded_text(monkeypatch, authority, failing, recorded):
    session = ScriptedSession([failing])
    with pytest.raises(DiscoveryError) as caught:
        prepare(monkeypatch, authority, session)
    assert without_numbers(str(caught.value)) == without_numbers(due_to(recorded))
    assert failing in session.commands[-1]
    assert session.closed


def test_the_commands_are_those_of_a_real_server(monkeypatch, authority):
    session = ScriptedSession()
    assert prepare(monkeypatch, authority, session) == GUID
    captured = [
        line.partition(" cmd: ")[2]
        for line in (Path(__file__).parents[3] / "fixtures" / "join" / "java-missing.txt").read_text().splitlines()
        if " cmd: " in line
    ]
    assert len(session.commands) == len(captured) == 4
    passphrase = session.secrets[0]
    for mine, theirs in zip(session.commands, captured):  # captured lines are cut off at the right
        assert without_numbers(mine.replace(passphrase, "(blanked)")).startswith(without_numbers(theirs))
    assert re.fullmatch("[A-Za-z0-9]{16}", passphrase)


def test_certificates_travel_in_one_line_and_the_made_key_is_a_secret(monkeypatch, authority):
    session = ScriptedSession()
    prepare(monkeypatch, authority, session)
    command = session.commands[2]
    assert "\n" not in command
    assert "-----BEGIN~CERTIFICATE-----^" in command
    key = next(secret for secret in session.secrets if "PRIVATE" in secret)
    assert f'/etc/cloudstack/agent/cloud.key "{key}"' in command


def test_another_user_than_root_goes_through_sudo(monkeypatch, authority):
    session = ScriptedSession()
    prepare(monkeypatch, authority, session, username="ops")
    assert session.commands[-1].startswith("sudo cloudstack-setup-agent  -m 10.88.0.254 ")


@pytest.mark.parametrize(
    ("url", "port"), [("http://10.88.0.14", 22), ("http://10.88.0.14:2222", 2222), ("http://10.88.0.14/a/path", 22)]
)
def test_the_port_is_that_of_the_url(monkeypatch, authority, url, port):
    session = ScriptedSession()
    prepare(monkeypatch, authority, session, url)
    assert (session.address, session.port) == ("10.88.0.14", port)


def test_a_name_that_does_not_resolve(monkeypatch, authority):
    def unknown(name):
        raise OSError(name)

    monkeypatch.setattr(discoverer.socket, "gethostbyname", unknown)
    with pytest.raises(DiscoveryError) as caught:
        prepare(monkeypatch, authority, ScriptedSession(), "http://h4.lab.test")
    assert str(caught.value) == due_to("name-unresolvable")


def test_an_url_without_a_host_means_the_server_itself(monkeypatch, authority):
    session = ScriptedSession()
    prepare(monkeypatch, authority, session, "http://")
    assert (session.address, session.port) == ("127.0.0.1", 22)


def test_a_host_that_is_there_is_skipped(monkeypatch, authority):
    cloud, zone, pod, cluster = kvm_cloud()
    row = cloud.table("host").add(
        name="h4", state="Up", resourcestate="Enabled", zone=zone.number, guid=f"{GUID}-LibvirtComputingResource"
    )
    monkeypatch.setattr(discoverer, "Session", ScriptedSession())
    kvm = discoverer.KvmDiscoverer(cloud, authority, None, 30, 10)
    with pytest.raises(
        DiscoveryError,
        match=f"Skipping host 10.88.0.14 because {GUID} is already in the database .* with ID {row.uuid}",
    ):
        kvm.prepare(
            AddHostRequest("http://10.88.0.14", "root", "", zone.number, pod.number, cluster.number, LABELS, "x")
        )


@pytest.mark.parametrize(
    ("comes", "found", "waited"),
    [(0, True, 0), (270, True, 270), (271, False, 300), (None, False, 300)],
    ids=["at once", "at the last look", "after the last look", "never"],
)
def test_it_looks_ten_times_thirty_seconds_apart(authority, comes, found, waited):
    cloud, zone, *_ = kvm_cloud()
    row = cloud.table("host").add(name="h4", state="Connecting", resourcestate="Enabled", zone=zone.number, guid=GUID)
    start, sleep = cloud.clock.now(), cloud.clock.sleep

    def step(seconds=0):
        sleep(seconds)
        if comes is not None and cloud.clock.now() - start >= comes:
            row["state"] = "Up"

    cloud.clock.sleep = step
    step()
    result = discoverer.KvmDiscoverer(cloud, authority, None, 30, 10).wait_for(GUID)
    assert (result is row) == found
    assert cloud.clock.now() - start == waited


def test_a_host_in_alert_is_not_found(authority):
    cloud, zone, *_ = kvm_cloud()
    cloud.table("host").add(name="h5", state="Alert", resourcestate="Enabled", zone=zone.number, guid=GUID)
    assert discoverer.KvmDiscoverer(cloud, authority, None, 30, 10).wait_for(GUID) is None
