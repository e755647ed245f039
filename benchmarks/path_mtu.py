#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path check beside what people use today: a loop of `ping -M do`, and `fping -M`, on the same pairs of hosts.

Hosts are network namespaces on a bridge; from 50 on on two bridges (leafs) that a third one (the spine) joins. They
vanish with this process, and nothing of the machine's own network is touched. Four fabrics of each size: all is well;
two ports of the switch with a wrong MTU; 1 % of all packets lost (by tc netem if the kernel has it, else by nft); three
dead hosts. All but the dead ones know each other's MAC, because the table of neighbours has room for 1024 in all
namespaces together (but for those that are told).

`ours` is one process for each host, all started together, as Ansible does, with the module's defaults: a small packet
first, 20 for loss and round trips, the required size, and the exact MTU where that fails. The floor is as many bare
starts of the same Python, together, plus one timeout. The loop asks one pair after the other: `ping -c 1 -W 1 -M do`;
on the fabric with loss three packets, or it would take loss for a wrong MTU. That needs minutes, so a sample of pairs
is measured, those with a fault and those without apart, and the time is reckoned from it: over every pair, as people do
it, and over the pairs that our plan asks, which are fewer from 65 hosts on. fping asks all peers of a host at once, on
all hosts at once; it says who answered, nothing of the cause. Verdicts: of each pair that the loop asked, ours must be
the same, and the MTU that we found must pass ping while one byte more must not; of all others, ours must be what was
built."""

# ruff: noqa: E402 - the checkout comes before a copy that an installation has made
from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import pairs as planned_pairs
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.request import OPTIONS as SPEC

from tests.namespaces import Namespaces, missing

SIZE, WRONG = 1500, 1400
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable  # what Ansible finds on a host
RUN = "import sys; from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.run import probe_peers; print(probe_peers(eval(sys.stdin.read())))"  # noqa: E501
DEFAULTS = {name: spec["default"] for name, spec in SPEC.items() if "default" in spec}
TIMEOUT = DEFAULTS["timeout"]
# Compiled once, as the floor's own modules are.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT.update(
    PYTHONPATH=str(ROOT / "collections"), PYTHONPYCACHEPREFIX=tempfile.gettempdir() + f"/path_mtu.{os.getpid()}"
)
FABRICS = ("clean", "wrong MTU", "loss", "dead")
Pair = tuple[str, str]


class Fabric:
    """Hosts h000 ... on one bridge, or on two leafs and a spine."""

    def __init__(self, spaces: Namespaces, size: int, pairs: Sequence[Pair]) -> None:
        self.spaces = spaces
        self.hosts = [f"h{number:03}" for number in range(size)]
        self.pairs = pairs
        self.address = {host: f"10.50.{number // 200}.{number % 200 + 1}" for number, host in enumerate(self.hosts)}
        self.mac = {
            host: f"02:00:00:00:{number // 256:02x}:{number % 256:02x}" for number, host in enumerate(self.hosts)
        }
        self.wrong: list[str] = []
        self.dead: list[str] = []
        self.leafs = ["leaf1", "leaf2"] if size >= 50 else ["leaf1"]

    def build(self) -> None:
        self.spaces.add("switch", *self.hosts)
        for name in ("switch", *self.hosts):
            self.spaces.sysctl(name, "net.ipv6.conf.default.disable_ipv6", "1")
        lines = [f"link add name {bridge} up type bridge" for bridge in (*self.leafs, "spine")]
        for leaf in self.leafs:
            lines += [
                f"link add name up-{leaf} up master {leaf} type veth peer name down-{leaf}",
                f"link set dev down-{leaf} up master spine",
            ]
        self.spaces.ip("switch", lines)
        peers = defaultdict(list)
        for host, peer in self.pairs:
            peers[host].append(peer)
            peers[peer].append(host)
        for number, host in enumerate(self.hosts):
            self.spaces.plug("switch", self.leafs[number * len(self.leafs) // len(self.hosts)], host, "eth0", port=host)
            up = [f"link set dev eth0 address {self.mac[host]} up", f"address add {self.address[host]}/16 dev eth0"]
            known = sorted(set(peers[host]))
            self.spaces.ip(
                host,
                up + [f"neighbour replace {self.address[peer]} lladdr {self.mac[peer]} dev eth0" for peer in known],
            )

    def spoil(self, kind: str) -> str:
        """Make it faulty; returns by what means."""
        if kind == "wrong MTU":
            self.wrong = [self.hosts[3], self.hosts[-4]]
            self.spaces.ip("switch", [f"link set dev {host} mtu {WRONG}" for host in self.wrong])
        elif kind == "dead":
            self.dead = [self.hosts[place] for place in (1, len(self.hosts) // 2, -2)]
            for host in self.hosts:
                gone = [
                    f"neighbour delete {self.address[peer]} dev eth0" for peer in self.dead if self._knows(host, peer)
                ]
                self.spaces.ip(host, ["link set dev eth0 down"] if host in self.dead else gone)
        elif kind == "loss":
            return self._lose()
        return ""

    def heal(self) -> None:
        """Make it whole again; dead hosts stay dead, so they come last."""
        self.spaces.ip("switch", [f"link set dev {host} mtu {SIZE}" for host in self.wrong])
        self.spaces.run(
            "switch",
            [
                "sh",
                "-c",
                f"for port in {' '.join(self.hosts)}; do tc qdisc del dev $port root 2>/dev/null; done; nft flush "
                "ruleset",
            ],
        )
        self.wrong = []

    def _knows(self, host: str, peer: str) -> bool:
        return (host, peer) in self.pairs or (peer, host) in self.pairs

    def _lose(self) -> str:
        tried = self.spaces.run(
            "switch", ["tc", "qdisc", "add", "dev", self.hosts[0], "root", "netem", "loss", "1%"], check=False
        )
        if not tried.returncode:
            self.spaces.run(
                "switch",
                [
                    "sh",
                    "-c",
                    f"for port in {' '.join(self.hosts[1:])}; do tc qdisc add dev $port root netem loss 1%; done",
                ],
            )
            return "tc netem"
        uplinks = ", ".join(f'"{end}-{leaf}"' for leaf in self.leafs for end in ("up", "down"))
        rule = f"iifname != {{ {uplinks} }} numgen random mod 1000 < 10 drop"
        self.spaces.nft("switch", f"table bridge t {{ chain c {{ type filter hook forward priority 0; {rule}; }}; }}\n")
        return "nft, as this kernel has no netem"

    def fault(self, pair: Pair) -> str:
        """What was built."""
        return "dead" if set(pair) & set(self.dead) else "wrong" if set(pair) & set(self.wrong) else ""

    def asking(self) -> list[str]:
        return [host for host in self.hosts if host not in self.dead]


class Stopwatch:
    """Wall and CPU seconds of the processes that ran within."""

    def __enter__(self) -> Stopwatch:
        self._cpu, self._began = self._used(), time.monotonic()
        return self

    def __exit__(self, *_error: object) -> None:
        self.wall = time.monotonic() - self._began
        self.cpu = self._used() - self._cpu

    @staticmethod
    def _used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime


def together(
    fabric: Fabric,
    hosts: Sequence[str],
    command: Callable[[str], list[str]],
    stdin: Callable[[str], str] = lambda _host: "",
) -> dict[str, str]:
    """Run one process in each host, all at once; what they printed."""
    with tempfile.TemporaryDirectory() as folder:
        files = {host: Path(folder) / host for host in hosts}
        for host in hosts:
            files[host].with_suffix(".in").write_text(stdin(host))
        running = []
        try:
            for host in hosts:
                with files[host].with_suffix(".in").open() as given, files[host].open("w") as printed:
                    running.append(
                        fabric.spaces.start(
                            host, command(host), stdin=given, stdout=printed, stderr=subprocess.DEVNULL, env=ENVIRONMENT
                        )
                    )
        finally:
            _end(running)
        return {host: files[host].read_text() for host in hosts}


def _end(running: Sequence[subprocess.Popen[str]]) -> None:
    """Wait for all; leave none if this is interrupted."""
    try:
        for process in running:
            process.wait()
    except BaseException:
        for process in running:
            process.kill()
            process.wait()
        raise


def run_ours(fabric: Fabric) -> tuple[Stopwatch, dict[Pair, dict[str, Any]]]:
    """Wall, CPU and the outcome of each pair whose asking host lives."""
    asked: dict[str, list[dict[str, Any]]] = {host: [] for host in fabric.asking()}
    for host, peer in fabric.pairs:
        if host in asked:
            asked[host].append({"network": "net", "peer": peer, "address": fabric.address[peer], "size": SIZE})

    def options(host: str) -> str:
        return repr({"host": host, "networks": [{"name": "net", "device": "eth0"}], "probes": asked[host], **DEFAULTS})

    with Stopwatch() as watch:
        printed = together(fabric, list(asked), lambda _host: [PYTHON, "-c", RUN], options)
    results = [ast.literal_eval(text) for text in printed.values()]
    return watch, {(each["host"], each["peer"]): each for result in results for each in result["outcomes"]}


def run_fping(fabric: Fabric) -> tuple[Stopwatch, dict[Pair, bool]]:
    """Wall, CPU and who answered."""
    peers = defaultdict(list)
    for host, peer in fabric.pairs:
        peers[host].append(fabric.address[peer])
    hosts = [host for host in fabric.asking() if peers[host]]
    with Stopwatch() as watch:
        printed = together(
            fabric,
            hosts,
            lambda host: ["fping", "-M", "-a", "-b", str(SIZE - 28), "-r", "2", "-t", "300", "-i", "1", *peers[host]],
        )
    return watch, {
        (host, peer): fabric.address[peer] in printed[host].split() for host, peer in fabric.pairs if host in printed
    }


def ping(fabric: Fabric, pair: Pair, size: int, count: int = 1) -> bool:
    """The verdict of ping."""
    command = [
        "ping",
        "-n",
        "-q",
        "-c",
        str(count),
        "-i",
        "0.2",
        "-W",
        "1",
        "-M",
        "do",
        "-s",
        str(size - 28),
        fabric.address[pair[1]],
    ]
    return not fabric.spaces.run(pair[0], command, check=False).returncode


def run_loop(fabric: Fabric, sample: int, count: int) -> tuple[dict[str, tuple[float, float]], dict[Pair, bool]]:
    """Seconds and CPU seconds that a pair takes, by its fault, and the verdicts on the pairs of the sample."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in fabric.pairs:
        if pair[0] not in fabric.dead:
            groups[fabric.fault(pair)].append(pair)
    costs: dict[str, tuple[float, float]] = {}
    verdicts: dict[Pair, bool] = {}
    for fault, members in groups.items():
        chosen = random.Random(1).sample(members, min(len(members), 8 if fault else sample))
        with Stopwatch() as watch:
            verdicts.update({pair: ping(fabric, pair, SIZE, count) for pair in chosen})
        costs[fault] = watch.wall / len(chosen), watch.cpu / len(chosen)
    return costs, verdicts


