# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does cloud-init write the network of this host? Then a file of it that is changed comes back, at the latest after
`cloud-init clean`. Pure."""

from __future__ import annotations

import re

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Files

MAIN = "/etc/cloud/cloud.cfg"
FOLDER = "/etc/cloud/cloud.cfg.d"
OFF = "/etc/cloud/cloud-init.disabled"
SWITCH = f"{FOLDER}/99-disable-network-config.cfg"
_NETWORK = re.compile(r"^network:[ \t]*(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
_DISABLED = re.compile(r"^[\s{]*config:\s*[\"']?disabled[\"']?[\s}]*$")


def writes_network(files: Files) -> bool:
    """Whether cloud-init is there and its network configuration is not switched off. The last file that says
    something of `network` decides (cloud-init's "Network configuration" page)."""
    if OFF in files or MAIN not in files:
        return False
    said = [_without_comments(files[path]) for path in sorted(files) if path == MAIN or path.startswith(f"{FOLDER}/")]
    values = [value for text in said for value in _NETWORK.findall(text)]
    return not (values and _DISABLED.match(values[-1].strip()))


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def require_switched_off(files: Files, path: str, name: str, bridge: Bridge) -> None:
    """Raises InputError where cloud-init would write a file again from which `name` is about to be taken out."""
    if writes_network(files):
        raise InputError(
            f"{path} configures {name}, of the bridge {bridge.name}, and cloud-init would write that file again",
            expected="cloud-init's network configuration switched off before its file is changed",
            observed=f"{MAIN} is there, and neither {OFF} nor 'network: {{config: disabled}}' in {FOLDER}",
            next_step=f"write 'network: {{config: disabled}}' to {SWITCH}, then run again; nothing was changed",
            reproduce=f"grep -rn -A 1 '^network' {MAIN} {FOLDER}",
        )
