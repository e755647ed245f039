# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a kernel of its own, which has what the machine's kernel lacks: bonds and VLAN devices. It is User-Mode
Linux, Debian's kernel as a process: no hardware, no /dev/kvm, but as fast as the machine, and it boots systemd, reboots
and loses power.

Its NICs eth0 and eth1 lead to a switch, a namespace inside the guest, where they are one LACP group (802.3ad) that
carries the VLANs 1 (untagged), 100 and 200. The controller, a namespace of this machine, has its wire in one of them.
Besides there is a door: a login that does not depend on the host's network. All of it goes with this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.control import images
from tests.backend_host import SHIMS, stable_network
from tests.ifupdown_host import CODE, SHIM, Shimmed
from tests.namespaces import ROOT, Namespaces
from tests.namespaces import missing as no_namespaces

CONTROLLER, SWITCH, HOST, DOOR = "10.88.0.1", "10.88.0.2", "10.88.0.11", "10.87.0.2"
BOOT = 100  # seconds; ten on an idle machine
MEMORY = "512M"
# The peers of the host. `management` is the VLAN in which the controller is: 1, untagged, or 100.
_WIRES = f"""#!/bin/sh -e
if [ ! -e /etc/installed ]; then
  mount -t hostfs -o "$(cat /etc/first-boot)" none /mnt
  cp -r --preserve=mode /mnt/. /
  umount /mnt
  touch /etc/installed
  [ ! -x /usr/sbin/netplan ] || netplan generate
fi
modprobe ipv6
echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
mkdir -p /opt/site/ansible /opt/ansible_collections/cloudstack/kvm/plugins
mount -t hostfs -o "$(cat /etc/site)/ansible" none /opt/site/ansible
mount -t hostfs -o {ROOT}/plugins none /opt/ansible_collections/cloudstack/kvm/plugins
ip netns add switch
ip netns add door
ip -n door link set lo up
ip link set vec1 netns door
ip -n door address add {DOOR}/24 dev vec1
ip -n door link set vec1 up
ip -n switch link set lo up
ip link set vec0 netns switch
ip -n switch link add lag type bond mode 802.3ad miimon 100 lacp_rate fast xmit_hash_policy layer3+4
for number in 0 1; do
  ip link add eth$number address 02:00:00:00:00:0$number type veth peer name port$number mtu 9000 netns switch
  ip -n switch link set port$number master lag
done
ip -n switch link set lag mtu 9000 up
for vlan in 1 100 200; do
  ip -n switch link add br$vlan type bridge
  port=lag
  [ $vlan = 1 ] || {{ port=lag.$vlan; ip -n switch link add link lag name $port type vlan id $vlan; }}
  ip -n switch link set $port master br$vlan up
  ip -n switch link set br$vlan up
done
ip -n switch address add 10.88.2.1/24 dev br200
. /etc/wires
ip -n switch link set vec0 master br$management up
ip -n switch address add {SWITCH}/24 dev br$management
"""
# The code of the collection is mounted here; on a real host the rollback has brought its own.
_WIRES_UNIT = """[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=systemd-udevd.service local-fs.target
Before=network-pre.target cloudstack-kvm-network-rollback.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/wires
StandardError=journal+console
"""
_DOOR_UNIT = """[Unit]
After=wires.service
Requires=wires.service
[Service]
NetworkNamespacePath=/run/netns/door
RuntimeDirectory=sshd
RuntimeDirectoryPreserve=yes
ExecStart=/usr/sbin/sshd -D -o PidFile=none -o UsePAM=no
"""
_BOND = ("mode", "miimon", "xmit_hash_policy", "ad_lacp_rate", "primary", "fail_over_mac", "min_links")
_VLAN = ("protocol", "id")


def missing() -> str:
    """Why such a host cannot be had here; "" if it can."""
    if no_namespaces("ssh", "mke2fs", "apt-get", "dpkg"):
        return no_namespaces("ssh", "mke2fs", "apt-get", "dpkg")
    if not (images.pool() / "Release").exists():
        return "needs the lab's base image: make lab-setup"
    known = subprocess.run(["apt-cache", "show", "user-mode-linux"], capture_output=True, check=False)
    return "needs a Debian mirror with user-mode-linux: apt-get update" if known.returncode else ""


@contextlib.contextmanager
def machine_of(backend: str, packages: Sequence[str], tools: Sequence[str]) -> Iterator[UmlHost]:
    """One with a folder and namespaces of its own, which go with it; it is still to be installed."""
    with (
        tempfile.TemporaryDirectory(prefix="uml-") as folder,
        Namespaces() as spaces,
        UmlHost(spaces, Path(folder), backend, packages, tools) as host,
    ):
        yield host