def reckon(fabric: Fabric, pairs: Iterable[Pair], costs: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """Seconds and CPU seconds of a loop over all these pairs."""
    each = [costs[fabric.fault(pair)] for pair in pairs if pair[0] not in fabric.dead]
    return sum(wall for wall, _cpu in each), sum(cpu for _wall, cpu in each)


def compare(fabric: Fabric, ours: dict[Pair, dict[str, Any]], verdicts: dict[Pair, bool], count: int) -> str:
    """In how many pairs our verdict is another one than ping's and than what was built."""
    sizes = 0
    other = [pair for pair, passed in verdicts.items() if bool(ours[pair]["passed"]) != passed]
    for pair in verdicts:
        mtu = ours[pair]["path_mtu"]
        if ours[pair]["passed"] is False:
            sizes += 1
            if not ping(fabric, pair, mtu, 3) or ping(fabric, pair, mtu + 1, count):
                other.append(pair)
    expected = {
        "": lambda each: each["passed"],
        "wrong": lambda each: each["control"] and each["passed"] is False and each["path_mtu"] in (WRONG, WRONG + 4),
    }
    expected["dead"] = lambda each: not each["control"] and each["failure"] == "no_neighbour"
    built = [pair for pair, each in ours.items() if not expected[fabric.fault(pair)](each)]
    for pair in (other + built)[:5]:
        print("    differs:", ours[pair])
    return f"{len(other)} of {len(verdicts)} differ from ping ({sizes} exact MTUs tried), {len(built)} of {len(ours)} from what was built"  # noqa: E501


def measure(fabric: Fabric, kind: str, sample: int) -> None:
    """Spoil the fabric, run all, print, heal it."""
    means = fabric.spoil(kind)
    with Stopwatch() as floor:
        together(fabric, fabric.asking(), lambda _host: [PYTHON, "-c", "pass"])
    watch, ours = run_ours(fabric)
    least = floor.wall + TIMEOUT
    note = f" ({means})" if means else ""
    print(f"{len(fabric.hosts)} hosts, {len(fabric.pairs)} pairs, {kind}{note}")
    print(f"  floor  {least:7.2f} s wall {floor.cpu:7.2f} s CPU   ({floor.wall:.2f} s start + {TIMEOUT:g} s)")
    print(f"  ours   {watch.wall:7.2f} s wall {watch.cpu:7.2f} s CPU   {watch.wall / least:.2f} x floor")
    _others(fabric, sample, watch, ours, 3 if kind == "loss" else 1)
    sys.stdout.flush()
    fabric.heal()


def _others(fabric: Fabric, sample: int, watch: Stopwatch, ours: dict[Pair, dict[str, Any]], count: int) -> None:
    if shutil.which("fping"):
        beside, answered = run_fping(fabric)
        agree = sum(bool(ours[pair]["passed"]) == passed for pair, passed in answered.items())
        print(f"  fping  {beside.wall:7.2f} s wall {beside.cpu:7.2f} s CPU   agrees on {agree} of {len(answered)}")
    costs, verdicts = run_loop(fabric, sample, count)
    for name, pairs in (("loop", list(permutations(fabric.hosts, 2))), ("", fabric.pairs)):
        wall, cpu = reckon(fabric, pairs, costs)
        print(
            f"  {name:4}   {wall:7.1f} s wall {cpu:7.2f} s CPU   {wall / watch.wall:.0f} x ours, over {len(pairs)} "
            f"pairs; reckoned from {len(verdicts)}"
        )
    print(f"         on all hosts at once the CPU of these alone would take {cpu / (os.cpu_count() or 1):.1f} s here")
    print(f"  {compare(fabric, ours, verdicts, count)}")
    if fabric.dead:
        return
    sent, lost = (sum(each[key] for each in ours.values()) for key in ("sent", "lost"))
    print(f"  lost {lost} of {sent} small packets ({100 * lost / sent:.2f} %)")


def main() -> int:
    parser = argparse.ArgumentParser(description="The path check beside ping and fping, on network namespaces.")
    parser.add_argument("--hosts", type=int, nargs="+", default=[20, 50, 100])
    parser.add_argument("--fabrics", nargs="+", choices=FABRICS, default=FABRICS)
    parser.add_argument("--sample", type=int, default=40, help="pairs without a fault that the loop asks")
    arguments = parser.parse_args()
    why = missing("ping", "nft", "tc")
    if why:
        print(f"cannot measure: {why}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        subprocess.run([PYTHON, "-c", RUN.replace("; print", "#")], env=ENVIRONMENT, check=True)
        _measure_all(arguments)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    finally:
        shutil.rmtree(ENVIRONMENT["PYTHONPYCACHEPREFIX"], ignore_errors=True)
    return 0


def _measure_all(arguments: argparse.Namespace) -> None:
    for size in arguments.hosts:
        hosts = [f"h{number:03}" for number in range(size)]
        places = {host: "leaf" if size < 50 else f"leaf{number * 2 // size}" for number, host in enumerate(hosts)}
        with Namespaces() as spaces:
            fabric = Fabric(spaces, size, planned_pairs(places))
            fabric.build()
            for kind in sorted(arguments.fabrics, key=FABRICS.index):
                measure(fabric, kind, arguments.sample)


if __name__ == "__main__":
    sys.exit(main())
