# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a failure of a drill is begun on its host, and how it is undone. Commands, in order; nothing outlives a reboot.

What cuts the host off, or stops it, begins two seconds later by a timer, so that the answer of the module gets out.
What can be undone on the host is undone there by a timer as well, which is set before: also where the controller dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.plan import Change, Plan
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.drill import (
    AGENT_KILL,
    KERNEL_HANG,
    MANAGEMENT_CUT,
    POWER_OFF,
    STORAGE_CUT,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.failure import (
    AGENT,
    RULES,
    SCRIPT,
    TABLE,
    UNIT,
    FailureState,
)

DELAY = 2  # seconds
NFS = 2049
# A file, and not words of systemd-run: what has a ; in it is another command after the next reload of systemd, which
# the mask is (seen with systemd 252: "Ignoring unknown escape sequences").
HEAL = f"""\
nft delete table inet {TABLE}
systemctl unmask --runtime {AGENT}
systemctl start {AGENT}
rm -f {RULES} {SCRIPT}
"""
FREEZE = "echo 1 > /sys/fs/cgroup/cgroup.freeze"
CRASH = "echo c > /proc/sysrq-trigger"
NEEDS = {MANAGEMENT_CUT: ("nft",), STORAGE_CUT: ("nft",), KERNEL_HANG: ("sysctl",), AGENT_KILL: ()}


def obstacle(failure: str, state: FailureState) -> str:
    """Why a failure cannot be begun on this host; empty where it can."""
    missing = [tool for tool in ("systemd-run", *NEEDS.get(failure, ())) if tool in state.missing]
    if failure == POWER_OFF:
        return ""
    if missing:
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed on the host"
    if failure == MANAGEMENT_CUT and not state.management:
        return "no device of the host has its management address (cloudstack_host_address), so that none can be cut"
    if failure == STORAGE_CUT and not state.pools:
        return "the host has no NFS pool mounted, and only the traffic of NFS can be cut"
    if failure == AGENT_KILL and not state.is_agent_active:
        return f"{AGENT} does not run on the host"
    return _no_hang(state) if failure == KERNEL_HANG else ""


def _no_hang(state: FailureState) -> str:
    if state.in_container:
        return "" if state.can_freeze else "the host is a container whose processes cannot be frozen"
    if state.has_crash_kernel and "kexec" in state.missing:
        return "a crash kernel is loaded (kdump), and kexec is not installed, which unloads it until the next boot"
    return ""


def remark(failure: str, state: FailureState) -> str:
    """What an operator should know before this failure on this host; empty for nothing."""
    if failure == KERNEL_HANG and state.in_container:
        return "the host is a container: its processes are frozen instead of its kernel"
    if failure == KERNEL_HANG and state.has_watchdog:
        return "a watchdog of the host is active: it resets a host that hangs, perhaps before CloudStack does"
    if failure == KERNEL_HANG and state.has_crash_kernel:
        return "the crash kernel (kdump) is unloaded until the next boot, or the host would dump and boot by itself"
    if failure in (POWER_OFF, AGENT_KILL) or not set(state.pools.values()) & {state.management}:
        return ""
    return f"management and storage share the device {state.management}"


def plan_begin(failure: str, state: FailureState, heal_after: int) -> Plan:
    """What begins the failure; `heal_after` seconds later the host undoes what it can. Raises InputError."""
    against = obstacle(failure, state)
    if against:
        raise InputError(
            f"the failure {failure} cannot be begun",
            expected="a host on which it can be begun, and undone",
            observed=against,
            next_step="choose another failure (ha_drill_failure), or mend this",
        )
    steps = {
        KERNEL_HANG: _hang,
        MANAGEMENT_CUT: _cut_management,
        STORAGE_CUT: _cut_storage,
        AGENT_KILL: _kill_agent,
    }[failure]
    return Plan.of(steps(state, heal_after))


def plan_undo(state: FailureState) -> Plan:
    """What undoes all that a failure has left on the host; empty after a reboot."""
    return Plan.of(_undo(state))


def _hang(state: FailureState, heal_after: int) -> Iterator[Change]:
    if state.in_container:
        yield _run("freeze", "the processes of the container", _later(DELAY, "begin", "sh", "-c", FREEZE))
        return
    yield _run("set", "kernel.panic=0, until the next boot", ("sysctl", "-w", "kernel.panic=0"))
    if state.has_crash_kernel:
        yield _run("unload", "the crash kernel, until the next boot", ("kexec", "-p", "-u"))
    yield _run("stop", "the kernel", _later(DELAY, "begin", "sh", "-c", CRASH))


def _cut_management(state: FailureState, heal_after: int) -> Iterator[Change]:
    yield from _heal(heal_after)
    yield _rules(
        f'iifname "{state.management}" drop',
        f'oifname "{state.management}" drop',
    )
    yield _run("cut", f"the management network ({state.management})", _later(DELAY, "begin", "nft", "-f", RULES))


def _cut_storage(state: FailureState, heal_after: int) -> Iterator[Change]:
    incoming, outgoing = [], []
    for address in sorted(state.pools):
        family = "ip6" if ":" in address else "ip"
        for protocol in ("tcp", "udp"):
            incoming.append(f"{family} saddr {address} {protocol} sport {NFS} drop")
            outgoing.append(f"{family} daddr {address} {protocol} dport {NFS} drop")
    yield from _heal(heal_after)
    yield _rules("; ".join(incoming), "; ".join(outgoing))
    yield _run("cut", f"NFS to {', '.join(sorted(state.pools))}", ("nft", "-f", RULES))


def _kill_agent(state: FailureState, heal_after: int) -> Iterator[Change]:
    yield from _heal(heal_after)
    # Masked, or systemd starts it again (Restart=). Until the next boot at the longest.
    yield _run("mask", AGENT, ("systemctl", "mask", "--runtime", AGENT))
    yield _run("kill", AGENT, ("systemctl", "kill", "--signal=SIGKILL", AGENT))


def _undo(state: FailureState) -> Iterator[Change]:
    if state.has_table:
        yield _run("delete", f"nftables table {TABLE}", ("nft", "delete", "table", "inet", TABLE))
    if state.is_masked:
        yield _run("unmask", AGENT, ("systemctl", "unmask", "--runtime", AGENT))
    if state.is_masked or (state.has_timer and not state.is_agent_active):
        yield _run("start", AGENT, ("systemctl", "start", AGENT))
    if state.has_timer:
        yield _run("stop", f"{UNIT}-heal.timer", ("systemctl", "stop", f"{UNIT}-heal.timer"))


def _heal(seconds: int) -> Iterator[Change]:
    yield Change("write", SCRIPT, after=HEAL, data={"file": SCRIPT, "text": HEAL})
    yield _run("arm", f"the timer that undoes it after {seconds} s", _later(seconds, "heal", "sh", SCRIPT))


def _rules(incoming: str, outgoing: str) -> Change:
    text = (
        f"table inet {TABLE} {{\n"
        f"  chain incoming {{ type filter hook input priority -350; policy accept; {incoming}; }}\n"
        f"  chain outgoing {{ type filter hook output priority -350; policy accept; {outgoing}; }}\n"
        "}\n"
    )
    return Change("write", RULES, after=text, data={"file": RULES, "text": text})


def _later(seconds: int, what: str, *argv: str) -> tuple[str, ...]:
    timer = ("--on-active", str(seconds), "--timer-property", "AccuracySec=100ms")
    return ("systemd-run", "--quiet", "--collect", "--unit", f"{UNIT}-{what}", *timer, *argv)


def _run(action: str, target: str, argv: tuple[str, ...], **data: Any) -> Change:
    return Change(action, target, after=" ".join(argv), data={"argv": argv, **data})
