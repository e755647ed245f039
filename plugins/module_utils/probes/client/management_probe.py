# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a management server sees of hosts and their BMCs: ports, its own SSH login, ipmitool. Changes nothing
anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import CommandError, ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import port_probe
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.parse import login_answer, ssh_client

WORKERS = 128  # hosts at once; each needs one ssh or ipmitool process of some megabytes
COMMAND_TIME = 3  # a whole login or BMC call may take this many times the time of a connect
NO_LOGIN = {"ssh": None, "device": None, "sudo": None, "sudo_text": ""}
SSH_OPTIONS = {
    **ssh_client.OPTIONS,
    "BatchMode": "yes",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "PreferredAuthentications": "publickey",
    "UserKnownHostsFile": "/dev/null",
    "GlobalKnownHostsFile": "/dev/null",
    "StrictHostKeyChecking": "no",
    "LogLevel": "VERBOSE",  # says how far it came
}


@dataclass(frozen=True)
class ProbedHost:
    """A host as CloudStack reaches it. Without `bmc_address` there is no BMC to ask."""

    name: str
    address: str
    ssh_port: int = 22
    username: str = "root"
    bmc_address: Optional[str] = None
    bmc_port: int = 623
    bmc_username: str = ""
    bmc_password: str = field(default="", repr=False)


@dataclass(frozen=True)
class ManagementProbe:
    """How to look: `timeout` in seconds for one connect, `deadline` is the moment of the monotonic clock at which
    everything has ended."""

    key_paths: Sequence[str]
    ports: Sequence[int]
    timeout: int
    deadline: float

    def look_at_all(self, hosts: Iterable[ProbedHost]) -> dict[str, Any]:
        """Name of each host -> what was seen of it."""
        every = list(hosts)
        with ThreadPoolExecutor(max_workers=max(1, min(WORKERS, len(every)))) as pool:
            return dict(zip((host.name for host in every), pool.map(self.look_at, every)))

    def look_at(self, host: ProbedHost) -> dict[str, Any]:
        """One host. What could not be seen is null, and `unknown` says why."""
        unknown: dict[str, str] = {}

        def seen(name: str, ask: Callable[[ProbedHost], Any]) -> Any:
            try:
                return ask(host)
            except CommandError as error:
                unknown[name] = error.message
                return None

        ports, login, bmc = seen("ports", self._ports), seen("ssh", self._login), seen("bmc", self._bmc)
        return {"ports": ports, **(login or NO_LOGIN), "bmc": bmc, "unknown": unknown}

    def _left(self) -> float:
        """Seconds until the end. Raises CommandError where not even a connect fits in."""
        left = self.deadline - time.monotonic()
        if left < self.timeout + 1:
            raise CommandError("the time limit for all hosts was over before this was tried")
        return left

    def _ports(self, host: ProbedHost) -> list[dict[str, Any]]:
        self._left()
        ports = [host.ssh_port if port == 22 else port for port in self.ports]
        answers = port_probe.probe([port_probe.Target(host.address, port) for port in ports], self.timeout)
        return [{"port": port, "state": answer.state, "ms": answer.ms} for port, answer in zip(ports, answers)]

    def _login(self, host: ProbedHost) -> dict[str, Any]:
        """CloudStack's login, and its questions. Raises CommandError where the login could not be tried."""
        command = ssh_command(host, readable_key(self.key_paths), self.timeout)
        started = time.monotonic()
        answer = call(command, min(self._left(), self.timeout * COMMAND_TIME))
        stage = ssh_client.stage(answer.status, answer.stderr, bool(answer.stdout))
        text = ssh_client.one_line(answer.stderr) or answer.problem or f"it ended with {answer.status}"
        if stage == ssh_client.LOCAL:
            raise CommandError(text)
        found = None
        try:
            found = None if stage else login_answer.parse_answer(answer.stdout)
        except ParseError as error:
            stage, text = "command", ssh_client.one_line(str(error))
        ssh = {"ok": found is not None, "stage": stage, "text": "" if found else text, "ms": _ms_since(started)}
        return {**NO_LOGIN, "ssh": ssh, **(vars(found) if found else {})}

    def _bmc(self, host: ProbedHost) -> dict[str, Any]:
        """Power state and GUID as the server's own driver asks: lanplus, one retry, no cipher suite. -v, or ipmitool
        hides the reason."""
        if not host.bmc_address:
            raise CommandError("no bmc_address was given")
        power = self._ipmitool(host, "chassis", "power", "status")
        state = re.search(r"Chassis Power is (on|off)", power.stdout)
        bmc: dict[str, Any] = {
            "ok": power.ok,
            "text": ssh_client.one_line(power.stderr) or power.problem,
            "power": state and state[1],
            "guid": None,
            "serials": [],
        }
        if power.ok:
            guid = re.search(r"System GUID\s*:\s*([0-9a-fA-F-]{36})", self._ipmitool(host, "mc", "guid").stdout)
            bmc["guid"] = guid and guid[1].lower()
            if not guid or len(set(guid[1].replace("-", ""))) == 1:  # a BMC without a GUID sends zeros or ones
                bmc["serials"] = _serials(self._ipmitool(host, "fru", "print", "0").stdout)
        return bmc

    def _ipmitool(self, host: ProbedHost, *words: str) -> Answer:
        where = ("-H", str(host.bmc_address), "-p", str(host.bmc_port), "-U", host.bmc_username)
        # Both names: ipmitool looks at the second first, and this process may have inherited one.
        secret = {"IPMI_PASSWORD": host.bmc_password, "IPMITOOL_PASSWORD": host.bmc_password}
        return call(
            ("ipmitool", "-I", "lanplus", "-R", "1", "-v", *where, "-E", *words),
            min(self._left(), self.timeout * COMMAND_TIME),
            secret,
        )


