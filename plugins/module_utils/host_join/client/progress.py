# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host shows of an addHost that is being carried out, and the mark that says that one was sent.

The mark lies in /run: after a reboot of the host, which ends every join, it is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer, run_all
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.model.signs import Mark, Signs
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_join.parse.signs import (
    LOGOUT,
    SET_UP,
    Event,
    parse_events,
    parse_sessions,
    set_up_program,
)

FOLDER = "/run/cloudstack-kvm"
SETUP_LOG = "/var/log/cloudstack/agent/setup.log"
AGENT_PORT = 8250
SESSIONS = ("ss", "-tnpH", "state", "established")
TAGS = ("sudo", "sshd", "sshd-session", "cloudstack-keystore-setup")
COMMANDS = {
    "sessions": SESSIONS,
    "agent": ("systemctl", "show", "cloudstack-agent.service", "-p", "ActiveState", "--value"),
    "journal": (
        "journalctl",
        "-b",
        "-q",
        "--no-pager",
        "-o",
        "short-unix",
        "--since",
        "-20min",
        *(part for tag in TAGS for part in ("-t", tag)),
    ),
}


def gather(servers: Iterable[str], folder: str = FOLDER) -> Signs:
    """The signs of now. `servers` are addresses or names of the management servers.

    Logins from where this very run comes from say nothing: a controller may be a management server.
    """
    answers, ages = run_all(COMMANDS), _process_ages()
    sessions = parse_sessions(answers["sessions"].stdout)
    own = {address for address, pids in sessions if set(pids) & _ancestors()}
    known = set(_addresses(servers)) - own
    events = parse_events(answers["journal"].stdout.splitlines())
    of_servers = [(address, pids) for address, pids in sessions if address in known and pids and not _terminal(pids)]
    set_ups = [event for event in events if event.kind == SET_UP]
    logouts = [event for event in events if event.kind == LOGOUT and event.address in known]
    return Signs(
        processes=tuple((name, ages.get(pid, 0.0)) for pid, name in _programs()),
        logins=tuple((address, _oldest(ages, pids)) for address, pids in of_servers),
        set_up=_youngest([*_ages(set_ups), *_changed(SETUP_LOG)]),
        logout=_youngest(_ages(logouts)),
        agent_active=answers["agent"].stdout.strip() in ("active", "activating"),
        agent_connected=_connected(answers["sessions"]),
        mark=read_mark(folder),
    )


def _oldest(ages: Mapping[int, float], pids: Iterable[int]) -> float:
    return max(ages.get(pid, 0.0) for pid in pids)


@contextlib.contextmanager
def locked(folder: str = FOLDER) -> Iterator[None]:
    """Only one at a time looks and writes: two controllers never both find the place free."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_mark(controller: str, cluster: str, token: str, folder: str = FOLDER) -> None:
    """Say that addHost is sent now. Raises OperationFailed."""
    words = {
        "uptime": _uptime(),
        "begun": SystemClock().now().isoformat(timespec="seconds"),
        "controller": controller,
        "cluster": cluster,
        "token": token,
    }
    files.write(os.path.join(folder, "join.json"), json.dumps(words).encode(), 0o600)


def remove_mark(token: str, folder: str = FOLDER) -> None:
    """addHost has answered. A mark that is another's by now stays; without a token, whatever mark there is goes."""
    mark = read_mark(folder)
    if not token or (mark and mark.token == token):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, "join.json"))


def read_mark(folder: str = FOLDER) -> Optional[Mark]:
    """The mark; None where there is none, or what stands there is not one."""
    try:
        with open(os.path.join(folder, "join.json"), encoding="utf-8") as file:
            words = json.load(file)
        age = _uptime() - float(words["uptime"])
        texts = {key: str(words[key]) for key in ("controller", "cluster", "begun", "token")}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Mark(age, **texts) if age >= 0 else None


def _programs() -> Iterator[tuple[int, str]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            program = set_up_program(_words(f"/proc/{name}/cmdline"))
            if program:
                yield int(name), program


def _words(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return [word.decode("utf-8", "replace") for word in file.read(4096).split(b"\0")[:3]]
    except OSError:  # it has ended
        return []


def _terminal(pids: Iterable[int]) -> bool:
    """A person at a terminal: CloudStack's client asks for none."""
    return any("@pts/" in " ".join(_words(f"/proc/{pid}/cmdline")) for pid in pids)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, from field 3 on."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _process_ages() -> Mapping[int, float]:
    now, tick = _uptime(), os.sysconf("SC_CLK_TCK")
    found = {int(name): _stat(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: max(0.0, now - int(fields[19]) / tick) for pid, fields in found.items() if len(fields) > 19}


def _ancestors() -> set[int]:
    pids, pid = set(), os.getpid()
    while pid > 1 and pid not in pids:
        pids.add(pid)
        fields = _stat(pid)
        pid = int(fields[1]) if len(fields) > 1 else 0
    return pids


def _uptime() -> float:
    """Seconds since the host has booted; in a container, since its machine has. Setting the time does not move it."""
    with open("/proc/uptime", encoding="utf-8") as file:
        return float(file.read().split()[0])


def _ages(events: Iterable[Event]) -> list[float]:
    now = SystemClock().now().timestamp()
    return [max(0.0, now - event.at) for event in events]


def _changed(path: str) -> list[float]:
    """Age of a file, as a list of none or one."""
    try:
        return [max(0.0, SystemClock().now().timestamp() - os.stat(path).st_mtime)]
    except OSError:
        return []


def _youngest(ages: list[float]) -> Optional[float]:
    return min(ages) if ages else None


def _connected(sessions: Answer) -> bool:
    """Whether a program on the host has a connection to an agent port: the agent, whatever its management server's
    address is.
    """
    return any(
        line.split()[3].endswith(f":{AGENT_PORT}") for line in sessions.stdout.splitlines() if len(line.split()) > 3
    )


def _addresses(servers: Iterable[str]) -> Iterator[str]:
    for name in servers:
        try:
            yield from (str(found[4][0]) for found in socket.getaddrinfo(name, None))
        except OSError:  # a name that only the controller knows
            yield name


def as_result(mark: Optional[Mark]) -> Optional[dict[str, Any]]:
    """The mark for a module's result, without its token."""
    return (
        {"controller": mark.controller, "cluster": mark.cluster, "begun": mark.begun, "age": round(mark.age)}
        if mark
        else None
    )
