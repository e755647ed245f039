# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of labctl."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Optional

from . import canary, drill, faults, hosts, images, lifecycle, management, nodes, result
from .locks import only_one
from .shell import say, show
from .state import ROOT, State
from .topology import LabError, Topology, load

Verb = Callable[[argparse.Namespace, State, Topology], Optional[int]]


def parser() -> argparse.ArgumentParser:
    """Everything that labctl understands."""
    top = argparse.ArgumentParser(
        prog="labctl", description="The rehearsal lab of cloudstack.kvm: build, boot, break, heal, remove."
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text)

    verb("setup", "install the Debian packages that the lab needs")
    verb("build", "build base image, package pool and stand-in CloudStack packages, where they are not current")
    verb("up", "boot the lab, or only the named nodes").add_argument("node", nargs="*")
    down = verb("down", "remove everything that up made, or only the named nodes")
    down.add_argument("node", nargs="*")
    down.add_argument("--purge", action="store_true", help="images, package pool and secrets too")
    verb("status", "power, addresses, BMCs and staged faults")
    verb("result", "the state of every host in CloudStack, and what to look at next").add_argument("node", nargs="*")
    verb("heal", "undo all staged faults")
    for name, text in [
        ("console", "a shell on a node, past its network"),
        ("ssh", "log in to a node as Ansible does, or run a command there"),
    ]:
        one = verb(name, text)
        one.add_argument("node")
        one.add_argument("command", nargs=argparse.REMAINDER)
    play = verb("play", "ansible-playbook on inventories/lab with the lab's API credentials")
    play.add_argument("playbook")
    play.add_argument("arguments", nargs=argparse.REMAINDER)
    power = verb("power", "switch a node on or off, as its BMC does")
    power.add_argument("node")
    power.add_argument("action", choices=["on", "off", "soft", "status"])
    verb("recreate", "make a node a bare machine again").add_argument("node", nargs="+")
    call = verb("api", "a call of the simulator's admin channel, such as: api GET /writes")
    call.add_argument("method")
    call.add_argument("path")
    one = verb("canary", "build the canary guest, serve it as a template, and let the hosts that are on run guests")
    one.add_argument("--build", action="store_true", help="only build it")
    verb("drill", "host HA on, then the five failures of playbooks/ha_drill.yml one after the other (half an hour)")
    host = verb("host", "further bare hosts, such as molecule's platforms")
    host.add_argument("action", choices=["create", "delete", "address"])
    host.add_argument("name")
    host.add_argument("--wire", action="append", default=[], help="one more card, on this wire; repeatable")
    fault = verb("fault", "stage a fault; labctl heal undoes it").add_subparsers(
        dest="fault", required=True, metavar="FAULT"
    )
    for known in faults.FAULTS.values():
        one = fault.add_parser(known.name, help=known.help, description=known.help)
        for name, options in known.arguments:
            one.add_argument(name, **options)
    return top


def main(arguments: Sequence[str]) -> int:
    """Run one verb; the exit status is 1 with one message on standard error where it cannot be done."""
    return dispatch(parser(), _VERBS, arguments)


def dispatch(top: argparse.ArgumentParser, verbs: Mapping[str, Verb], arguments: Sequence[str]) -> int:
    """Run the verb of a command line, of labctl or of vmctl."""
    options = top.parse_args(arguments)
    try:
        return verbs[options.verb](options, State(), load(ROOT / "lab" / "topology.yml")) or 0
    except LabError as error:
        print(f"{top.prog}: {error}", file=sys.stderr)
        return 1


def _up(options: argparse.Namespace, state: State, topology: Topology) -> None:
    lifecycle.up(topology, state, options.node)


def _down(options: argparse.Namespace, state: State, topology: Topology) -> None:
    with only_one("lab"):
        for name in options.node:
            lifecycle.remove(state, topology.node(name))
        if not options.node:
            lifecycle.down(state, options.purge)


def _result(options: argparse.Namespace, state: State, topology: Topology) -> int:
    named = options.node or [node.name for node in topology.nodes.values() if node.kind == "host" and not node.spare]
    return result.show(management.credentials(state), {name: topology.node(name).address for name in named})


