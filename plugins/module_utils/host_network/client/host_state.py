# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What several back ends read of a host: files, cloud-init's settings, the MACs of ports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from glob import glob

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import files, places
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Files, to_text
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import cloud_init


def read_files(paths: Iterable[str]) -> Files:
    """Path -> text, of those that are files."""
    found = {path: files.inspect(places.resolve(path)).content for path in paths}
    return {path: to_text(content) for path, content in found.items() if content is not None}


def cloud_settings() -> list[str]:
    """Paths of what tells whether cloud-init writes the network's files; some may not be there."""
    return [cloud_init.MAIN, cloud_init.OFF, *glob(f"{cloud_init.FOLDER}/*.cfg")]


def port_macs(ports: Sequence[str]) -> dict[str, str]:
    """Port -> its hardware address, of the ports that are there."""
    contents = {port: files.inspect(f"/sys/class/net/{port}/address").content for port in ports}
    macs = {port: to_text(content or b"").strip() for port, content in contents.items()}
    return {port: mac for port, mac in macs.items() if mac}
