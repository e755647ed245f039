# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests: each a QEMU of its own, small whatever its offering says, in a unit of systemd that outlives the agent and
dies with the host. What the server asks about them: lab/simulator/README.md."""

import hashlib
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from . import log, storage

SOURCE = "kvm.resource.LibvirtComputingResource"
UNIT = "cloudstack-guest-"
FOLDER = "/run/cloudstack-guests"
TEMPLATES = "/var/lib/cloudstack/agent/templates"
ACCELERATION = "/etc/default/cloudstack-lab-guests"  # written by `labctl canary`, which tries what boots a guest here
MEMORY = 128  # MiB
SHUTDOWN = 60  # seconds that a guest has for shutting down
HEARTBEAT_AGE = 61  # seconds; a heartbeat that is younger is a sign of life (kvmvmactivity.sh)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,79}")
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")

DOWNLOADING = threading.Lock()  # one at a time: two guests may be deployed from one template


class GuestError(Exception):
    """A guest could not be dealt with; the text says why."""


def names():
    """The guests that run, by CloudStack's names."""
    units = _run("systemctl", "list-units", "--plain", "--no-legend", "--state=running", f"{UNIT}*").splitlines()
    return sorted(line.split()[0].removeprefix(UNIT).removesuffix(".service") for line in units if line.strip())


def command_line(name, uuid, memory_mib, disk, acceleration):
    """The QEMU of a guest. Its disk is written past the page cache, as CloudStack's offerings have it."""
    return [
        "qemu-system-x86_64", "-name", name, "-uuid", uuid, "-nodefaults", "-display", "none",
        "-machine", f"pc,accel={acceleration}", "-smp", "1", "-m", str(min(memory_mib, MEMORY)),
        "-drive", f"file={disk},format=qcow2,if=virtio,cache=none",
        "-serial", f"file:{FOLDER}/{name}.console", "-qmp", f"unix:{FOLDER}/{name}.qmp,server=on,wait=off",
    ]  # fmt: skip


def acceleration(path=ACCELERATION):
    """How guests run: kvm where a guest was seen to boot with it, else tcg. That /dev/kvm exists says nothing."""
    try:
        with open(path, encoding="utf-8") as stream:
            return "kvm" if "ACCELERATION=kvm" in stream.read().split() else "tcg"
    except OSError:
        return "tcg"


def start(pools, message):
    """StartCommand."""
    name = _checked(NAME, message["name"])
    if name in names():
        return
    disk = _pool(pools, message).disk(_checked(VOLUME, message["volume"]))
    os.makedirs(FOLDER, exist_ok=True)
    log.write("DEBUG", SOURCE, f"starting {name}: {disk}")
    unit = ["systemd-run", "--quiet", "--collect", "--unit", UNIT + name, "--slice", "machine.slice"]
    unit += ["--property", "TimeoutStopSec=5", "--property", f"StandardError=file:{FOLDER}/{name}.log"]
    _run(*unit, *command_line(name, message["uuid"], message["memory_mib"], disk, acceleration()))
    if not _seen_by(5, lambda: _answers(name) or name not in names()) or name not in names():
        raise GuestError(f"{name} did not start: {_tail(f'{FOLDER}/{name}.log')}")


def stop(_pools, message):
    """StopCommand. A guest that does not shut down when it is asked to is switched off, as the real agent does."""
    name = _checked(NAME, message["name"])
    if name not in names():
        return
    if not message.get("force"):
        monitor(name, "system_powerdown")
        if _seen_by(SHUTDOWN, lambda: name not in names()):
            return
    _run("systemctl", "stop", UNIT + name)


def reboot(_pools, message):
    """RebootCommand."""
    name = _checked(NAME, message["name"])
    if name not in names():
        raise GuestError(f"{name} does not run")
    monitor(name, "system_reset")


