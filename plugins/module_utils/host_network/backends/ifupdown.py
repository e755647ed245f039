# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts a network plan into force with ifupdown, and puts everything back where that fails: the host stays reachable."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import command
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse import ip_json
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import FOLDER, MAIN_FILE, OWN_FILE, Link, Wanted
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import ifupdown

TIMEOUT = 60  # seconds for one ifup or ifdown


def links() -> dict[str, Link]:
    """The links that the kernel has. Raises ApplyError where `ip` cannot tell."""
    answer = command.run(("ip", "-j", "-d", "addr"))
    if not answer.ok:
        raise ApplyError("the network interfaces could not be read", observed=answer.why(), reproduce="ip -j -d addr")
    return {
        row["name"]: Link(
            row["name"], row["kind"], row["mtu"], row["up"], row["master"], tuple(one for one in row["addresses"] if "." in one), tuple(row["dynamic"])
        )
        for row in ip_json.parse_interfaces(answer.stdout)
    }


def gateways() -> dict[str, str]:
    """Device -> gateway, of the default routes. Raises ApplyError where `ip` cannot tell."""
    answer = command.run(("ip", "-j", "-4", "route", "show", "default"))
    if not answer.ok:
        raise ApplyError("the routes could not be read", observed=answer.why(), reproduce="ip -j -4 route show default")
    return {route["device"]: route["gateway"] for route in ip_json.parse_routes(answer.stdout or "[]") if route["device"] and route["gateway"]}


def read(path: str) -> str:
    """Text of a file, empty where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def other_files() -> dict[str, str]:
    """The files of the folder that other programs write, cloud-init above all: path -> text. Hidden ones are read by nothing."""
    paths = (path for path in sorted(Path(FOLDER).glob("[!.]*")) if path.is_file() and str(path) != OWN_FILE)
    return {str(path): read(str(path)) for path in paths}


def caller(processes: str = "/proc") -> Optional[str]:
    """The address that this login comes from, None where it is no SSH login.

    sudo drops SSH_CONNECTION, so it is looked for in the processes above this one too, the nearest first.
    """
    pid = "self"
    while pid not in ("0", "1", ""):
        found = _environment(f"{processes}/{pid}/environ").get("SSH_CONNECTION", "")
        if found:
            return found.split(" ")[0]
        lines = read(f"{processes}/{pid}/status").splitlines()
        pid = next((line.split()[1] for line in lines if line.startswith("PPid:")), "")
    return None


def _environment(path: str) -> dict[str, str]:
    try:
        entries = Path(path).read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def apply(wanted: Wanted, peer: Optional[str], patience: float) -> None:
    """Write the files and bring the bridges up. Where a step fails, or `peer` cannot be reached within `patience` seconds
    afterwards, files and links are put back and ApplyError is raised."""
    # A login that ends must not end this half-way.
    old_handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    before = {path: read(path) for path in (MAIN_FILE, OWN_FILE)}
    try:
        _change(wanted, before)
        _require_peer(peer, patience)
    except ApplyError:
        _back(wanted, before)
        raise
    finally:
        signal.signal(signal.SIGHUP, old_handler)


def _change(wanted: Wanted, before: Mapping[str, str]) -> None:
    old = set(ifupdown.configured(before[MAIN_FILE]) | ifupdown.configured(before[OWN_FILE]))
    for bridge in wanted.rebuild:
        for name in (bridge.name, bridge.port):
            if name in old:
                command.run(("ifdown", "--force", name), timeout=TIMEOUT)
        command.run(("ip", "address", "flush", "dev", bridge.port))  # an address that no stanza knows would stay on the port
    for path, text in wanted.files.items():
        _write(path, text)
    for bridge in wanted.rebuild:
        for name in (bridge.port, bridge.name):
            _must(("ifup", "--force", name))
    for bridge in wanted.rebuild + wanted.resize:
        for name in (bridge.port, bridge.name):
            _must(("ip", "link", "set", name, "mtu", str(bridge.mtu)))
    for bridge, _old in wanted.reroute:
        _must(("ip", "route", "replace", "default", "via", str(bridge.gateway), "dev", bridge.name))


def _must(argv: tuple[str, ...]) -> None:
    answer = command.run(argv, timeout=TIMEOUT)
    if not answer.ok:
        raise ApplyError(
            f"`{' '.join(argv)}` failed; the network was put back as it was",
            observed=answer.why(),
            next_step="correct network_bridge_bridges and run again",
        )


def _require_peer(peer: Optional[str], patience: float) -> None:
    if peer is None:
        return
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if command.run(("ping", "-c", "1", "-W", "1", peer)).ok:
            return
    raise ApplyError(
        f"{peer}, where Ansible comes from, could not be reached over the new bridges; the network was put back as it was",
        expected=f"an answer to ping within {patience:g} s",
        observed="none",
        next_step="compare port, address and gateway in network_bridge_bridges with the cabling",
    )


def _back(wanted: Wanted, before: Mapping[str, str]) -> None:
    """As it was: files first, then every interface that the old files know."""
    for bridge in wanted.rebuild:
        for name in (bridge.name, bridge.port):
            command.run(("ifdown", "--force", name), timeout=TIMEOUT)
        command.run(("ip", "link", "delete", bridge.name))
    for bridge, gateway in wanted.reroute:
        verb = ("replace", "default", "via", gateway) if gateway else ("delete", "default", "via", str(bridge.gateway))
        command.run(("ip", "route", *verb, "dev", bridge.name))
    for path, text in before.items():
        if text:
            _write(path, text)
        else:
            Path(path).unlink(missing_ok=True)
    old = ifupdown.configured(before[MAIN_FILE]) | ifupdown.configured(before[OWN_FILE])
    for bridge in wanted.rebuild:
        for name in (bridge.port, bridge.name):
            if name in old:
                command.run(("ifup", "--force", name), timeout=TIMEOUT)


def _write(path: str, text: str) -> None:
    folder = Path(path).parent
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = folder / f".{Path(path).name}.new"
    with new.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.chmod(0o644)
    new.replace(path)
