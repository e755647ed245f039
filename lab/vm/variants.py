# SPDX-License-Identifier: GPL-3.0-or-later
"""How a guest was installed: the files that an installer left, as values. Pure. The plain installation is `static`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.control.topology import Node

File = tuple[str, str, str]  # path, text, mode, as machine.seed takes them
INTERFACES = "/etc/network/interfaces"
CLOUD_INIT = "/etc/network/interfaces.d/50-cloud-init"
USER = "ops"  # whoever logs in where root may not
LOCKED_SECONDS = 180
_HEAD = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"
_HOLD = f"""# SPDX-License-Identifier: GPL-3.0-or-later
# Stands for unattended-upgrades, which holds these locks for the first minutes after a boot.
import fcntl
import time
locks = [open(path, "w") for path in ("/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock")]
for lock in locks:
    fcntl.lockf(lock, fcntl.LOCK_EX)
time.sleep({LOCKED_SECONDS})
"""
_INSTALL_SUDO = f"""#!/bin/sh -e
# SPDX-License-Identifier: GPL-3.0-or-later
# What an installer does where no password was given to root.
dpkg -i /var/lib/lab/sudo_*.deb
useradd --create-home --shell /bin/bash {USER}
install -d -o {USER} -g {USER} -m 700 /home/{USER}/.ssh
mv /root/.ssh/authorized_keys /home/{USER}/.ssh/
chown {USER}:{USER} /home/{USER}/.ssh/authorized_keys
echo '{USER} ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}
passwd --lock root
rm /etc/systemd/system/lab-installer.service /etc/systemd/system/multi-user.target.wants/lab-installer.service
"""


def _card(node: Node, first: str, method: str) -> str:
    address = f"    address {node.nics[0].addresses[0]}\n" if method == "static" else ""
    return f"{first} eth0\niface eth0 inet {method}\n{address}"


def _at_boot(name: str, text: str, kind: str, command: str) -> list[File]:
    """A unit that is started at boot."""
    path, target = f"/etc/systemd/system/{name}.service", "multi-user.target"
    service = f"[Service]\nType={kind}\nExecStart={command}\n\n[Install]\nWantedBy={target}\n"
    unit = f"# SPDX-License-Identifier: GPL-3.0-or-later\n[Unit]\nDescription={text}\n\n{service}"
    return [(path, unit, "644"), (f"/etc/systemd/system/{target}.wants/{name}.service", path, "link")]


def _static(node: Node) -> list[File]:
    return [(INTERFACES, f"{_HEAD}\n{_card(node, 'allow-hotplug', 'static')}", "644")]


def _dhcp(node: Node) -> list[File]:
    return [(INTERFACES, f"{_HEAD}\n{_card(node, 'allow-hotplug', 'dhcp')}", "644")]


def _cloud_init(node: Node) -> list[File]:
    note = "# This file is generated from information provided by the datasource. Changes to it will not persist across an instance reboot.\n"  # noqa: E501
    return [(INTERFACES, _HEAD, "644"), (CLOUD_INIT, note + _card(node, "auto", "static"), "644")]


def _sudo(node: Node) -> list[File]:
    script = [("/usr/local/sbin/lab-installer", _INSTALL_SUDO, "755")]
    return (
        _static(node)
        + script
        + _at_boot("lab-installer", "Root locked, a user with sudo", "oneshot", "/usr/local/sbin/lab-installer")
    )


def _apt_lock(node: Node) -> list[File]:
    script = [("/usr/local/sbin/lab-apt-lock", _HOLD, "755")]
    return (
        _static(node)
        + script
        + _at_boot(
            "lab-apt-lock", "Holds apt's locks after boot", "simple", "/usr/bin/python3 /usr/local/sbin/lab-apt-lock"
        )
    )


VARIANTS: dict[str, Callable[[Node], list[File]]] = {
    "static": _static, "dhcp": _dhcp, "cloud-init": _cloud_init, "sudo": _sudo, "apt-lock": _apt_lock,
}  # fmt: skip


def login(variant: str) -> str:
    """Who may log in with the lab's key."""
    return USER if variant == "sudo" else "root"


def files(variant: str, node: Node, installer: Sequence[File]) -> list[File]:
    """What the installer left, with what is of this variant in the place of the same paths."""
    own = VARIANTS[variant](node)
    replaced = {path for path, _, _ in own}
    return [entry for entry in installer if entry[0] not in replaced] + own
