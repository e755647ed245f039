# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults to stage, each with its repair. What is staged is written down, so that `labctl heal` puts all of it right."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import bmc, management, nodes, wires
from .locks import only_one
from .namespaces import NETNS
from .shell import run
from .state import State
from .topology import LabError, Node, Topology, port

RECORD = "faults.json"


@dataclass(frozen=True)
class Lab:
    """What a fault works on."""

    topology: Topology
    state: State

    @property
    def management(self):
        """The management node."""
        return next(node for node in self.topology.nodes.values() if node.kind == "management")


@dataclass(frozen=True)
class Fault:
    """One kind of fault: how it is staged and how it is undone, both from the same arguments."""

    name: str
    help: str
    arguments: tuple[tuple[str, dict[str, Any]], ...]
    stage: Callable[[Lab, dict[str, Any]], None]
    repair: Callable[[Lab, dict[str, Any]], None]
    cable: bool = False  # lies in a node's cable, which is made anew at each boot


def _outer(lab: Lab, given: dict[str, Any]) -> str:
    node = lab.topology.node(given["node"])
    return port(node.name, node.nic_on(given["wire"]).name)


def _mtu(lab: Lab, given: dict[str, Any]) -> None:
    wires.lab_ip("link", "set", _outer(lab, given), "mtu", str(given["mtu"]))


def _mtu_back(lab: Lab, given: dict[str, Any]) -> None:
    if wires.exists(_outer(lab, given)):  # a node that has no power has no cable
        wires.lab_ip("link", "set", _outer(lab, given), "mtu", str(lab.topology.wire(given["wire"]).mtu))


def _wire_mtu(lab: Lab, given: dict[str, Any]) -> None:
    wires.set_mtu(lab.topology, lab.topology.wire(given["wire"]), given["mtu"])


def _wire_mtu_back(lab: Lab, given: dict[str, Any]) -> None:
    wire = lab.topology.wire(given["wire"])
    wires.set_mtu(lab.topology, wire, wire.mtu)


def _nft(script: str, check: bool = True) -> None:
    run(["nsenter", f"--net=/run/netns/{NETNS}", "nft", "-f", "-"], stdin=script, check=check)


def _drop(lab: Lab, given: dict[str, Any]) -> None:
    _drop_back(lab, given)
    _nft(drop_rules(_outer(lab, given), given["percent"], given["direction"]))


def drop_rules(device: str, percent: int, direction: str) -> str:
    """nftables rules that drop that share of the packets of a port; `from` the node is what comes in at its port."""
    hooks = {"from": ["ingress"], "to": ["egress"], "both": ["ingress", "egress"]}[direction]
    share = "" if percent == 100 else f"numgen random mod 100 < {percent} "
    chains = "".join(
        f'chain drop_{hook} {{ type filter hook {hook} device "{device}" priority 0; {share}drop; }}\n'
        for hook in hooks
    )
    return f"table netdev {_table(device)} {{\n{chains}}}\n"


def _drop_back(lab: Lab, given: dict[str, Any]) -> None:
    _nft(f"delete table netdev {_table(_outer(lab, given))}\n", check=False)


def _table(device: str) -> str:
    """An nftables name, which takes no hyphen."""
    return "drop_" + device.replace("-", "_")


def _link(state: str) -> Callable[[Lab, dict[str, Any]], None]:
    def change(lab: Lab, given: dict[str, Any]) -> None:
        if state == "down" or wires.exists(_outer(lab, given)):
            wires.lab_ip("link", "set", _outer(lab, given), state)

    return change


def _ntp(lab: Lab, given: dict[str, Any]) -> None:
    source, node = given["source"], lab.management
    nodes.execute(node, "sh", "-ec", f"echo {given['seconds']} > /run/lab-ntp-{source}.offset")
    if source == management.TIME_SOURCES[0]:
        nodes.execute(node, "systemctl", "stop", "chrony")
        nodes.execute(node, "systemctl", "start", f"lab-ntp@{source}")


def _ntp_back(lab: Lab, given: dict[str, Any]) -> None:
    source, node = given["source"], lab.management
    nodes.execute(node, "rm", "-f", f"/run/lab-ntp-{source}.offset")
    if source == management.TIME_SOURCES[0]:
        nodes.execute(node, "systemctl", "stop", f"lab-ntp@{source}")
        nodes.execute(node, "systemctl", "start", "chrony")