def _serials(text: str) -> list[str]:
    """Serial numbers of the machine in `ipmitool fru print 0`, as far as its maker has written them."""
    return re.findall(r"^ *(?:Product|Chassis) Serial +: (\S.*?) *$", text, re.MULTILINE)


def readable_key(paths: Sequence[str]) -> str:
    """The first of these files that can be read. Raises CommandError with what is wrong with each."""
    problems = []
    for path in map(os.path.expanduser, paths):
        try:
            with open(path, "rb"):
                return path
        except OSError as error:
            problems.append(f"{path}: {error.strerror}")
    raise CommandError("the management server's SSH key cannot be read: " + "; ".join(problems))


def private_keys(public_key: Optional[str], usual: Sequence[str]) -> list[str]:
    """Where to look for the private key: beside the public one, if that is named, then at the usual places."""
    beside = [public_key[: -len(".pub")]] if public_key and public_key.endswith(".pub") else []
    return list(dict.fromkeys([*beside, *usual]))


def ssh_command(host: ProbedHost, key: str, timeout: int) -> tuple[str, ...]:
    """OpenSSH's client, held down to what CloudStack's can do; no configuration of this machine can widen it (-F)."""
    options = {**SSH_OPTIONS, "ConnectTimeout": str(timeout)}
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    login = ("-i", key, "-p", str(host.ssh_port), "-l", host.username)
    return ("ssh", "-F", "/dev/null", "-n", "-T", *flags, *login, "--", host.address, login_answer.COMMAND)


def call(argv: Sequence[str], timeout: float, secrets: Optional[Mapping[str, str]] = None) -> Answer:
    """Run a program with secrets in its environment. Without an end in time, what it said so far. Raises CommandError
    where it cannot start."""
    environment = {**os.environ, "LC_ALL": "C", **(secrets or {})}
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise CommandError(f"{argv[0]} is not installed on the management server") from None
    except OSError as error:
        raise CommandError(f"{argv[0]} could not be started: {error.strerror}") from None
    except subprocess.TimeoutExpired as late:
        return Answer(
            tuple(argv), None, _text(late.stdout), _text(late.stderr), problem=f"no answer within {timeout:.0f} s"
        )
    return Answer(tuple(argv), done.returncode, _text(done.stdout), _text(done.stderr))


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def _text(raw: Optional[bytes]) -> str:
    return (raw or b"").decode("utf-8", "replace")
