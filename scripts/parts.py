#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make targets side by side: parts.py LANE..., a lane being targets that run one after another, as in "lint types
unit".

Each part's output goes to .build/parts/TARGET.log and is printed whole when the part ends; while it runs, a line a
minute says so. Every part runs, whatever others did. What still runs after 80 minutes is stopped, its processes are
listed and its output is printed: who waits for this sees where it stood. At the end: a table of times, then the parts
that failed; the first failure's output is the last thing printed. The exit status is 0 only if every part's is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOGS = ROOT / ".build" / "parts"
STILL = 60  # seconds between two lines about the parts that are still running
LIMIT = int(os.environ.get("PARTS_LIMIT", 80 * 60))  # seconds for all of it; .ci/run has 90 minutes

# make, which does not outlive this program, nor does anything that it has started
TIED = [
    "setpriv",
    "--pdeathsig",
    "TERM",
    "bash",
    "-c",
    'trap "trap - TERM; kill 0" TERM; make --no-print-directory "$0" & wait $!',
]


@dataclass
class Part:
    """One make target. Times are in seconds; `cpu` counts the part and its children, but not what it has booted."""

    name: str
    process: subprocess.Popen | None = None
    started: float = 0.0
    wall: float = 0.0
    cpu: float = 0.0
    status: int | None = None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return LOGS / f"{self.name}.log"

    def run(self) -> None:
        """To its end."""
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*TIED, self.name], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            _, status, usage = os.wait4(self.process.pid, 0)
        self.wall, self.cpu = time.monotonic() - self.started, usage.ru_utime + usage.ru_stime
        self.status = self.process.returncode = os.waitstatus_to_exitcode(status)

    def stop(self) -> None:
        """Ask it and its children to end."""
        if self.process and self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)


class Screen:
    """What is printed, by one thread at a time."""

    def __init__(self) -> None:
        self.lock, self.began = threading.Lock(), time.monotonic()

    def say(self, text: str) -> None:
        """A line of progress."""
        with self.lock:
            self._line(text)

    def show(self, part: Part) -> None:
        """All that a part has said."""
        with self.lock:
            outcome = "passed" if part.status == 0 else f"FAILED with exit status {part.status}"
            self._line(f"{part.name} {outcome} after {part.wall:.0f} s:")
            print(part.log.read_text(errors="replace").rstrip(), flush=True)

    def processes(self) -> None:
        """What runs on the machine, as a tree: whoever hangs stands in it."""
        with self.lock:
            subprocess.run(["ps", "-eo", "pid,etimes,stat,wchan:20,args", "--forest", "--cols", "160"], check=False)
            sys.stdout.flush()

    def _line(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)


def run_lane(parts: list[Part], screen: Screen, interrupted: threading.Event) -> None:
    """One after another."""
    for part in parts:
        if interrupted.is_set():
            return
        screen.say(f"{part.name}: begins; its output: {part.log.relative_to(ROOT)}")
        part.run()
        screen.show(part)


def table(parts: list[Part]) -> str:
    """A line for each part: seconds of wall clock, seconds of CPU."""
    lines = [f"{'part':<14}{'wall s':>8}{'CPU s':>8}"]
    for part in parts:
        outcome = {None: "  did not run", 0: ""}.get(part.status, "  FAILED")
        lines.append(f"{part.name:<14}{part.wall:>8.0f}{part.cpu:>8.0f}{outcome}")
    return "\n".join(lines)


def busy() -> float:
    """Seconds that all CPUs of the machine have worked since it booted, whoever they worked for."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def main(lanes: list[str]) -> int:
    """Run all lanes; the exit status."""
    LOGS.mkdir(parents=True, exist_ok=True)
    screen, interrupted, busy_before = Screen(), threading.Event(), busy()
    rows = [[Part(name) for name in lane.split()] for lane in lanes]
    parts = [part for row in rows for part in row]
    threads = [threading.Thread(target=run_lane, args=(row, screen, interrupted)) for row in rows]

    def stop(number: int, _: object) -> None:
        interrupted.set()
        for part in parts:
            part.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        _wait(threads, min(STILL, LIMIT))
        running = [part for part in parts if part.process and part.status is None]
        if running:
            times = (f"{part.name} ({time.monotonic() - part.started:.0f} s)" for part in running)
            screen.say(f"still running: {', '.join(times)}")
        if time.monotonic() - screen.began > LIMIT and not interrupted.is_set():
            screen.say(f"stopped: not ended within {LIMIT} s")
            screen.processes()
            stop(signal.SIGTERM, None)
    whole = Part("all", wall=time.monotonic() - screen.began, cpu=sum(part.cpu for part in parts), status=0)
    seconds = busy() - busy_before
    print(f"\n{table([*parts, whole])}")
    print(f"the machine's {os.cpu_count()} CPUs were busy for {seconds:.0f} s, hosts of the lab included", flush=True)
    return finish(parts)


def _wait(threads: list[threading.Thread], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def finish(parts: list[Part]) -> int:
    """Say which parts failed, the first one's output last."""
    bad = [part for part in parts if part.status != 0]
    failed = sorted((part for part in bad if part.status is not None), key=lambda part: part.started + part.wall)
    if bad:
        print(f"not passed: {', '.join(part.name for part in bad)}")
    if failed:
        print(
            f"\nthe first failure once more, {failed[0].name}:\n{failed[0].log.read_text(errors='replace').rstrip()}",
            flush=True,
        )
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
