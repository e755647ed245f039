# SPDX-License-Identifier: GPL-3.0-or-later
"""kvm_host_facts measures the clock with the round trip of the facts; whatever comes of it, the facts are there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.cloudstack.kvm.plugins.action.kvm_host_facts import ActionModule
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.plan.clock_offset import MARK

START = 1_795_600_000_000_000_000
FACTS = '{"ansible_facts": {}}\n'
WRAPPED = f"date +{MARK}%s.%N; python; status=$?; echo; date +{MARK}%s.%N; (exit $status)"
DATE = ("date +%s.%N", False)
OFF = 3.0  # seconds, the host's clock against the controller's


class Host:
    """A scripted connection: each way takes `way` seconds, the module 5 s. `dates` are what the host says, or an
    exception that asking it raises."""

    def __init__(self, monkeypatch, way=0.01, dates=None, module=FACTS, **arguments):
        self.way, self.dates, self.module, self.time, self.asked = way, dates, module, START, []
        task = SimpleNamespace(args=arguments, async_val=0, check_mode=True, diff=False, no_log=False, timeout=0)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None), has_native_async=False)
        self.action = ActionModule(task, connection, SimpleNamespace(check_mode=True), None, None, None)
        self.action.now = lambda: self.time
        monkeypatch.setattr(
            ActionBase,
            "_low_level_execute_command",
            lambda _action, cmd, sudoable=True, **_options: self._answer(cmd, sudoable),
        )
        monkeypatch.setattr(ActionBase, "_execute_module", self._execute)
        monkeypatch.setattr(ActionBase, "_remove_tmp_path", lambda *_arguments: None)

    def result(self):
        return self.action.run(task_vars={})

    def _execute(self, **_options):
        answer = self.action._low_level_execute_command("python")
        assert answer["stdout"] == self.module, "nothing of the dates is left"
        return {"ansible_facts": {"kvm_host": {}}} if self.module == FACTS else {"failed": True, "msg": self.module}

    def _date(self):
        moment = self.time + int(OFF * 1e9)
        return self.dates if isinstance(self.dates, str) else f"{moment // 10**9}.{moment % 10**9:09}"

    def _answer(self, cmd, sudoable):
        self.asked.append((cmd, sudoable))
        if cmd == DATE[0] and isinstance(self.dates, Exception):
            raise self.dates
        self.time += int(self.way * 1e9)
        came = self._date()
        if cmd != DATE[0]:
            self.time += 5 * 10**9
        left = self._date()
        self.time += int(self.way * 1e9)
        both = f"{MARK}{came}\n{self.module}\n{MARK}{left}\n"
        output = {WRAPPED: both, DATE[0]: f"{came}\n", "python": self.module}[cmd]
        return {"rc": 0, "stdout": output, "stdout_lines": output.splitlines(), "stderr": ""}


def test_the_clock_costs_no_round_trip(monkeypatch):
    host = Host(monkeypatch, clock=True)
    result = host.result()
    assert (result["clock"], result["unknown"]) == ({"offset_s": OFF, "uncertainty_s": 0.01}, {})
    assert host.asked == [(WRAPPED, True)]
    assert "kvm_host" in result["ansible_facts"]


@pytest.mark.parametrize("arguments", [{}, {"clock": False}, {"clock": "no"}])
def test_without_the_option_it_is_the_module_alone(monkeypatch, arguments):
    host = Host(monkeypatch, **arguments)
    assert "clock" not in host.result()
    assert host.asked == [("python", True)]


def test_a_slow_way_is_asked_again(monkeypatch):
    host = Host(monkeypatch, way=0.4, clock=True)
    assert host.result()["clock"] == {"offset_s": OFF, "uncertainty_s": 0.4}
    assert host.asked == [(WRAPPED, True), *[DATE] * 4]


def test_a_connection_that_breaks_afterwards_leaves_the_facts_and_the_clock(monkeypatch):
    result = Host(monkeypatch, way=0.4, dates=AnsibleConnectionFailure("broken"), clock=True).result()
    assert result["clock"] == {"offset_s": OFF, "uncertainty_s": 0.4}
    assert "kvm_host" in result["ansible_facts"]


def test_a_host_that_does_not_tell_is_unknown(monkeypatch):
    result = Host(monkeypatch, dates="1795600003.N", clock=True).result()
    assert result["clock"] is None
    assert "1795600003.N" in result["unknown"]["clock"]
    assert "kvm_host" in result["ansible_facts"]


def test_without_facts_no_clock_is_asked_for(monkeypatch):
    host = Host(monkeypatch, way=0.4, module="sh: python: not found\n", clock=True)
    assert host.result()["failed"]
    assert len(host.asked) == 1


def test_an_error_of_becoming_root_is_explained(monkeypatch):
    host = Host(monkeypatch, clock=True)

    def refuse(*_arguments, **_options):
        raise AnsibleError("Missing sudo password")

    monkeypatch.setattr(ActionBase, "_execute_module", refuse)
    result = host.action.run(task_vars={"inventory_hostname": "host1", "ansible_user": "ops"})
    assert result["failed"]
    assert "host1: Ansible cannot become root on it:" in result["msg"]
    assert "clock" not in result


def test_a_module_that_sudo_did_not_start_is_explained(monkeypatch):
    host = Host(monkeypatch)
    died = {"failed": True, "msg": "MODULE FAILURE", "module_stdout": "ops is not in the sudoers file.", "rc": 1}
    monkeypatch.setattr(ActionBase, "_execute_module", lambda *_arguments, **_options: died)
    assert "ops ALL=(ALL) ALL" in host.action.run(task_vars={"ansible_user": "ops"})["msg"]


@pytest.mark.parametrize("error", [AnsibleError("no such module"), AnsibleConnectionFailure("Missing sudo password")])
def test_other_errors_stay_as_they_are(monkeypatch, error):
    host = Host(monkeypatch)

    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr(ActionBase, "_execute_module", fail)
    with pytest.raises(type(error)):
        host.result()


DASH, FRENCH = "/bin/sh: 1: /usr/bin/python3: not found\n", "/usr/bin/python3: Aucun fichier ou dossier de ce type\n"


@pytest.mark.parametrize(
    ("rc", "stderr", "there", "words"),
    [
        (127, DASH, "/usr/bin/apt-get\n", "python3 is not installed on the host"),
        (127, DASH, "/usr/bin/apt-get\n", "ansible host4 -b -m ansible.builtin.raw -a 'apt-get install -y python3'"),
        (127, f"bash: ligne 1: {FRENCH}", "/usr/bin/dnf\n", "-a 'dnf install -y python3'"),
        (127, DASH, "/usr/bin/zypper\n", "-a 'zypper install -y python3'"),
        (127, DASH, AnsibleConnectionFailure("gone"), "python3 is not installed on the host"),
        (
            127,
            "/bin/sh: 1: /opt/python3.12/bin/python3: not found\n",
            "/usr/bin/python3\n/usr/bin/dnf\n",
            "set ansible_python_interpreter: /usr/bin/python3",
        ),
    ],
)
def test_a_host_without_python(monkeypatch, rc, stderr, there, words):
    """It is asked once, raw, with what every shell has."""
    host = Host(monkeypatch)
    asked = []

    def answer(_action, command, sudoable=True):
        asked.append((command, sudoable))
        if isinstance(there, Exception):
            raise there
        return {"stdout": there, "rc": 0}

    failed = {"failed": True, "rc": rc, "module_stderr": stderr, "msg": "The module failed to execute correctly"}
    monkeypatch.setattr(ActionBase, "_execute_module", lambda *_arguments, **_options: dict(failed))
    monkeypatch.setattr(ActionBase, "_low_level_execute_command", answer)
    assert words in host.action.run(task_vars={"inventory_hostname": "host4"})["msg"]
    assert [(command[:18], sudoable) for command, sudoable in asked] == [("command -v python3", False)]


@pytest.mark.parametrize(
    ("rc", "stderr"), [(127, "/bin/sh: 1: sudo: not found\n"), (1, "Traceback: python3.9/site-packages\n")]
)
def test_what_is_not_python_s_absence(monkeypatch, rc, stderr):
    host = Host(monkeypatch)
    failed = {"failed": True, "rc": rc, "module_stderr": stderr, "msg": "The module failed to execute correctly"}
    monkeypatch.setattr(ActionBase, "_execute_module", lambda *_arguments, **_options: dict(failed))
    assert "python3 is not installed" not in host.result()["msg"]
    assert host.asked == []


def test_a_healthy_host_is_not_asked_for_its_python(monkeypatch):
    host = Host(monkeypatch)
    host.result()
    assert [command for command, _sudoable in host.asked] == ["python"]
