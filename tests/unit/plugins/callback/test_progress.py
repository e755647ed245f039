# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback with events of Ansible's own classes, a clock that the test moves, and what is printed as text."""

from __future__ import annotations

import io
import os
import sys
from types import SimpleNamespace

import pytest
from ansible import context
from ansible.utils.display import Display
from ansible_collections.cloudstack.kvm.plugins.callback.progress import CallbackModule

# ours, and the default callback's with their defaults
OPTIONS = {
    "show_after": 3,
    "log_interval": 30,
    "fold": True,
    "display_skipped_hosts": True,
    "display_ok_hosts": True,
    "display_failed_stderr": False,
}
OPTIONS |= {
    "show_per_host_start": False,
    "check_mode_markers": False,
    "show_custom_stats": False,
    "show_task_path_on_failure": False,
}
OPTIONS |= {"result_format": "yaml", "pretty_results": None, "result_indentation": 4}


class Host(str):
    def get_name(self):
        return str(self)


class Task(SimpleNamespace):
    def get_name(self):
        return self.name


def task(name="Install the packages", action="ansible.builtin.command"):
    fields = {
        "loop": None,
        "delegate_to": None,
        "ignore_unreachable": False,
        "no_log": False,
        "check_mode": False,
        "args": {},
    }
    return Task(name=name, action=action, _uuid=name, **fields)


def result(host, work, **said):
    return SimpleNamespace(
        host=Host(host),
        _host=Host(host),
        task=work,
        _task=work,
        result=dict(said),
        _result=dict(said),
        task_name=work.name,
        exception=None,
    )


class Run:
    """A run of one play, as the callback sees it."""

    def __init__(self, plugin, clock, out, strategy):
        self.plugin, self.clock, self.out = plugin, clock, out
        plugin.v2_playbook_on_play_start(
            SimpleNamespace(get_name=lambda: "Prepare", strategy=strategy, check_mode=False)
        )
        self.said()

    def begin(self, work, *hosts):
        self.plugin.v2_playbook_on_task_start(work, False)
        for host in hosts:
            self.plugin.v2_runner_on_start(Host(host), work)

    def after(self, seconds):
        self.clock.now += seconds
        self.plugin.tick()

    def said(self):
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text


@pytest.fixture
def run(monkeypatch):
    """Starts a run; nothing of the singleton Display is left changed, and no thread is started."""
    monkeypatch.setattr(context, "CLIARGS", {"check": False})
    made = []

    def start(terminal=False, strategy="linear", verbosity=0, **options):
        out, clock = io.StringIO(), SimpleNamespace(now=1000.0)
        out.isatty = lambda: terminal
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr(Display(), "verbosity", verbosity)
        plugin = CallbackModule(clock=lambda: clock.now)
        plugin._thread = SimpleNamespace(is_alive=lambda: True)
        plugin.get_option = {**OPTIONS, **options}.__getitem__
        made.append(plugin)
        return Run(plugin, clock, out, strategy)

    yield start
    for plugin in made:
        plugin._finish(os.getpid())
    vars(Display()).pop("display", None)


HOSTS = [f"host{number}" for number in range(1, 101)]


def test_a_hundred_results_are_one_line_once_the_task_has_ended(run):
    started, work = run(), task()
    started.begin(work, *HOSTS)
    assert "TASK [Install the packages]" in started.said()
    for host in HOSTS:
        started.plugin.v2_runner_on_ok(result(host, work, changed=host == "host7"))
    assert started.said() == ""
    started.begin(task("Next"))
    assert started.said().splitlines()[:2] == ["ok: [host[1-6,8-100]]", "changed: [host7]"]


def test_a_hundred_refused_hosts_are_one_line(run):
    started, work = run(), task("Stop", "ansible.builtin.fail")
    started.begin(work, *HOSTS)
    for host in HOSTS:
        started.plugin.v2_runner_on_failed(
            result(host, work, msg=f"{host}: may not join because of NUM001.", changed=False)
        )
    started.said()
    started.begin(task("Next"))
    assert (
        started.said().splitlines()[0]
        == "fatal: [host[1-100]]: FAILED! => host[1-100]: may not join because of NUM001."
    )


