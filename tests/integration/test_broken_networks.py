# SPDX-License-Identifier: GPL-3.0-or-later
"""200 broken configurations: whatever is declared, however it fails and whoever is killed, the host is as it was within
the deadline, and is told why. The real back ends, systemd's timers and power cuts, on a host for each back end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue
from threading import Lock
from typing import Any

import pytest

from lab.control import podman
from tests import backend_host, broken_networks
from tests.backend_host import CODE, SHIMS, BackendHost, stable_network
from tests.broken_networks import ADDRESS, BRIDGED, HOSTS, MANAGEMENT, PLAIN, Row
from tests.integration.test_bridge_backends import BY_HAND
from tests.namespaces import missing as no_namespaces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces()),
    pytest.mark.skipif(bool(backend_host.missing()), reason=backend_host.missing()),
]

OPTION = "config"  # of the module
SECONDS = 3  # to confirm a change in
WITHIN = 60  # seconds from the end of the deadline until all is as before: the machine may be busy
KEPT = "/var/lib/cloudstack-kvm/network/kept.json"
# Calls `hook` at the command number `at`; what only asks is not counted.
SHIM = """#!/bin/sh
name=${0##*/}
real() { PATH=/usr/sbin:/usr/bin:/sbin:/bin exec "$name" "$@"; }
case "$*" in "-j "*|*--list*|*--no-act*|*--offline*|*--help*|"lldp "*) real "$@" ;; esac
number=$(($(cat /run/count 2>/dev/null || echo 0) + 1))
echo $number >/run/count
if [ -e /run/broken ] && [ "$name" != ip ]; then echo broken >&2; exit 1; fi
if [ "$number" = "$(cat /run/at 2>/dev/null)" ]; then . /run/hook; fi
real "$@"
"""
NETWORK = f"""
ip -j -d address; echo; echo ---; ip -4 route show table all; ip -6 route show table all; echo ---
find $FOLDERS /etc/systemd/system -type f ! -name '*.lock' ! -name .filler 2>/dev/null | sort | xargs -r sha256sum
echo ---
if nsenter --net=/run/netns/switch ping -q -c 1 -W 3 {ADDRESS} >/dev/null
then echo reached
else echo lost; ip -4 neighbour; ip -4 -n switch neighbour; bridge -n switch fdb show dynamic
fi
"""
# Linux answers on every wire for every address of the host: the switch must not, or eth9 were on the same network.
STARTED = f"""{BY_HAND}
ip link set eth1 up
nsenter --net=/run/netns/switch sh -c 'echo 1 >/proc/sys/net/ipv4/conf/port9/arp_ignore'"""
FIGURES: dict[str, list[Outcome]] = {}
BOOTING = Lock()


@dataclass(frozen=True)
class Outcome:
    """What became of a row. `seconds` from the end of the module until all was as before; `wrong` is "" where it is as
    it has to be."""

    row: Row
    lost: bool = False
    wrong: str = ""
    how: str = ""
    seconds: float = 0


class Host:
    """A booted host, entered past its network."""

    def __init__(self, booted: BackendHost) -> None:
        self.booted, self.kind = booted, HOSTS[booted.backend]
        self._enter()

    def _enter(self) -> None:
        """Through its first process: podman needs a second for each command."""
        pid = podman.podman("container", "inspect", "--format", "{{.State.Pid}}", self.booted.name).stdout.strip()
        self.inside = ["nsenter", "--all", f"--target={pid}", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]

    def sh(self, script: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.inside, f"FOLDERS={' '.join(self.kind.folders)}", "sh", "-ec", script],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    def versions(self) -> str:
        """Of the back end's packages."""
        names = " ".join([*self.kind.packages, "ifupdown", "systemd"])
        return ", ".join(self.sh(f"dpkg-query -W -f '${{Package}} ${{Version}}\\n' {names}").splitlines())

    def clean(self) -> None:
        """With the files of a plain host, freshly booted."""
        find = f"find {' '.join(self.kind.folders)} -type f ! -path '*/if-*' -delete"
        self.sh(f"{find} 2>/dev/null || true; {self.kind.prepare}")
        self.booted.write(self.kind.files, self.kind.mode)
        self.reboot()

    def reboot(self) -> None:
        self.booted.reboot()
        self._enter()

    def power_cut(self) -> None:
        podman.podman("kill", "-s", "KILL", self.booted.name)
        podman.podman("wait", self.booted.name)
        podman.podman("start", self.booted.name)
        podman.wait_for_systemd(self.booted.name)
        self._enter()

    def network(self) -> tuple[Any, list[str], str]:
        """Links and routes, files, and whether the switch reaches it."""
        links, routes, files, reached = self.sh(NETWORK).split("---\n")
        return stable_network(json.loads(links), [routes]), files.splitlines(), reached.strip()

    def command(self, **options: Any) -> str:
        """That runs the module."""
        return self.module(CODE, {"backend": self.booted.backend, "rollback_timeout": SECONDS, OPTION: [], **options})

    def module(self, code: str, options: Mapping[str, Any]) -> str:
        """The command that runs a module as a login from 10.88.0.1."""
        given = {
            **options,
            "_ansible_check_mode": False,
            "_ansible_diff": True,
            "_ansible_remote_tmp": "/tmp",
            "_ansible_keep_remote_files": False,
        }
        words = [f"PATH={SHIMS}:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE=1"]
        words += [f"SSH_CONNECTION=10.88.0.1 40000 {ADDRESS} 22", "/usr/bin/python3", "-c", code, json.dumps(given)]
        return shlex.join(["env", *words])

    def run(self, declared: Sequence[Mapping[str, Any]], **options: Any) -> dict[str, Any]:
        """The module's result, {} where it was killed."""
        said = self.sh(f"{self.command(**{OPTION: declared}, **options)} || true")
        return json.loads(said) if said.strip() else {}

    def confirm(self) -> dict[str, Any]:
        return self.run([], confirm=True)

    def until_put_back(self) -> None:
        """By the host itself: nothing waits any more."""
        self.sh(f"timeout {SECONDS + WITHIN} sh -c 'while [ -e {KEPT} ]; do sleep 0.1; done' || true")


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Run]]:
    """All back ends that were chosen, at once: most of the time is waited for deadlines."""
    chosen = [item.callspec.params["backend"] for item in request.session.items if "backend" in _params(item)]
    with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
        yield start({backend: broken_networks.rows(backend) for backend in chosen}, pool)


