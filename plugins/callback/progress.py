# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: One line for hosts of which the same is to be said, and who is still at a long task
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Prints what P(ansible.builtin.default#callback) prints, with the hosts named together of which the same is said,
    such as C(host[1-97]). The same failure of many hosts is one entry, and so are equal counts of the recap. The
    results of a task are printed when it has ended on all hosts.
  - While a task is running, it shows which hosts are still at it and for how long. On a terminal that is one line,
    which is replaced; in a log a line every O(log_interval) seconds.
  - With C(-v), and with a strategy other than C(linear), nothing is held back or folded.
options:
  show_after:
    description: Seconds that a task takes before the terminal shows who is still at it.
    type: int
    default: 3
    env: [{name: CLOUDSTACK_KVM_PROGRESS_SHOW_AFTER}]
    ini: [{section: callback_progress, key: show_after}]
  log_interval:
    description: Seconds between two lines about the same task where the output is not a terminal. V(0) for none.
    type: int
    default: 30
    env: [{name: CLOUDSTACK_KVM_PROGRESS_LOG_INTERVAL}]
    ini: [{section: callback_progress, key: log_interval}]
  fold:
    description: Whether hosts of which the same is to be said are named together.
    type: bool
    default: true
    env: [{name: CLOUDSTACK_KVM_PROGRESS_FOLD}]
    ini: [{section: callback_progress, key: fold}]
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout_callback in ansible.cfg
"""

import atexit
import os
import shutil
import sys
import threading
import time
from typing import Optional

from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.folding import Piece, fold, fold_counts, message
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.still_running import StillRunning

TICK = 1.0  # seconds between two looks at the clock
ERASE = "\r\x1b[2K"
FOLDED = ("linear", "ansible.builtin.linear")
# Tasks whose message says all: their position in the playbook does not help its reader.
SPEAK_FOR_THEMSELVES = ("fail", "assert", "ansible.builtin.fail", "ansible.builtin.assert")


class Screen:
    """Where everything is printed: holds pieces back while `held` is set, and keeps a line at the end that is replaced.

    Wraps the method through which all of Ansible prints, warnings too, so that the last line is taken away before.
    """

    def __init__(self, display) -> None:
        # Held while Ansible forks: no child is born inside a print.
        self.lock = getattr(display, "_lock", None) or threading.RLock()
        self.terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.held: Optional[tuple[list[Piece], int]] = None  # the pieces to add to, and the thread that may
        self._print, self._shown, self._process = display.display, False, os.getpid()
        display.display = self.display

    def display(self, msg, *args, **kwargs) -> None:
        """As Display.display."""
        if os.getpid() != self._process:  # a worker hands it on to this process
            self._print(msg, *args, **kwargs)
        elif self.held and self.held[1] == threading.get_ident():
            names = ("color", "stderr", "screen_only", "log_only", "newline")
            self.held[0].append(Piece(msg, tuple(sorted({**dict(zip(names, args)), **kwargs}.items()))))
        else:
            with self.lock:
                self.erase()
                self._print(msg, *args, **kwargs)

    def last_line(self, text: str) -> None:
        """Show the text as the last line, instead of the one before."""
        with self.lock:
            self.erase()
            if text:
                sys.stdout.write(text)
                sys.stdout.flush()
                self._shown = True

    def erase(self) -> None:
        """Take the last line away."""
        if self._shown:
            sys.stdout.write(ERASE)
            self._shown = False


class FoldedStats:
    """What the default callback's recap reads of the run's counts, by the names of the hosts that have the same
    ones.
    """

    def __init__(self, stats) -> None:
        self.processed = fold_counts({host: stats.summarize(host) for host in stats.processed})
        self.custom = stats.custom
        self.summarize = self.processed.__getitem__


class CallbackModule(Default):
    """The events of a run, each with what is to be done beside what the default callback does."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "cloudstack.kvm.progress"

    def __init__(self, clock=time.monotonic) -> None:
        super().__init__()
        self._clock, self._screen = clock, Screen(self._display)
        self._running: Optional[StillRunning] = None
        self._pieces: dict[str, list[Piece]] = {}
        self._folding, self._next_log = False, 0.0
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="progress")
        atexit.register(self._finish, os.getpid())

    # --- who is at work ---

    def _begin(self, task) -> None:
        self._flush()
        with self._guard:
            self._running = StillRunning(task.get_name().strip().split(" : ")[-1], self._clock())
            self._next_log = self._clock() + self.get_option("log_interval")

    def _watch(self) -> None:
        while not self._over.wait(TICK):
            self.tick()

    def tick(self) -> None:
        """Show who is at work, if it is time to."""
        with self._guard:
            now, running, interval = self._clock(), self._running, self.get_option("log_interval")
            late = running is not None and now - running.began >= self.get_option("show_after")
            width = shutil.get_terminal_size().columns - 1 if self._screen.terminal else 0
            due = interval > 0 and now >= self._next_log
            text = running.line(now, width) if running and late and (self._screen.terminal or due) else ""
            self._next_log = now + interval if due else self._next_log
        if self._screen.terminal:
            self._screen.last_line(text)
        elif text:
            self._screen.display(text)
            sys.stdout.flush()

    def _finish(self, process: int) -> None:
        """Also when the run is interrupted, nothing of what is known stays unsaid."""
        if os.getpid() == process:
            self._over.set()
            with self._guard:
                self._running = None
            self._screen.last_line("")
            self._flush()

    # --- what is said ---

    def _flush(self) -> None:
        """Print what is known of the task that has ended."""
        pieces, self._pieces = self._pieces, {}
        for piece in fold(pieces):
            self._screen.display(piece.text, **dict(piece.how))

    def _say(self, event, result, *args, ended=True, bad=False, **kwargs) -> None:
        """Let the default callback speak of a host, and keep it until the task has ended everywhere."""
        host = (getattr(result, "host", None) or result._host).get_name()
        if self._folding:
            self._screen.held = (self._pieces.setdefault(host, []), threading.get_ident())
        try:
            event(result, *args, **kwargs)
        finally:
            self._screen.held = None
        with self._guard:
            if ended and self._running:
                self._running.end(host, bad=bad)

    def _print_task_banner(self, task) -> None:
        held, self._screen.held = self._screen.held, None
        super()._print_task_banner(task)
        self._screen.held = held

    def _dump_results(self, result, *args, **kwargs):
        said = message(result) if self._display.verbosity == 0 else ""
        return said or super()._dump_results(result, *args, **kwargs)

    # --- events ---

    def v2_playbook_on_play_start(self, play) -> None:
        self._flush()
        if not self._thread.is_alive() and not self._over.is_set():
            self._thread.start()
        self._folding = self.get_option("fold") and self._display.verbosity == 0 and play.strategy in FOLDED
        super().v2_playbook_on_play_start(play)

    def v2_playbook_on_task_start(self, task, is_conditional) -> None:
        self._begin(task)
        super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task) -> None:
        self._begin(task)
        super().v2_playbook_on_handler_task_start(task)

    def v2_playbook_on_include(self, included_file) -> None:
        self._flush()
        super().v2_playbook_on_include(included_file)

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        self._flush()
        super().v2_playbook_on_no_hosts_remaining()

    def v2_playbook_on_stats(self, stats) -> None:
        self._finish(os.getpid())
        super().v2_playbook_on_stats(FoldedStats(stats) if self.get_option("fold") else stats)

    def v2_runner_on_start(self, host, task) -> None:
        with self._guard:
            if self._running:
                self._running.start(host.get_name(), self._clock())
        super().v2_runner_on_start(host, task)

    def v2_runner_on_ok(self, result) -> None:
        self._say(super().v2_runner_on_ok, result)

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        task, said = getattr(result, "task", None) or result._task, getattr(result, "result", None) or result._result
        if self._display.verbosity == 0 and task.action in SPEAK_FOR_THEMSELVES:
            # Of ansible-core 2.19 and later: the message once more, and the lines of the playbook.
            said.pop("exception", None)
        self._say(super().v2_runner_on_failed, result, ignore_errors=ignore_errors, bad=not ignore_errors)

    def v2_runner_on_unreachable(self, result) -> None:
        self._say(super().v2_runner_on_unreachable, result, bad=True)

    def v2_runner_on_skipped(self, result) -> None:
        self._say(super().v2_runner_on_skipped, result)

    def v2_runner_item_on_ok(self, result) -> None:
        self._say(super().v2_runner_item_on_ok, result, ended=False)

    def v2_runner_item_on_failed(self, result) -> None:
        self._say(super().v2_runner_item_on_failed, result, ended=False)

    def v2_runner_item_on_skipped(self, result) -> None:
        self._say(super().v2_runner_item_on_skipped, result, ended=False)

    def v2_runner_retry(self, result) -> None:
        self._say(super().v2_runner_retry, result, ended=False)

    def v2_on_file_diff(self, result) -> None:
        self._say(super().v2_on_file_diff, result, ended=False)
