# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pre-flight makes of hosts that --limit leaves out: those that are not members are not read at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.playbooks import ROOT

SHOW = [
    {
        "hosts": "kvm_hosts",
        "gather_facts": False,
        "vars_files": [str(ROOT / "roles" / "preflight" / "vars" / "main.yml")],
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "content": "{{ __preflight_read | to_json }}",
                    "dest": "{{ out }}",
                    "mode": "0600",
                }
            }
        ],
    }
]
FACTS = {"ansible_facts": {"kvm_host": {}}}


@pytest.mark.parametrize(
    ("read", "limit", "found"),
    [
        ({}, "host1,host2", {}),
        ({"host2": FACTS}, "host1", {"host2": FACTS}),
        ({"host2": FACTS, "host3": FACTS}, "host1", {"host2": FACTS, "host3": FACTS}),
        ({}, "all", {}),
    ],
    ids=["a candidate is left out", "a member and a candidate", "two members", "nobody"],
)
def test_only_what_was_read_counts(tmp_path, read, limit, found):
    hosts = {name: {"__preflight_facts": read[name]} if name in read else {} for name in ("host1", "host2", "host3")}
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory, play, out = tmp_path / "hosts.yml", tmp_path / "play.yml", tmp_path / "read.json"
    inventory.write_text(yaml.safe_dump({"kvm_hosts": {"hosts": hosts, "vars": common}}))
    play.write_text(yaml.safe_dump(SHOW))
    given = {"__preflight_cluster": sorted(hosts), "out": str(out)}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(play)]
    done = subprocess.run(
        [*command, "--limit", limit, "-e", json.dumps(given)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(out.read_text()) == found