def start(rows: Mapping[str, Sequence[Row]], pool: ThreadPoolExecutor) -> Mapping[str, Run]:
    """Begin with these back ends; those rows whose kind the pattern in the environment's ROWS matches."""
    wanted, lines = os.environ.get("ROWS", ""), SimpleQueue[str]()
    return {
        backend: Run(backend, [row for row in of_it if re.search(wanted, row.kind)], not wanted, pool, lines)
        for backend, of_it in rows.items()
    }


def _params(item: pytest.Item) -> Mapping[str, Any]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


class Run:
    """The rows of a back end, in a thread of their own, behind two power cuts if `cuts`. `lines`, which all share, are
    to be printed; an empty one where a back end has ended."""

    def __init__(
        self, backend: str, rows: Sequence[Row], cuts: bool, pool: ThreadPoolExecutor, lines: SimpleQueue[str]
    ) -> None:
        self.backend, self.rows, self.cuts, self.lines = backend, rows, cuts, lines
        self.found: list[Outcome] = []
        self.ended = pool.submit(self._try_all)
        self.ended.add_done_callback(lambda _ended: lines.put(""))

    def outcomes(self) -> list[Outcome]:
        """Of all rows; what all back ends tell meanwhile is printed."""
        while not self.ended.done() or not self.lines.empty():
            print(self.lines.get(), flush=True)
        self.ended.result()
        return self.found

    def _try_all(self) -> None:
        kind = HOSTS[self.backend]
        booted = BackendHost(f"broken-{self.backend}", kind.packages, kind.tools)
        with contextlib.ExitStack() as stack:
            with BOOTING:  # the image is made once
                stack.enter_context(booted)
            booted.backend = self.backend
            booted.write({f"{SHIMS}/{tool}": SHIM for tool in ("ip", *kind.tools)}, "755")
            host = Host(booted)
            host.clean()
            self._try_rows(host)
            self.lines.put(f"{self.backend} ({host.versions()}): {figure(self.found)}")

    def _try_rows(self, host: Host) -> None:
        for half_way in (False, True) if self.cuts else ():
            self._add(_cut(host, half_way))
        host.sh(STARTED)
        for state in (PLAIN, BRIDGED):
            rows = [row for row in self.rows if row.host == state]
            if rows and state == BRIDGED:
                _build(host)
            for row in rows:
                self._add(_try(host, row))
                if self.found[-1].lost:
                    _again(host, state)

    def _add(self, outcome: Outcome) -> None:
        self.found.append(outcome)
        self.lines.put(f"{self.backend:14} {_line(outcome)}")


@pytest.mark.parametrize("backend", HOSTS)
def test_every_broken_configuration_is_refused_or_put_back(runs, backend, capsys):
    with capsys.disabled():
        print()
        found = FIGURES[backend] = runs[backend].outcomes()
    assert [_line(one) for one in found if one.wrong] == []


def test_no_host_is_lost(capsys):
    """All that was tried in this run."""
    every = [one for found in FIGURES.values() for one in found]
    with capsys.disabled():
        print(f"\nbroken configurations on {', '.join(FIGURES)}: {figure(every)}")
    assert [one for one in every if one.lost] == []
    if len(FIGURES) == len(HOSTS) and not os.environ.get("ROWS"):
        assert len([one for one in every if not one.row.skipped]) >= 200


