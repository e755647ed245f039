# SPDX-License-Identifier: GPL-3.0-or-later
"""The management node: CloudStack simulator, package repositories, NFS, NTP. Deployed again when its sources change."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from pathlib import Path

from . import nodes, podman
from .namespaces import inside
from .shell import run, say
from .state import ROOT, State
from .topology import LabError, Node

UNIT = "cloudstack-management"
SERVICES = ["lab-packages", "lab-ntp@10.88.0.253", "chrony", "rpcbind", "nfs-ganesha"]
MARK = "/opt/cslab/deployed"
API_PORT = 8080
ADMIN_PORT = 8090
TIME_SOURCES = ("10.88.0.254", "10.88.0.253")
KEY_FOLDER = "/var/cloudstack/management/.ssh"
# The real server looks ten times, 30 s apart. The lab looks more often for the same five minutes.
OPTIONS = (
    f"--quiet --host 0.0.0.0 --port {API_PORT} --admin-port {ADMIN_PORT} --kvm --agent-port 8250 --host-setting "
    "10.88.0.254 "
    f"--ssh-key {KEY_FOLDER}/id_rsa --wait-interval 2 --wait-polls 150"
)


def credentials(state: State) -> dict[str, str]:
    """Endpoint and keys of the API, as `cs` and ngine_io.cloudstack name them; also written to api.env."""
    values = {
        "CLOUDSTACK_ENDPOINT": f"http://10.88.0.254:{API_PORT}/client/api",
        "CLOUDSTACK_KEY": state.secret("api_key", 86),
        "CLOUDSTACK_SECRET": state.secret("api_secret", 86),
    }
    state.write(state.path("api.env"), "".join(f"{key}={value}\n" for key, value in values.items()))
    return values


def deploy(state: State, node: Node) -> None:
    """Bring code and settings to the node and start its services. Does nothing where all is as it should be."""
    keys = credentials(state)
    environment = (
        "".join(f"{key}={keys[key]}\n" for key in ("CLOUDSTACK_KEY", "CLOUDSTACK_SECRET"))
        + f"SIMULATOR_OPTIONS={OPTIONS}\n"
    )
    services, api = _sources_hash("management"), _sources_hash("simulator", environment)
    mark, before = f"{services} {api}", deployed(node)
    if before == mark:
        if nodes.execute(node, "systemctl", "is-active", "--quiet", UNIT, check=False).returncode != 0:
            nodes.execute(node, "systemctl", "restart", UNIT)
        return
    say("management node: simulator, repositories, NFS, NTP")
    _copy(node, ROOT / "lab" / "management" / "etc", "/etc")
    nodes.execute(
        node,
        "sh",
        "-ec",
        f"rm -rf /opt/cslab; mkdir -p /opt/cslab/lab /etc/cslab /export/primary {KEY_FOLDER}; chmod 700 {KEY_FOLDER}",
    )
    for part in ("__init__.py", "simulator", "management"):
        _copy(node, ROOT / "lab" / part, f"/opt/cslab/lab/{part}")
    nodes.put(node, "/etc/cslab/management.env", environment, "600")
    server_key = state.key("management", "ecdsa")
    nodes.put(node, f"{KEY_FOLDER}/id_rsa", server_key.read_text(), "600")
    nodes.put(node, f"{KEY_FOLDER}/id_rsa.pub", server_key.with_suffix(".pub").read_text())
    nodes.execute(node, "systemctl", "daemon-reload")
    nodes.execute(node, "systemctl", "enable", *SERVICES, UNIT)
    nodes.execute(node, "systemctl", "restart", *([] if before.startswith(services) else SERVICES), UNIT)
    nodes.put(node, MARK, mark)


def deployed(node: Node) -> str:
    """What stands for the sources that the node runs; empty where nothing was deployed."""
    return nodes.execute(node, "cat", MARK, check=False).stdout


def _sources_hash(folder: str, environment: str = "") -> str:
    digest = hashlib.sha256(environment.encode())
    for path in sorted((ROOT / "lab" / folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _copy(node: Node, source: Path, target: str) -> None:
    if source.is_file():
        podman.podman("cp", str(source), f"{node.container}:{target}")
        return
    nodes.execute(node, "mkdir", "-p", target)
    run(inside("sh", "-ec", f"cd {source} && tar -c --exclude=__pycache__ . | podman exec -i {node.container} tar -x "
        f"--no-same-owner -C {target}"),
        env={"CONTAINERS_CONF": str(podman.CONFIG), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})  # fmt: skip


def wait_for_api(node: Node, timeout: float = 30) -> None:
    """Until the API answers. Raises LabError with the journal's end where it does not."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://{node.address}:{API_PORT}/client/api", timeout=5)
        except urllib.error.HTTPError:
            return  # a call without a command is refused, by a server that is there
        except OSError:
            if nodes.execute(node, "systemctl", "is-failed", "--quiet", UNIT, check=False).returncode == 0:
                break  # it has given up
            time.sleep(0.3)
    journal = nodes.execute(node, "journalctl", "-u", UNIT, "-n", "15", "--no-pager", check=False).stdout
    raise LabError(
        f"the API at {node.address}:{API_PORT} does not answer; to see more: lab/labctl console {node.name} "
        f"journalctl -u {UNIT}\n{journal}"
    )


def admin(node: Node, method: str, path: str, body: object = None) -> dict:
    """A call of the simulator's admin channel, which listens on the node's loopback only."""
    code = (
        "import sys,urllib.request as u;"
        f"r=u.Request('http://127.0.0.1:{ADMIN_PORT}{path}',method='{method}',data=sys.stdin.buffer.read() or None,"
        "headers={'Content-Type':'application/json'});print(u.urlopen(r).read().decode())"
    )
    done = nodes.execute(node, "python3", "-c", code, stdin=json.dumps(body) if body is not None else "")
    return json.loads(done.stdout or "{}")
