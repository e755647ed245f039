# SPDX-License-Identifier: GPL-3.0-or-later
"""The package manager as it is called: lists first, patient with a lock, an interrupted installation finished first."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.client.package_manager import PackageManager

HELD = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 901 (unattended-upgr)"
INTERRUPTED = "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. "


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Host:
    """A scripted Debian host. `script` says what each call of a verb ends with, '' for success; when it is used up all
    succeed."""

    def __init__(self, **script: list[str]) -> None:
        self.script = script
        self.calls: list[str] = []

    def __call__(self, argv, timeout):
        if argv[0] == "dpkg-query":
            return Answer(tuple(argv), 0, "")
        verb = next(word for word in ("update", "--fix-broken", "--configure", "install", "dnf") if word in argv)
        self.calls.append(verb)
        waiting = self.script.get(verb.strip("-").replace("-", "_"), [])
        said = waiting.pop(0) if waiting else ""
        return Answer(tuple(argv), 100 if said else 0, stderr=said)


def install(host: Host, patience: float = 60) -> None:
    PackageManager(patience, host, Clock()).install(["chrony"])


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ({}, ["update", "install"]),
        ({"update": [HELD, HELD]}, ["update", "update", "update", "install"]),
        ({"install": [HELD]}, ["update", "install", "install"]),
        ({"install": [INTERRUPTED]}, ["update", "install", "--configure", "--fix-broken", "install"]),
        (
            {"update": ["E: The repository is not signed."]},
            ["update", "install"],
        ),  # another repository's trouble need not be ours
    ],
)
def test_what_is_called(script, calls):
    host = Host(**script)
    install(host)
    assert host.calls == calls


def test_a_lock_that_stays_is_told_with_its_holder():
    with pytest.raises(
        CommandError,
        match=r"another package manager is at work.*within 60 s.*process 901 \(unattended-upgr\).*Next: let it end",
    ):
        install(Host(install=[HELD] * 99))


def test_a_failure_shows_what_apt_complained_of():
    host = Host(
        update=["W: Failed to fetch http://deb.example.org/x  Temporary failure resolving"],
        install=["E: Unable to locate package chrony"],
    )
    with pytest.raises(CommandError) as caught:
        install(host)
    said = str(caught.value)
    assert "E: Unable to locate package chrony; W: Failed to fetch http://deb.example.org/x" in said
    assert "Reproduce: apt-get -q -y" in said and "install chrony" in said
    assert "env " not in said


def test_an_el_host_is_asked_by_rpm_and_served_by_dnf():
    calls = []

    def run(argv, timeout):
        calls.append(argv[0])
        return (
            Answer(tuple(argv), None, problem="dpkg-query is not installed")
            if argv[0] == "dpkg-query"
            else Answer(tuple(argv), 0, "")
        )

    manager = PackageManager(60, run, Clock())
    assert manager.installed() == []
    manager.install(["chrony"])
    assert calls == ["dpkg-query", "rpm", "dpkg-query", "dnf"]


def test_a_host_without_either_is_told():
    with pytest.raises(CommandError, match="Expected: dpkg-query or rpm. Observed: rpm is not installed"):
        PackageManager(
            60, lambda argv, timeout: Answer(tuple(argv), None, problem=f"{argv[0]} is not installed"), Clock()
        ).installed()
