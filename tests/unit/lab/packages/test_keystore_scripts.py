# SPDX-License-Identifier: GPL-3.0-or-later
"""keystore-setup with programs that stand in for keytool, ip and logger: what it tells the journal, keeps and
prints."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.unit.lab.packages import load

WORD = "planted0passphrase"
PROGRAMS = {
    "logger": 'cat >> "$FOLDER/journal"',
    "hostname": "echo h1.lab.test",
    "ip": (
        "echo '1: lo    inet 127.0.0.1/8 scope host lo'; echo '2: b    inet 10.88.1.11/24 scope global b'; echo '3: a "
        "   inet 10.88.0.11/24 scope global a'"
        "; echo '3: a    inet6 fe80::1/64 scope link'; echo '4: cloud0    inet 169.254.0.1/16 scope global cloud0'"
    ),
    "keytool": 'case "$1" in -genkeypair) echo key > "$FOLDER/cloud.jks" ;; -certreq) echo REQUEST > '
    '"$FOLDER/cloud.csr" ;; esac',
}


class Host:
    """A folder that is /etc/cloudstack/agent."""

    def __init__(self, folder):
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir()
        for name, text in PROGRAMS.items():
            self.program(name, text)
        self.properties.write_text("guid=\n")

    @property
    def properties(self):
        return self.folder / "agent.properties"

    def program(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, word=WORD):
        arguments = [self.properties, self.folder / "cloud.jks", word, "365", self.folder / "cloud.csr"]
        env = {"PATH": f"{self.bin}:{os.environ['PATH']}", "FOLDER": str(self.folder), "LC_ALL": "C"}
        return subprocess.run(
            [load.SCRIPTS / "keystore-setup", *arguments], capture_output=True, text=True, env=env, timeout=30
        )

    def journal(self):
        """What went to the journal, without date and path."""
        text = (self.folder / "journal").read_text()
        text = re.sub(r"^.* - starting", "starting", text, flags=re.M)
        return text.replace(str(self.folder), "/etc/cloudstack/agent").splitlines()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def captured():
    """The journal of a real host, both of its runs, without keytool's own words."""
    text = (load.FIXTURES / "kvm_host" / "journal-keystore-setup.txt").read_text()
    lines = [re.sub(r"^.*?\]: (?:.* - (?=starting))?", "", line) for line in text.splitlines()]
    return [line for line in lines if not line.startswith(("Generating 2,048", "        for:"))]


def test_two_runs_tell_the_journal_what_a_real_host_did(host):
    assert host.run().stdout == "REQUEST\n"
    assert host.run("another").stdout == "REQUEST\n"
    assert host.journal() == captured()


def test_the_first_passphrase_stays(host):
    host.run()
    host.run("another")
    assert host.properties.read_text() == f"guid=\nkeystore.passphrase={WORD}\n"
    assert {path.name: path.stat().st_mode & 0o777 for path in host.folder.glob("*.*")} == {
        "agent.properties": 0o600,
        "cloud.jks": 0o600,
        "cloud.csr": 0o600,
    }


@pytest.mark.parametrize(
    ("keytool", "words"),
    [
        (
            "echo 'keytool error: java.io.IOException: keystore password was incorrect'; exit 1",
            "keytool error: java.io.IOException: keystore password was incorrect",
        ),
        ("exec nosuchprogram", "nosuchprogram"),
    ],
)
def test_a_keytool_that_fails_is_no_failure(host, keytool, words):
    host.program("keytool", keytool)
    done = host.run()
    assert (done.returncode, done.stdout) == (0, "")
    assert any(words in line for line in host.journal())
    assert "Cannot chmod /etc/cloudstack/agent/cloud.csr" in host.journal()
    assert f"keystore.passphrase={WORD}" in host.properties.read_text()


def test_a_host_without_a_name_asks_for_an_empty_one(host):
    host.program("hostname", "exit 1")
    host.program("keytool", 'echo "$@"')
    host.run()
    assert any("-dname cn=,ou=cloudstack,o=cloudstack,c=cloudstack" in line for line in host.journal())
