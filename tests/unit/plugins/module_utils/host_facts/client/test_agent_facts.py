# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's certificates, programs, jars and unit from scripted answers (its properties and keystore:
test_kvm_host_facts.py)."""

from __future__ import annotations

import os

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.client import agent_facts
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.sudo_rules import PROGRAMS

from lab.simulator.clock import Clock
from lab.simulator.kvm.ca import CertificateAuthority
from tests.unit.plugins.captured import raw, text

MISSING = Answer(("x",), None, problem="x is not installed")
GOOD = {
    "agent.certificate": Answer(("openssl",), 0, text("openssl_x509/host.txt")),
    "agent.libvirt_certificate": Answer(("openssl",), 0, text("openssl_x509/host.txt")),
    "units": Answer(("systemctl",), 0, text("systemctl_show/cloudstack-agent.txt")),
    "agent.files.dpkg": MISSING,
    "agent.files.rpm": MISSING,
}


@pytest.fixture(autouse=True)
def host(monkeypatch, tmp_path):
    """A host of its own with everything below one folder."""
    monkeypatch.setattr(agent_facts, "FOLDER", str(tmp_path))
    monkeypatch.setattr(
        agent_facts, "CERTIFICATES", {name: str(tmp_path / f"{name}.crt") for name in agent_facts.CERTIFICATES}
    )
    monkeypatch.setattr(
        agent_facts,
        "KEYS",
        {name: (pair, str(tmp_path / f"{pair}.key")) for name, (pair, _key) in agent_facts.KEYS.items()},
    )
    monkeypatch.setattr(agent_facts, "PROGRAMS", [str(tmp_path / os.path.basename(path)) for path in PROGRAMS])
    monkeypatch.setattr(agent_facts, "JARS", str(tmp_path / "lib"))
    monkeypatch.setattr(agent_facts, "JAVA", str(tmp_path / "java"))
    scripts = {"cloudutils": "cloudstack-setup-agent", "libvirt": "security_group.py"}
    monkeypatch.setattr(agent_facts, "IMPORTING", {key: str(tmp_path / name) for key, name in scripts.items()})
    monkeypatch.setattr(agent_facts, "UNIT_SETTINGS", str(tmp_path / "default"))
    return tmp_path


def collected(**changed):
    unknown = {}
    answers = {
        **GOOD,
        **{
            key if key == "units" else f"agent.{key}".replace("files_", "files."): answer
            for key, answer in changed.items()
        },
    }
    for name, path in agent_facts.CERTIFICATES.items():
        if not os.path.lexists(path):  # nobody is asked about a certificate that is not there
            del answers[f"agent.{name}"]
    asked = {name for name in agent_facts.commands("root") if not name.startswith("agent.python.")}
    assert asked == {name for name in answers if not name.startswith("agent.python.")} - {"units"}
    return agent_facts.collect(answers, unknown, "root"), unknown


def refuse(path, *_rest, **_options):
    raise PermissionError(13, "Permission denied", path)


def test_a_bare_host(host):
    found, unknown = collected()
    assert unknown == {}
    agent = found["agent"]
    assert (agent["certificate"], agent["libvirt_certificate"], agent["csr"], agent["jars"]) == (
        None,
        None,
        False,
        {"foreign": []},
    )
    assert set(agent["scripts"].values()) == {"absent"}
    assert found["java"] == {"path_ok": False}


def test_a_joined_host(host):
    (host / "certificate.crt").write_text("x")
    (host / "cloud.csr").write_text("x")
    for name, mode in (("keystore-setup", 0o755), ("keystore-cert-import", 0o644), ("java", 0o755)):
        (host / name).write_text("x")
        (host / name).chmod(mode)
    (host / "cloudstack-setup-agent").symlink_to("nowhere")
    found, unknown = collected()
    agent = found["agent"]
    assert unknown == {}
    assert agent["certificate"]["subject_cn"] == "host1.lab.test"
    assert agent["csr"] is True
    assert list(agent["scripts"].values()) == ["executable", "not executable", "absent"]
    assert agent["unit"] == {"active": "active", "enabled": "enabled", "restarts": 0}
    assert found["java"] == {"path_ok": True}


def test_a_certificate_and_a_key_that_is_not_its_own(host):
    pairs = [pair_of(name) for name in ("host1", "host2")]
    (host / "certificate.crt").write_text(pairs[0][0])
    for (_certificate, key), matches in zip(pairs, (True, False)):
        (host / "certificate.key").write_text(key)
        found, unknown = collected()
        assert (found["agent"]["key_matches"], found["agent"]["libvirt_key_matches"], unknown) == (matches, None, {})
    (host / "certificate.key").write_text("")
    found, unknown = collected()
    assert (found["agent"]["key_matches"], set(unknown)) == (None, {"agent.key_matches"})


def pair_of(name):
    """A certificate and its key."""
    issued = CertificateAuthority(Clock()).issue("", [name])
    return issued.certificate, issued.key


def test_a_certificate_that_is_none(host):
    (host / "certificate.crt").write_text("")
    found, unknown = collected(certificate=Answer(("openssl", "x509"), 1, "", "Could not read certificate\n"))
    assert found["agent"]["certificate"] is None
    assert unknown == {"agent.certificate": "`openssl x509` ended with 1: Could not read certificate"}


def test_without_privileges(host, monkeypatch):
    (host / "certificate.crt").write_text("x")
    monkeypatch.setattr(agent_facts.os, "access", lambda _path, _mode: False)
    assert collected()[1] == {"agent.certificate": f"{host}/certificate.crt: Permission denied"}
    monkeypatch.setattr(agent_facts.os, "stat", refuse)
    monkeypatch.setattr(agent_facts.os, "listdir", refuse)
    found, unknown = collected()
    agent = found["agent"]
    assert (agent["csr"], agent["libvirt_certificate"], agent["jars"]) == (None, None, {"foreign": None})
    assert set(agent["scripts"].values()) == {None}
    assert all(reason.endswith("Permission denied") for reason in unknown.values())
    assert {"agent.csr", "agent.jars.foreign", "agent.libvirt_certificate"} < set(unknown)


@pytest.mark.parametrize("tool", ["files_dpkg", "files_rpm"])
def test_foreign_jars(host, tool):
    (host / "lib").mkdir()
    for name in ("own.jar", "old.jar", "hook"):
        (host / "lib" / name).write_text("x")
    found, unknown = collected(**{tool: Answer((tool,), 0, f"/usr\n{host}/lib\n{host}/lib/own.jar\n")})
    assert (found["agent"]["jars"], unknown) == ({"foreign": ["old.jar"]}, {})


def test_jars_of_nobody(host):
    (host / "lib").mkdir()
    assert "agent.jars.foreign" in collected()[1]


def test_no_systemd():
    found, unknown = collected(units=MISSING)
    assert (found["agent"]["unit"], unknown) == (None, {"agent.unit": "x is not installed"})


def test_a_passphrase_that_is_lost_opens_nothing(host):
    """keystore-setup makes a new one then (F57)."""
    (host / "agent.properties").write_text("guid=x\n")
    (host / "cloud.jks").write_bytes(raw("keystore/pkcs12.jks"))
    unknown = {}
    assert agent_facts.collect_agent("4.22.1.0", unknown, str(host))["keystore"]["opens"] is False
    assert unknown == {}


def test_what_python_finds_of_the_scripts(host):
    assert collected()[0]["agent"]["python"] == {"cloudutils": None, "libvirt": None}
    (host / "cloudstack-setup-agent").write_text("from cloudutils.syscfg import sysConfigFactory\n")
    (host / "security_group.py").write_text("import libvirt\n")
    assert agent_facts.commands("root")["agent.python.cloudutils"][-1] == "import cloudutils.syscfg"
    assert agent_facts.commands("root")["agent.python.libvirt"][-1] == "import libvirt"
    trace = "Traceback (most recent call last):\n  File ...\nModuleNotFoundError: No module named 'cloudutils'\n"
    missing = Answer(agent_facts.IMPORT, 1, stderr=trace)
    agent = collected(**{"python.libvirt": Answer(agent_facts.IMPORT, 0)})[0]["agent"]
    assert agent["python"]["libvirt"] == {"ok": True, "text": ""}
    assert collected(**{"python.cloudutils": missing})[0]["agent"]["python"]["cloudutils"] == {
        "ok": False,
        "text": "ModuleNotFoundError: No module named 'cloudutils'",
    }


def test_where_the_agent_unpacks_native_code(host):
    (host / "default").write_text(f'JAVA_OPTS="-Djava.io.tmpdir={host}/not/there -Xms256m"\n')
    assert collected()[0]["agent"]["tmpdir"] == {"path": f"{host}/not/there", "noexec": False}


def test_keys_that_stand_there_twice(host):
    (host / "agent.properties").write_text("workers=5\nhost.tags=a\nworkers = 9\n#workers=1\n")
    agent = agent_facts.collect_agent("4.22.1.0", {}, str(host))
    assert (agent["repeated"], agent["properties"]["workers"]) == ({"workers": 2}, "9")