def _agent(lab: Lab, given: dict[str, Any]) -> None:
    nodes.execute(lab.topology.node(given["node"]), "systemctl", "stop", "cloudstack-agent")


def _agent_back(lab: Lab, given: dict[str, Any]) -> None:
    node = lab.topology.node(given["node"])
    if nodes.running(node):  # a host that was made anew meanwhile has no agent to start
        nodes.execute(
            node,
            "sh",
            "-c",
            "systemctl cat cloudstack-agent >/dev/null 2>&1 || exit 0; exec systemctl start cloudstack-agent",
        )


# A JVM on a slow host: it reads the keystore when it starts and writes what it made of it when it ends, whatever was
# written between.
SLOW_KEYTOOL = """\
keytool() {
  local argument store copy before status arguments=()
  for argument in "$@"; do
    case $argument in *.jks) store=$argument copy=$argument.$BASHPID; arguments+=("$copy") ;; *) arguments+=("$argument") ;; esac
  done
  [ ! -f "$store" ] || cp -p "$store" "$copy"
  before=$(cksum "$copy" 2>/dev/null)
  command keytool "${arguments[@]}"
  status=$?
  sleep "$KEYTOOL_SECONDS"
  if [ "$before" = "$(cksum "$copy" 2>/dev/null)" ]; then rm -f "$copy"; else mv "$copy" "$store"; fi
  return $status
}
"""  # noqa: E501
TIMING = "/etc/default/cloudstack-lab-timing"


def _slow_join(lab: Lab, given: dict[str, Any]) -> None:
    times = f"KEYTOOL_SECONDS={given['keytool']}\nSETUP_PAUSE_SECONDS={given['pause']}\n"
    nodes.put(lab.topology.node(given["node"]), TIMING, times + SLOW_KEYTOOL)


def _slow_join_back(lab: Lab, given: dict[str, Any]) -> None:
    node = lab.topology.node(given["node"])
    if nodes.running(node):
        nodes.execute(node, "rm", "-f", TIMING)


BOOT_HANG = "/var/lib/lab/boot-hang"  # lab/image/lab-init looks for it


def _boot_hang(lab: Lab, given: dict[str, Any]) -> None:
    nodes.put(lab.topology.node(given["node"]), BOOT_HANG, "")


def _boot_hang_back(lab: Lab, given: dict[str, Any]) -> None:
    node = lab.topology.node(given["node"])
    if not nodes.running(node):
        return  # it hangs at most once more
    nodes.execute(node, "rm", "-f", BOOT_HANG)
    if nodes.execute(node, "cat", "/proc/1/comm").stdout.strip() == "sleep":
        nodes.stop(node)
        nodes.start(lab.topology, node, plugged=lambda: reapply(lab, node))


def _api(lab: Lab, given: dict[str, Any]) -> None:
    management.admin(lab.management, "POST", "/faults", {key: given[key] for key in ("kind", "command", "times")})


def _api_back(lab: Lab, given: dict[str, Any]) -> None:
    management.admin(lab.management, "DELETE", "/faults")


def _bmc_password(lab: Lab, given: dict[str, Any]) -> None:
    bmc.start(lab.topology, lab.state, lab.topology.node(given["node"]), password=lab.state.secret("bmc_wrong"))


def _bmc_password_back(lab: Lab, given: dict[str, Any]) -> None:
    bmc.start(lab.topology, lab.state, lab.topology.node(given["node"]))


def _export(squash: str, clients: str) -> Callable[[Lab, dict[str, Any]], None]:
    def change(lab: Lab, given: dict[str, Any]) -> None:
        edit = f"s/Squash = .*/Squash = {squash};/; s/Access_Type = .*/Access_Type = {clients};/"
        nodes.execute(lab.management, "sed", "-i", edit, "/etc/ganesha/ganesha.conf")
        nodes.execute(lab.management, "systemctl", "restart", "nfs-ganesha")

    return change


_NODE = ("node", {"help": "a node of the lab"})
_WIRE = ("wire", {"help": "management, guest or storage"})
_EXPORT_BACK = _export("No_Root_Squash", "RW")