def copy(pools, message):
    """CopyCommand: the volume gets its name when it is whole."""
    pool, volume = _pool(pools, message), _checked(VOLUME, message["volume"])
    if pool.modified(volume) is not None:
        return
    with DOWNLOADING:
        template = download(message["template"])
    new = f"{volume}.{os.getpid()}.new"
    _run("qemu-img", "convert", "-O", "qcow2", template, pool.disk(new))
    if int(message.get("size") or 0) > _size(template):
        _run("qemu-img", "resize", "-q", "-f", "qcow2", pool.disk(new), str(message["size"]))
    pool.rename(new, volume)


def delete(pools, message):
    """DeleteCommand."""
    pool, volume = _pool(pools, message), _checked(VOLUME, message["volume"])
    if pool.modified(volume) is not None:
        pool.remove(volume)


def activity(pools, message):
    """CheckVMActivityOnStoragePoolCommand: raises GuestError where the pool shows no sign of life of the host."""
    pool = _pool(pools, message)
    beat = storage.last_beat(pool, message["host"])
    if beat is not None and time.time() - beat < HEARTBEAT_AGE:
        return
    for volume in message["volumes"]:
        modified = pool.modified(_checked(VOLUME, volume))
        if modified is not None and modified > message["suspect_since"]:
            return
    raise GuestError(f"no heartbeat of {message['host']} and no volume was written since {message['suspect_since']}")


COMMANDS = {
    "StartCommand": start,
    "StopCommand": stop,
    "RebootCommand": reboot,
    "CopyCommand": copy,
    "DeleteCommand": delete,
    "CheckVMActivityOnStoragePoolCommand": activity,
}


def answer(pools, message):
    """The answer to one of COMMANDS, whatever goes wrong."""
    try:
        COMMANDS[message["command"]](pools, message)
    except Exception as error:  # the server waits for five minutes where there is no answer
        log.write("WARN", SOURCE, f"{message['command']}: {error}")
        return {"result": False, "details": str(error)}
    return {"result": True}


def download(url):
    """The file of a template. Raises GuestError. It is downloaded once, and has its name when it is whole."""
    if not url.startswith(("http://", "https://")):
        raise GuestError(f"the template's URL is not one of http: {url}")
    path = f"{TEMPLATES}/{hashlib.sha256(url.encode()).hexdigest()[:16]}.qcow2"
    if not os.path.exists(path):
        os.makedirs(TEMPLATES, exist_ok=True)
        try:
            with urllib.request.urlopen(url, timeout=60) as answer_, open(f"{path}.new", "wb") as stream:
                while block := answer_.read(1 << 20):
                    stream.write(block)
        except (urllib.error.URLError, OSError) as error:
            raise GuestError(f"{url} cannot be downloaded: {error}") from error
        os.rename(f"{path}.new", path)
    return path


def monitor(name, command):
    """One command of QEMU's control socket. Raises OSError where it is not there, GuestError where it refuses."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(f"{FOLDER}/{name}.qmp")
        with connection.makefile("rw") as stream:
            stream.readline()  # the greeting
            for word in ("qmp_capabilities", command):
                stream.write(json.dumps({"execute": word}) + "\n")
                stream.flush()
                done = json.loads(stream.readline() or "{}")
                while "event" in done:
                    done = json.loads(stream.readline() or "{}")
                if "return" not in done:
                    raise GuestError(f"QEMU refuses {word}: {done.get('error', {}).get('desc')}")


def _answers(name):
    try:
        monitor(name, "query-status")
    except (OSError, GuestError):
        return False
    return True


def _size(path):
    """Bytes of the disk that an image is."""
    return int(json.loads(_run("qemu-img", "info", "--output=json", path))["virtual-size"])


def _pool(pools, message):
    if message["pool"] not in pools:
        raise GuestError(f"the storage pool {message['pool']} is not connected")
    return pools[message["pool"]]


def _checked(pattern, text):
    """A name that a path or a unit's name may be made of."""
    if not pattern.fullmatch(text):
        raise GuestError(f"not a name: {text[:100]}")
    return text


def _seen_by(seconds, test):
    deadline = time.monotonic() + seconds
    while not test():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        raise GuestError(f"{command[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _tail(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()[-400:].strip()
    except OSError:
        return "it left no words"
