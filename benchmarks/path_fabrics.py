#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path check's plan and blame on random fabrics with 1, 2 and 3 faults: how often they are right, and what they
cost. No packet is sent.

A fabric is right if every fault that showed in any answer is named, alone or in a tie, with its kind, and nothing else
is. "exact": faults named alone. "healthy": hosts without a fault that are blamed alone. Fabrics are numbered; the same
number is the same fabric everywhere."""

# ruff: noqa: E402 - the checkout comes before a copy that an installation has made
from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.blame.blame import locate_faults
from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.plan.pairs import plan_probes

from tests.fabric import FAULTS, Fabric, Simulator, random_fabric, random_fault
from tests.fabric_score import check_fabric, score

SMALLEST, USUAL, LARGEST = 3, 100, 2000  # hosts
LARGE_EVERY = 51  # one fabric of so many may have up to LARGEST hosts; no divisor in common with the number of kinds of faults, so that each gets some  # noqa: E501
SCALES = (100, 1000, 2000)
SHOWN = 8


def size(number: int, large_every: int) -> int:
    """Hosts: as many small fabrics as large ones, on a logarithmic scale."""
    low, high = (USUAL, LARGEST) if number % large_every == large_every - 1 else (SMALLEST, USUAL)
    return round(low * (high / low) ** Random(number + 1_000_000).random())


def simulator(number: int, injections: int, hosts: int) -> Simulator:
    """The first fault's kind goes round, so that there are as many of each; the others' are drawn."""
    rng = Random(number * 10 + injections)
    fabric = random_fabric(rng, hosts)
    kinds = [FAULTS[number % len(FAULTS)]][:injections] + [rng.choice(FAULTS) for _fault in range(injections - 1)]
    return Simulator(fabric, list(dict.fromkeys(random_fault(rng, fabric, kind) for kind in kinds)), rng)


def accuracy(injections: int, fabrics: range, large_every: int, by_kind: dict[str, Counter[str]]) -> None:
    total: Counter[str] = Counter()
    for number in fabrics:
        hosts = size(number, large_every)
        world = simulator(number, injections, hosts)
        faults = check_fabric(world).faults
        result = score(world, faults)
        figures = {
            name: int(getattr(result, name))
            for name in ("seen", "located", "exact", "healthy_blamed", "wrong", "stray", "wrong_kind")
        }
        figures |= {
            "directed": result.directed,
            "misdirected": result.wrong_direction,
            "fabrics": 1,
            "right": result.good,
            "faults": len(world.injections),
        }
        ties = [len(fault.suspects) for fault in faults if not fault.decided]
        figures |= {"ties": len(ties), "candidates": sum(ties), "large": hosts > USUAL}
        total.update(figures)
        if injections == 1:
            by_kind[FAULTS[number % len(FAULTS)]].update(figures)
        if not result.good and "-v" in sys.argv:
            print("  not right:", number, injections, hosts, result, *world.injections, *faults, sep="\n    ")
    show(f"{injections} fault{'s' * (injections != 1)}", total)


def show(label: str, total: Counter[str]) -> None:
    def percent(part: str, whole: str) -> str:
        return f"{100 * total[part] / total[whole]:6.2f} %" if total[whole] else "       -"

    print(
        f"{label:18} {total['fabrics']:6} {total['seen']:6} {percent('right', 'fabrics')} "
        f"{percent('located', 'seen')} {percent('exact', 'seen')}"
        f" {total['healthy_blamed']:8} {total['wrong']:6} {total['stray']:6} {total['wrong_kind']:6}"
        f" {total['misdirected']:6}/{total['directed']:<6} {total['candidates'] / max(1, total['ties']):6.1f} "
        f"{total['large']:6}",
        flush=True,
    )


def costs(hosts: int) -> None:
    """Of the plan and of one blame with two faults, and the most and mean questions per host and network."""
    world = simulator(hosts, 2, hosts)
    fabric: Fabric = world.fabric
    started = time.process_time()
    probes = plan_probes(fabric.attachments, fabric.sizes)
    planned = time.process_time()
    outcomes, heard = world.ask(probes)
    asked = time.process_time()
    verdict = locate_faults(fabric.attachments, outcomes, heard, world.ran)
    blamed = time.process_time()
    mine: Counter[tuple[str, str]] = Counter()
    for probe in probes:
        mine.update([(probe.host, probe.network), (probe.peer, probe.network)])
    further = Counter(probe.host for probe in verdict.next_probes)
    print(
        f"{hosts:6} {len(fabric.places):6} {len(fabric.sizes):8} {len(probes):8} "
        f"{sum(mine.values()) / len(mine):6.1f} {max(mine.values()):6}"
        f" {max(further.values(), default=0):8} {planned - started:9.2f} {blamed - asked:9.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--fabrics", type=int, default=500, help="for each number of faults (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first fabric (default: %(default)s)")
    parser.add_argument(
        "--large-every", type=int, default=LARGE_EVERY, help="one of so many may be large (default: %(default)s)"
    )
    parser.add_argument("-v", action="store_true", help="show the fabrics that are not right")
    options = parser.parse_args()
    print(
        f"Fabrics of {SMALLEST} to {USUAL} hosts, one in {options.large_every} of up to {LARGEST}; two rounds of "
        "questions"
    )
    print(
        "                  fabrics   seen    right   located    exact   healthy  wrong  stray   kind  direction    in "
        "a tie  large"
    )
    by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in FAULTS}
    for injections in (0, 1, 2, 3):
        accuracy(injections, range(options.first, options.first + options.fabrics), options.large_every, by_kind)
    print("1 fault, by kind")
    for kind, total in by_kind.items():
        show(f"  {kind}", total)
    print(
        "\n hosts  racks networks   probes  pairs   most  further    plan s   blame s   (pairs per host and network; "
        "seconds of processor time)"
    )
    for hosts in SCALES:
        costs(hosts)


if __name__ == "__main__":
    main()
