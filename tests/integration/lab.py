# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as tests use it: through labctl, as a user does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import Access, Client

ROOT = Path(__file__).parents[2]
LIMIT = 600  # seconds for one labctl
HOSTS = ("host1", "host2", "host3")


class Lab:
    """labctl and what it wrote down."""

    inventory = ROOT / "inventories" / "lab"
    state = Path(os.environ.get("LAB_STATE", ROOT / ".lab"))

    def ctl(self, *arguments: str) -> str:
        """labctl ARGUMENTS; what it printed. Raises AssertionError with both channels."""
        done = subprocess.run(
            [ROOT / "lab" / "labctl", *arguments], capture_output=True, text=True, check=False, timeout=LIMIT
        )
        assert done.returncode == 0, f"labctl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def up(self) -> None:
        """Boot what is not running."""
        self.ctl("up")

    def heal(self) -> None:
        """Undo all staged faults."""
        self.ctl("heal")

    def fault(self, *arguments: str) -> None:
        """Stage a fault."""
        self.ctl("fault", *arguments)

    def ssh(self, node: str, command: str) -> str:
        """A command on a node, as Ansible would run it."""
        return self.ctl("ssh", node, command)

    def secret(self, name: str) -> str:
        """A generated secret."""
        return (self.state / "secrets" / name).read_text().strip()

    def writes(self) -> int:
        """How many state changing commands the management server has carried out."""
        return json.loads(self.ctl("api", "GET", "/writes").replace("'", '"'))["count"]

    @property
    def env(self) -> dict[str, str]:
        """The credentials of the API."""
        lines = (self.state / "api.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def api(self) -> Client:
        """A client of the lab's CloudStack."""
        env = self.env
        return Client(Access(env["CLOUDSTACK_ENDPOINT"], env["CLOUDSTACK_KEY"], env["CLOUDSTACK_SECRET"], timeout=60))

    def host_states(self) -> dict[str, str]:
        """Management address -> state, of every host that CloudStack knows."""
        rows = self.api.list("listHosts", "host", type="Routing", details="min")
        return {row["ipaddress"]: row["state"] for row in rows}
