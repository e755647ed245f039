# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of vmctl. Wires, BMCs, the management node, playbook and result are labctl's."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lab.control import hosts, management, nodes, result
from lab.control.cli import dispatch
from lab.control.cli import main as labctl
from lab.control.locks import only_one
from lab.control.shell import run, say
from lab.control.state import State
from lab.control.topology import LabError, Topology

from . import guests, image, lifecycle, proof, variants


def parser() -> argparse.ArgumentParser:
    """Everything that vmctl understands."""
    top = argparse.ArgumentParser(
        prog="vmctl", description="The rehearsal lab with QEMU guests as hosts: real kernels, KVM, NFS mounts, clocks."
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str, several: bool = False) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=text, description=text)
        if several:
            one.add_argument(
                "node", nargs="*", default=list(lifecycle.GUESTS), help=f"default: {' '.join(lifecycle.GUESTS)}"
            )
        return one

    verb(
        "lab",
        "everything: build, boot, run playbooks/site.yml, show the result and the proof of what containers cannot do",
    )
    verb("build", "kernel, QEMU and the guests' disk, where they are not current")
    up = verb("up", "boot guests in the place of the container hosts of the same name", several=True)
    up.add_argument(
        "--variant", choices=list(variants.VARIANTS), default="static", help="how they were installed; default: static"
    )
    verb("proof", "kernel, KVM, clock and NFS mounts, asked from inside", several=True)
    verb("status", "power of each guest", several=True)
    down = verb("down", "remove the guests and the lab that they stood in")
    down.add_argument("--purge", action="store_true", help="images, packages and secrets too")
    power = verb("power", "switch a guest on or off, as its BMC does")
    power.add_argument("node")
    power.add_argument("action", choices=["on", "off", "soft", "status"])
    return top


def main(arguments: Sequence[str]) -> int:
    """Run one verb; the exit status is 1 with one message on standard error where it cannot be done."""
    return dispatch(parser(), _VERBS, arguments)


def _lab(options: argparse.Namespace, state: State, topology: Topology) -> int:
    image.build()
    lifecycle.up(topology, state, lifecycle.GUESTS)
    if failed := labctl(["play", "playbooks/site.yml", "--limit", ",".join(lifecycle.GUESTS), *lifecycle.DIFFERENCES]):
        return failed
    expected = {name: topology.node(name).address for name in lifecycle.GUESTS}
    failed = result.show(management.credentials(state), expected, ha=False)
    print("\nreal kernels:")
    return max(failed, _prove(state, topology, lifecycle.GUESTS))


def _build(options: argparse.Namespace, state: State, topology: Topology) -> None:
    image.build()


def _up(options: argparse.Namespace, state: State, topology: Topology) -> None:
    lifecycle.up(topology, state, options.node, options.variant)


def _proof(options: argparse.Namespace, state: State, topology: Topology) -> int:
    return _prove(state, topology, options.node)


def _prove(state: State, topology: Topology, names: Sequence[str]) -> int:
    lacking = 0
    for name in names:
        answer = run([*nodes.ssh_command(state, topology.node(name)), proof.QUESTION], check=False, timeout=120)
        try:
            found = proof.parse(answer.stdout)
        except ValueError as error:
            raise LabError(f"{name}: {error}; {answer.stderr.strip()}") from error
        print(proof.report(name, found))
        lacking += len(found.lacks())
    return int(lacking > 0)


def _status(options: argparse.Namespace, state: State, topology: Topology) -> None:
    for name in options.node:
        node = topology.node(name)
        made = guests.marker(node).exists()
        print(f"{name:<14} {'on' if guests.pid(node) else 'off' if made else 'not made':<9} {node.address}")


def _down(options: argparse.Namespace, state: State, topology: Topology) -> None:
    for node in topology.nodes.values():
        if guests.marker(node).exists():
            say(f"removing {node.name}")
            guests.remove(state, node)
    labctl(["down", *(["--purge"] if options.purge else [])])
    if options.purge:
        image.purge()


def _power(options: argparse.Namespace, state: State, topology: Topology) -> None:
    everything = hosts.all_nodes(topology, state)
    node = everything.node(options.node)
    if options.action == "status":
        print("on" if guests.pid(node) else "off")
        return
    with only_one(node.name):
        if options.action == "on":
            guests.start(everything, state, node)
        elif options.action == "off":
            guests.cut_power(node)
        else:
            guests.press_button(state, node)


_VERBS = {"lab": _lab, "build": _build, "up": _up, "proof": _proof, "status": _status, "down": _down, "power": _power}