def _heal(options: argparse.Namespace, state: State, topology: Topology) -> None:
    healed, stuck = faults.heal(faults.Lab(hosts.all_nodes(topology, state), state))
    for line in healed or ([] if stuck else ["nothing was staged"]):
        say(f"healed: {line}")
    if stuck:
        raise LabError("not healed:\n" + "\n".join(stuck))


def _console(options: argparse.Namespace, state: State, topology: Topology) -> int:
    from .namespaces import inside
    from .podman import CONFIG

    node = hosts.all_nodes(topology, state).node(options.node)
    terminal = ["-t"] if sys.stdin.isatty() else []
    command = inside("podman", "exec", "-i", *terminal, node.container, *(options.command or ["bash"]))
    return show(command, env={**os.environ, "CONTAINERS_CONF": str(CONFIG)})


def _ssh(options: argparse.Namespace, state: State, topology: Topology) -> int:
    return show([*nodes.ssh_command(state, hosts.all_nodes(topology, state).node(options.node)), *options.command])


def _play(options: argparse.Namespace, state: State, topology: Topology) -> int:
    environment = {
        **os.environ,
        **management.credentials(state),
        "LAB_STATE": str(state.folder),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }
    command = ["ansible-playbook", "-i", str(ROOT / "inventories" / "lab"), options.playbook, *options.arguments]
    os.chdir(ROOT)
    say(f"ansible-playbook {options.playbook} {' '.join(options.arguments)}".rstrip())
    return show(command, env={**environment, "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"})


def _drill(options: argparse.Namespace, state: State, topology: Topology) -> int:
    def play(playbook: str, arguments: list[str]) -> int:
        return _play(argparse.Namespace(playbook=playbook, arguments=arguments), state, topology)

    return drill.run(management.credentials(state), play, faults.Lab(topology, state))


def _power(options: argparse.Namespace, state: State, topology: Topology) -> None:
    everything = hosts.all_nodes(topology, state)
    node = everything.node(options.node)
    if options.action == "status":
        print("on" if nodes.running(node) else "off")
    elif options.action == "on":
        with only_one(node.name):
            lifecycle.power_on(everything, state, node)
    else:
        with only_one(node.name):
            nodes.stop(node, grace=30 if options.action == "soft" else 0)


def _recreate(options: argparse.Namespace, state: State, topology: Topology) -> None:
    for name in options.node:
        lifecycle.recreate(topology, state, topology.node(name))


def _api(options: argparse.Namespace, state: State, topology: Topology) -> None:
    print(management.admin(faults.Lab(topology, state).management, options.method, options.path))


def _canary(options: argparse.Namespace, state: State, topology: Topology) -> None:
    built = canary.image()
    if options.build:
        print(built)
        return
    able = canary.bring(hosts.all_nodes(topology, state), built)
    say(f"the canary's template is {canary.URL}; guests can run on {', '.join(able) or 'no host, because none is on'}")


def _host(options: argparse.Namespace, state: State, topology: Topology) -> None:
    if options.action == "delete":
        hosts.delete(topology, state, options.name)
    elif options.action == "create":
        lifecycle.foundation(topology, state)
        print(hosts.create(topology, state, options.name, options.wire).address)
    else:
        print(hosts.all_nodes(topology, state).node(options.name).address)


def _fault(options: argparse.Namespace, state: State, topology: Topology) -> None:
    given = {key: value for key, value in vars(options).items() if key not in ("verb", "fault")}
    faults.stage(faults.Lab(hosts.all_nodes(topology, state), state), options.fault, given)
    say(f"staged: {options.fault}; lab/labctl heal undoes it")


def _status(options: argparse.Namespace, state: State, topology: Topology) -> None:
    lifecycle.status(topology, state)


def _setup(options: argparse.Namespace, state: State, topology: Topology) -> None:
    lifecycle.setup()


def _build(options: argparse.Namespace, state: State, topology: Topology) -> None:
    lifecycle.require_root()
    images.build()


_VERBS = {
    "setup": _setup, "build": _build, "up": _up, "down": _down, "status": _status, "result": _result, "heal": _heal,
    "console": _console,
    "ssh": _ssh, "play": _play, "power": _power, "recreate": _recreate, "api": _api, "canary": _canary,
    "drill": _drill,
    "host": _host, "fault": _fault,
}  # fmt: skip
