# SPDX-License-Identifier: GPL-3.0-or-later
"""`delegate_to: localhost` of a module that talks to CloudStack is the controller, whatever an inventory says of it."""

from __future__ import annotations

import yaml

from tests.integration.playbooks import play

NOWHERE = {
    "ansible_connection": "ssh",
    "ansible_host": "192.0.2.99",
    "ansible_python_interpreter": "/nonexistent/python",
    "ansible_become_exe": "/nonexistent/sudo",
}


def test_the_inventory_cannot_send_the_call_elsewhere(simulator, tmp_path):
    kvm_hosts = {"hosts": {"host1": {"ansible_host": "192.0.2.1"}}}
    inventory = {"all": {"hosts": {"localhost": NOWHERE}, "children": {"kvm_hosts": kvm_hosts}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    ask = {"cloudstack.kvm.configuration": {"name": "host"}, "delegate_to": "localhost", "check_mode": True}
    tasks = [
        {"name": "Ask", **ask, "register": "answer"},
        {"name": "Ask in a loop", **ask, "loop": [1, 2], "register": "answers"},
        {
            "name": "Compare",
            "ansible.builtin.assert": {"that": ["answer.value is defined", "answers.results | length == 2"]},
        },
    ]
    plays = [{"hosts": "kvm_hosts", "gather_facts": False, "become": True, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays))
    run = play(str(tmp_path / "play.yml"), tmp_path / "hosts.yml", env=simulator.env)
    assert run.code == 0, run.output