class UmlHost(Shimmed):
    """A machine whose network `backend` configures; use it in a `with`, and `install` it. `tools` are the back end's
    commands that change something."""

    def __init__(self, spaces: Namespaces, folder: Path, backend: str, packages: Sequence[str], tools: Sequence[str]):
        self.spaces, self.folder, self.backend, self.packages, self.tools = spaces, folder, backend, packages, tools
        self.login, self.name = folder / "login", f"controller-{backend}"
        self.process: subprocess.Popen[str] | None = None

    # --- life ---

    def __enter__(self) -> UmlHost:
        self._seed()
        base = images.pool().parent / "base.tar"
        line = [
            ROOT / "tests" / "uml-disk", self.folder, base, images.pool(), images.release(), " ".join(self.packages),
        ]  # fmt: skip
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stdout + done.stderr
        self.spaces.add(self.name)
        for number, address in ((0, f"{CONTROLLER}/24"), (1, "10.87.0.1/24")):
            tap = f"tap{number}"
            wire = [f"tuntap add dev {tap} mode tap", f"address add {address} dev {tap}", f"link set {tap} up"]
            self.spaces.ip(self.name, wire)
        return self

    def __exit__(self, *_error: object) -> None:
        self.cut_power()

    def install(self, files: Mapping[str, str], mode: str = "644", management: int = 1, wires: str = "") -> None:
        """A new machine with these files, booted. `wires`, lines of a shell script, changes its peers at each boot."""
        self.cut_power()
        (self.folder / "cow").unlink(missing_ok=True)
        first = self.folder / "first-boot"
        shutil.rmtree(first, ignore_errors=True)
        _write(
            first,
            {
                **{path: (text, int(mode, 8)) for path, text in files.items()},
                "/etc/wires": (f"management={management}\n{wires}", 0o644),
            },
        )
        self.start()

    def _seed(self) -> None:
        """What makes the disk this machine."""
        host_key = self.folder / "host_key"
        for path in (self.login, host_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        site = next(path for path in sys.path if (Path(path) / "ansible/module_utils/basic.py").exists())
        units = "etc/systemd/system"
        files = {
            "etc/fstab": ("/dev/ubda / ext4 defaults,noatime 0 0\n", 0o644),
            "etc/hostname": ("umlhost\n", 0o644),
            "etc/hosts": ("127.0.0.1 localhost\n127.0.1.1 umlhost\n", 0o644),
            "etc/site": (site, 0o644),
            "etc/first-boot": (str(self.folder / "first-boot"), 0o644),
            "etc/ssh/ssh_host_ed25519_key": (host_key.read_text(), 0o600),
            "etc/ssh/ssh_host_ed25519_key.pub": (host_key.with_suffix(".pub").read_text(), 0o644),
            "root/.ssh/authorized_keys": (self.login.with_suffix(".pub").read_text(), 0o600),
            "usr/local/sbin/wires": (_WIRES, 0o755),
            f"{units}/wires.service": (_WIRES_UNIT, 0o644),
            f"{units}/door.service": (_DOOR_UNIT, 0o644),
            **{f"{SHIMS[1:]}/{tool}": (SHIM, 0o755) for tool in ("ip", *self.tools)},
        }
        seed = self.folder / "seed"
        _write(seed, files)
        links = {f"{units}/multi-user.target.wants/{unit}.service": f"../{unit}.service" for unit in ("wires", "door")}
        if self.backend != "ifupdown":  # it is on every disk
            links[f"{units}/networking.service"] = "/dev/null"
        if self.backend in ("netplan", "networkd"):
            unit = "systemd-networkd.service"
            links[f"{units}/multi-user.target.wants/{unit}"] = f"/lib/systemd/system/{unit}"
        for path, target in links.items():
            (seed / path).parent.mkdir(parents=True, exist_ok=True)
            (seed / path).symlink_to(target)
        key = host_key.with_suffix(".pub").read_text()
        (self.folder / "known_hosts").write_text("".join(f"{address} {key}" for address in (HOST, DOOR)))

    def start(self) -> None:
        """Switch it on, and wait until its boot is over."""
        command = [
            "setpriv", "--pdeathsig", "KILL",  # it goes with this process
            str(self.folder / "linux"), f"mem={MEMORY}", f"ubd0={self.folder}/cow,{self.folder}/root.img",
            "root=/dev/ubda", "rw", "quiet", "net.ifnames=0", f"uml_dir={self.folder}/uml", "umid=host",
            "con=null", "con0=null,fd:1", "con1=null", "ssl=null", "vec0:transport=tap,ifname=tap0,depth=64,gro=1",
            "vec1:transport=tap,ifname=tap1,depth=64,gro=1",
        ]  # fmt: skip
        console = (self.folder / "console.log").open("w")
        with console:
            self.process = self.spaces.start(
                self.name, command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
        self._wait()

    def _wait(self, past: str = "") -> None:
        """Until it has booted, with another boot id than `past`."""
        deadline = time.monotonic() + BOOT
        online = "[ ! -x /usr/bin/nm-online ] || nm-online -q -s -t 60 || true"  # no unit of the boot waits for it
        script = f"cat /proc/sys/kernel/random/boot_id; systemctl is-system-running --wait || true; {online}"
        while True:
            answer = self._door(script, check=False).stdout.split()
            if answer[1:] and answer[0] != past:
                return
            assert self.process and self.process.poll() is None and time.monotonic() < deadline, self._console()

    def _console(self) -> str:
        return f"no login within {BOOT} s: {(self.folder / 'console.log').read_text(errors='replace')[-2000:]}"

    def reboot(self) -> None:
        """Off and on again."""
        boot = self.sh("cat /proc/sys/kernel/random/boot_id").strip()
        self.sh("systemctl --no-block reboot", check=False)  # the connection may end first
        self._forget_logins()
        self._wait(boot)

    def cut_power(self) -> None:
        """It is gone at once, if it was there."""
        if self.process is None:
            return
        self._forget_logins()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        shutil.rmtree(self.folder / "uml", ignore_errors=True)

    def _forget_logins(self) -> None:
        """The connection of the door."""
        self._ssh(["-O", "exit"], DOOR, check=False)

    # --- what is done there ---

    def _ssh(self, options: Sequence[str], address: str, command: str = "", **more: Any) -> Any:
        line = ["ssh", "-q", "-i", str(self.login), *shlex.split(self.ssh_options), *options, f"root@{address}"]
        return self.spaces.run(self.name, [*line, *([command] if command else [])], **more)

    @property
    def ssh_options(self) -> str:
        """Those of a login at the host and at its door."""
        return (
            f"-o UserKnownHostsFile={self.folder}/known_hosts -o IdentitiesOnly=yes -o ConnectTimeout=10 "
            f"-o ControlMaster=auto -o ControlPath={self.folder}/%h -o ControlPersist=yes"
        )

    def _door(self, script: str, check: bool = True, stdin: str | None = None) -> Any:
        inside = f"nsenter --net=/proc/1/ns/net sh -ec {shlex.quote(script)}"
        more = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        return self._ssh([], DOOR, inside, check=check, **more)

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run a script on the host, past its network; what it prints."""
        return self._door(script, check).stdout

    def write(self, files: Mapping[str, str], mode: str = "600") -> None:
        """Make or replace files."""
        for path, text in files.items():
            self._door(f"mkdir -p $(dirname {path}); cat >{path}; chmod {mode} {path}", stdin=text)

    def bridge(self, config: Any, *, check: bool = False, keep: bool = True, **options: Any) -> dict[str, Any]:
        """Run the module `bridge` there, as a login from the controller, and confirm its change if it is to be kept;
        its result."""
        given = {"config": config, "backend": self.backend, "rollback_timeout": 10, **options}
        result = self._module({**given, "_ansible_check_mode": check, "_ansible_diff": True})
        if result.get("waits") and keep:
            answer = self._module({"confirm": True})
            assert not answer.get("failed"), answer
        return result

    def _module(self, given: Mapping[str, Any]) -> dict[str, Any]:
        arguments = json.dumps({**given, "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False})
        variables = f"PATH={SHIMS}:/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1"
        login = shlex.quote(f"SSH_CONNECTION={CONTROLLER} 40000 {HOST} 22")
        script = f"env -i {variables} {login} /usr/bin/python3 -c {shlex.quote(CODE)} {shlex.quote(arguments)}"
        done = self._door(script, check=False)
        assert done.stdout.lstrip().startswith("{"), done.stdout + done.stderr
        return json.loads(done.stdout)

    def files(self, *folders: str) -> str:
        """Path and content of all files of these folders, for comparison."""
        find = f"find {' '.join(folders)} -type f ! -name '*.lock' 2>/dev/null"
        return self.sh(f"{find} | sort | xargs -r sha256sum")

    def links(self) -> dict[str, Any]:
        """Links, what bonds and VLAN devices are made with, addresses and routes as the kernel tells them, without what
        is counted down."""
        shown = json.loads(self.sh("ip -j -d address"))
        routes = [self.sh(f"ip -{version} route show table all") for version in (4, 6)]
        return {**stable_network(shown, routes), "layers": {each["ifname"]: _layer(each) for each in shown}}


def _write(folder: Path, files: Mapping[str, tuple[str, int]]) -> None:
    """Path below the folder -> text and mode."""
    for path, (text, mode) in files.items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)


def _layer(link: Mapping[str, Any]) -> dict[str, Any]:
    info = link.get("linkinfo", {})
    options = {"bond": _BOND, "vlan": _VLAN}.get(info.get("info_kind", ""), ())
    data = info.get("info_data", {})
    return {"kind": info.get("info_kind"), "on": link.get("link"), **{key: data.get(key) for key in options}}