FAULTS = {
    fault.name: fault
    for fault in [
        Fault("mtu", "wrong MTU at the switch port of one node", (_NODE, _WIRE, ("mtu", {"type": int, "help": "bytes"})), _mtu, _mtu_back, True),  # noqa: E501
        Fault("wire-mtu", "wrong MTU on a whole wire", (_WIRE, ("mtu", {"type": int, "help": "bytes"})), _wire_mtu, _wire_mtu_back, True),  # noqa: E501
        Fault(
            "drop", "drop packets of one node on a wire",
            (_NODE, _WIRE, ("percent", {"type": int, "choices": range(1, 101), "metavar": "percent", "help": "1 to 100"}),  # noqa: E501
             ("--direction", {"choices": ["from", "to", "both"], "default": "both", "help": "as seen from the node; "
                 "default both"})),
            _drop, _drop_back, True,
        ),
        Fault("link-down", "pull a node's cable", (_NODE, _WIRE), _link("down"), _link("up"), True),
        Fault(
            "ntp", "let a time source tell a wrong time",
            (("source", {"choices": management.TIME_SOURCES, "help": "its address"}), ("seconds", {"type": float, "help": "error, seconds"})),  # noqa: E501
            _ntp, _ntp_back,
        ),
        Fault("agent-stop", "stop the CloudStack agent of a host", (_NODE,), _agent, _agent_back),
        Fault("boot-hang", "let a host hang at its next boot: it has power, and answers nobody", (_NODE,), _boot_hang, _boot_hang_back),  # noqa: E501
        Fault(
            "slow-join", "let the set-up of addHost take its time on a host, as on an emulated one",
            (_NODE, ("keytool", {"type": float, "help": "seconds of each call of keytool; a join has five or six"}),
             ("--pause", {"type": int, "default": 30, "help": "seconds between stop and start of the agent; default 30"})),  # noqa: E501
            _slow_join, _slow_join_back,
        ),
        Fault(
            "api", "let the API misbehave",
            (("kind", {"choices": ["530", "401", "timeout", "lose-job"], "help": "what it does"}),
             ("--command", {"default": None, "help": "only this API command; default any"}),
             ("--times", {"type": int, "default": 1, "help": "how often; default once"})),
            _api, _api_back,
        ),
        Fault("bmc-password", "let a BMC refuse the registered password", (_NODE,), _bmc_password, _bmc_password_back),
        Fault("export-refused", "let the NFS server refuse the export", (), _export("No_Root_Squash", "None"), _EXPORT_BACK),  # noqa: E501
        Fault("export-squashed", "let the NFS server squash root", (), _export("Root_Squash", "RW"), _EXPORT_BACK),
    ]
}  # fmt: skip


def stage(lab: Lab, name: str, given: dict[str, Any]) -> None:
    """Stage a fault. It is written down first, so that one whose staging is interrupted is healed too; one that cannot
    be staged is undone and forgotten."""
    if name not in FAULTS:
        raise LabError(f"{name} is not a fault; there are {', '.join(FAULTS)}")
    entry = {"name": name, "given": given}
    with only_one("faults"):
        before = lab.state.load(RECORD, [])
        lab.state.save(RECORD, [*before, entry])
        try:
            FAULTS[name].stage(lab, given)
        except LabError:
            with contextlib.suppress(LabError):
                FAULTS[name].repair(lab, given)
            lab.state.save(RECORD, before)
            raise


def heal(lab: Lab, name: str = "") -> tuple[list[str], list[str]]:
    """Undo all that is staged, or all faults of one name, the last one first. Returns what was undone, and what could
    not be with the reason; that stays written down."""
    healed: list[str] = []
    stuck: list[str] = []
    left: list[dict[str, Any]] = []
    with only_one("faults"):
        for fault in reversed(lab.state.load(RECORD, [])):
            if name not in ("", fault["name"]):
                left.insert(0, fault)
                continue
            try:
                FAULTS[fault["name"]].repair(lab, fault["given"])
                healed.append(describe(fault))
            except LabError as error:
                stuck.append(f"{describe(fault)}: {error}")
                left.insert(0, fault)
        lab.state.save(RECORD, left)
    return healed, stuck


def reapply(lab: Lab, node: Node) -> None:
    """A node's cables are new at each boot: put the faults staged on them there again."""
    for fault in lab.state.load(RECORD, []):
        known = FAULTS[fault["name"]]
        if known.cable and fault["given"].get("node", node.name) == node.name:
            known.stage(lab, fault["given"])


def describe(fault: dict[str, Any]) -> str:
    """A staged fault as it was typed."""
    return " ".join([fault["name"], *(str(value) for value in fault["given"].values() if value is not None)])


def staged(lab: Lab) -> list[str]:
    """What is staged now."""
    return [describe(fault) for fault in lab.state.load(RECORD, [])]