def test_the_recap_is_folded(run):
    started = run()
    counts = {
        host: {"ok": 3, "failures": 1, **dict.fromkeys(("changed", "unreachable", "skipped", "rescued", "ignored"), 0)}
        for host in HOSTS
    }
    counts["host50"] = {**counts["host50"], "failures": 0}
    stats = SimpleNamespace(processed=dict.fromkeys(counts, 1), summarize=counts.__getitem__, custom={})
    started.plugin.v2_playbook_on_stats(stats)
    lines = [line.split() for line in started.said().splitlines() if " : " in line]
    assert [(line[0], line[5]) for line in lines] == [("host50", "failed=0"), ("host[1-49,51-100]", "failed=1")]


def test_in_a_log_a_line_every_thirty_seconds(run):
    started, work = run(), task()
    started.begin(work, "host1", "host2")
    started.said()
    for _ in range(29):
        started.after(1)
    assert started.said() == ""
    started.after(1)
    assert started.said() == "Install the packages: 2 still at it: host[1-2] for 0:30\n"
    started.plugin.v2_runner_on_ok(result("host1", work))
    for _ in range(30):
        started.after(1)
    assert started.said() == "Install the packages: 1 still at it, 1 done: host2 for 1:00\n"


def test_no_line_in_a_log_that_wants_none(run):
    started = run(log_interval=0)
    started.begin(task(), "host1")
    started.said()
    started.after(1000)
    assert started.said() == ""


def test_on_a_terminal_one_line_that_is_replaced_and_taken_away_before_anything_else(run):
    started, work = run(terminal=True), task()
    started.begin(work, "host1")
    started.said()
    started.after(2)
    assert started.said() == ""
    started.after(1)
    assert started.said() == "Install the packages: 1 still at it: host1 for 0:03"
    started.after(1)
    assert started.said() == "\r\x1b[2KInstall the packages: 1 still at it: host1 for 0:04"
    Display().display("[WARNING]: from elsewhere")
    assert started.said() == "\r\x1b[2K[WARNING]: from elsewhere\n"
    started.after(1)
    started.plugin.v2_runner_on_ok(result("host1", work))
    started.after(1)
    assert started.said().endswith("\r\x1b[2K")
    started.begin(task("Next"))
    assert started.said().startswith("ok: [host1]\n")


@pytest.mark.parametrize(
    ("options", "strategy"), [({"verbosity": 1}, "linear"), ({}, "free"), ({"fold": False}, "linear")]
)
def test_where_nothing_is_folded_results_come_at_once(run, options, strategy):
    started, work = run(strategy=strategy, **options), task()
    started.begin(work, "host1", "host2")
    for host in ("host1", "host2"):
        started.plugin.v2_runner_on_skipped(result(host, work))
    assert [line.split(" => ")[0] for line in started.said().splitlines() if "skipping" in line] == [
        "skipping: [host1]",
        "skipping: [host2]",
    ]


def test_items_retries_and_differences_of_a_host_stay_together(run):
    started, work = run(), task()
    started.begin(work, "host1", "host2")
    started.said()
    for host in ("host1", "host2"):
        started.plugin.v2_runner_retry(result(host, work, retries=3, attempts=1))
        started.plugin.v2_runner_item_on_ok(result(host, work, item="a", ansible_loop_var="item", changed=True))
    for host in ("host1", "host2"):
        started.plugin.v2_on_file_diff(
            result(host, work, changed=True, diff={"before": "", "after": "x\n", "after_header": "/etc/x"})
        )
        started.plugin.v2_runner_on_ok(result(host, work, changed=True))
    started.begin(task("Next"))
    lines = started.said().splitlines()
    assert lines[0] == "FAILED - RETRYING: [host[1-2]]: Install the packages (2 retries left)."
    assert lines[1] == "changed: [host[1-2]] => (item=a)"
    assert lines.count("+x") == 1
    assert lines.count("changed: [host[1-2]]") == 1


def test_an_interrupted_run_says_what_it_knows(run):
    started, work = run(), task()
    started.begin(work, "host1", "host2")
    started.plugin.v2_runner_on_ok(result("host1", work))
    started.said()
    started.plugin._finish(os.getpid())
    assert started.said() == "ok: [host1]\n"


def test_a_worker_prints_nothing_by_itself(run):
    started, work = run(), task()
    started.begin(work, "host1")
    started.plugin.v2_runner_on_ok(result("host1", work))
    started.said()
    started.plugin._finish(os.getpid() + 1)
    assert started.said() == ""