def figure(found: Sequence[Outcome]) -> str:
    """What the issue asks for."""
    tried = [one for one in found if not one.row.skipped]
    skipped = sorted({f"{one.row.kind} ({one.row.skipped})" for one in found if one.row.skipped})
    lost, wrong = sum(one.lost for one in tried), sum(bool(one.wrong) for one in tried)
    slowest = max((one.seconds for one in tried), default=0)
    return "\n  ".join(
        [
            f"{len(tried)} configurations of {len({one.row.kind for one in tried})} kinds",
            f"{lost} hosts lost, {wrong} not as they have to be",
            f"as before {slowest:.0f} s after the module at the latest",
            f"{len(found) - len(tried)} skipped: {', '.join(skipped) or 'none'}",
        ]
    )


def _line(one: Outcome) -> str:
    state = "skipped: " + one.row.skipped if one.row.skipped else one.how
    return f"{one.row.kind:45} {state:16} {one.seconds:4.0f} s  {one.wrong}"


def _build(host: Host) -> None:
    """The bridge that the second half of the rows begins with."""
    built = host.run([MANAGEMENT], rollback_timeout=60)
    assert built.get("waits"), built
    assert not host.confirm().get("failed")


def _again(host: Host, start: str) -> None:
    """A host that was lost is made anew, so that the next row means something."""
    host.clean()
    host.sh(STARTED)
    if start == BRIDGED:
        _build(host)


def _try(host: Host, row: Row) -> Outcome:
    if row.skipped:
        return Outcome(row)
    try:
        host.sh(f"rm -f /run/count /run/at /run/hook /run/broken\n{row.stage}")
    except AssertionError as error:  # a kernel without VLANs
        host.sh(row.undo, check=False)
        return Outcome(replace(row, skipped=str(error).partition("\nassert")[0].strip().rpartition(": ")[2]))
    try:
        return _outcome(host, row)
    finally:
        host.sh(f"rm -f /run/at /run/broken\n{row.undo}")


def _outcome(host: Host, row: Row) -> Outcome:
    before = host.network()
    if row.hook:
        host.sh(f"printf %s {shlex.quote(row.hook)} >/run/hook; echo {row.at} >/run/at")
    result = host.run(row.declared, **row.options)
    if row.again:
        first, result = result, host.run(row.declared)
        assert first.get("waits"), first
    host.sh("rm -f /run/at /run/broken")
    began = time.monotonic()
    if host.sh(f"[ ! -e {KEPT} ] || echo waits"):
        host.until_put_back()
        told = result if result.get("failed") else host.confirm()
        how = "put back by host"
    else:
        told = result
        how = "put back by run" if "put back as it was" in result.get("msg", "") else "refused"
    after = _settled(host, before)
    how = how if told.get("failed") else "nothing to do"
    wrong = [*_differences(before, after), *_untold(row, told)]
    lost = after[0] != before[0] or after[2] != "reached"
    return Outcome(row, lost, "; ".join(wrong), how, time.monotonic() - began)


def _settled(host: Host, before: tuple[Any, list[str], str]) -> tuple[Any, list[str], str]:
    """As before, or as it stays different."""
    deadline = time.monotonic() + 10
    after = host.network()
    while after != before and time.monotonic() < deadline:
        after = host.network()
    return after


def _differences(before: tuple[Any, list[str], str], after: tuple[Any, list[str], str]) -> list[str]:
    found = [] if after[2] == "reached" else [f"{ADDRESS} does not answer: {after[2]}"]
    for part in ("links", "routes"):
        if after[0][part] != before[0][part]:
            found.append(f"{part} differ: {before[0][part]} became {after[0][part]}")
    changed = sorted(set(before[1]) ^ set(after[1]))
    return found + ([f"files differ: {', '.join(changed)}"] if changed else [])


def _untold(row: Row, told: Mapping[str, Any]) -> list[str]:
    message = str(told.get("msg", ""))
    if not row.says:
        return [] if not told.get("failed") and not told.get("changed") else [f"something was to do: {told}"]
    if "unexpected" in message or "could NOT" in message:
        return [f"said: {message}"]
    return [] if any(part in message for part in row.says) else [f"said: {message or told}"]


def _cut(host: Host, half_way: bool) -> Outcome:
    """The power goes before the change is confirmed, or before it is made: as after any boot."""
    kind = "power cut half way" if half_way else "power cut before it is confirmed"
    row = Row(kind, [MANAGEMENT], ["it was put back before the network of this boot was set up"])
    before = host.network()
    host.sh("rm -f /run/count /run/at")
    command = host.command(**{OPTION: row.declared}, rollback_timeout=600)
    if half_way:
        number = 2 + broken_networks.ASKED.get(host.booted.backend, 0)
        host.sh(f"printf 'touch /run/holds; sleep 600' >/run/hook; echo {number} >/run/at")
        host.sh(f"{command} >/dev/null 2>&1 & timeout 60 sh -c 'until [ -e /run/holds ]; do sleep 0.1; done'")
    else:
        said = json.loads(host.sh(command))
        assert said.get("waits"), said
    assert host.sh(f"cat {KEPT}")
    host.power_cut()
    began = time.monotonic()
    after = _settled(host, before)
    wrong = [*_differences(before, after), *_untold(row, host.confirm())]
    return Outcome(row, after[0] != before[0], "; ".join(wrong), "put back by host", time.monotonic() - began)
