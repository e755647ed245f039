# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt, as far as the agent touches it."""

import os
import subprocess


def virsh(*arguments, uri="qemu:///system", timeout=150):
    """(works, text) of a virsh call; the text of a failure is libvirt's."""
    try:
        done = subprocess.run(["virsh", "-c", uri, *arguments], capture_output=True, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    return done.returncode == 0, (done.stdout if done.returncode == 0 else done.stderr).strip()


def connect():
    """None where libvirtd answers, else what is wrong."""
    works, text = virsh("version")
    return None if works else text.replace("error: ", "").splitlines()[-1]


def is_secured(ip):
    """Whether this host answers on qemu+tls under its own address, as a migration to it would ask."""
    return os.path.exists("/etc/cloudstack/agent/cloud.crt") and virsh("version", uri=f"qemu+tls://{ip}/system")[0]


def drop_default_network():
    """The network `default` is destroyed and no longer started."""
    virsh("net-destroy", "default")
    virsh("net-autostart", "default", "--disable")


def link_local_bridge():
    """cloud0, for the control traffic of system VMs."""
    if not os.path.exists("/sys/class/net/cloud0"):
        for command in (
            "ip link add cloud0 type bridge",
            "ip address add 169.254.0.1/16 dev cloud0",
            "ip link set cloud0 up",
        ):
            subprocess.run(command.split(), capture_output=True)
