# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where Ansible cannot become root on a host; texts of ansible-core 2.19 and of sudo 1.9.13."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.become_error import explain_become

SSHPASS = "to use the 'ssh' connection type with passwords or pkcs11_provider, you must install the sshpass program"


@pytest.mark.parametrize(
    ("text", "seen", "step"),
    [
        ("/bin/sh: 1: sudo: not found\n", "sudo: not found", "set ansible_user: root"),
        ("bash: line 1: sudo: command not found", "sudo: command not found", "install sudo on the host"),
        ("Missing sudo password", "Missing sudo password", "--ask-become-pass, set ansible_become_password"),
        ("sudo: a password is required\n", "sudo: a password is required", "NOPASSWD: in sudoers"),
        ("Incorrect sudo password", "Incorrect sudo password", "correct what --ask-become-pass was told"),
        ("\r\nops is not in the sudoers file.\r\n", "ops is not in the sudoers file", "ops ALL=(ALL) ALL"),
        (
            "Sorry, user ops is not allowed to execute '/bin/sh -c x' as root on host1.\n",
            "ops is not allowed to execute '/bin/sh -c x' as root on host1.",
            "give the account sudo for all commands",
        ),
        ("sudo: sorry, you must have a tty to run sudo", "you must have a tty to run sudo", "take requiretty"),
        (SSHPASS, "you must install the sshpass program", "ansible-core 2.19 or newer"),
    ],
)
def test_reasons(text, seen, step):
    said = str(explain_become(text, "host1", "ops"))
    assert said.startswith('host1: Ansible cannot become root on it: "')
    assert '". Expected: a login as root, or sudo on the host. Observed: "' in said
    assert f'{seen}" after a login as ops. Next: ' in said
    assert step in said
    assert said.endswith("Nothing was changed on it.")


def test_an_account_that_is_not_named():
    said = str(explain_become("sudo: not found", "host1", ""))
    assert "after a login as whoever ssh takes (ansible_user is not set)" in said


@pytest.mark.parametrize("text", ["", "/usr/bin/python3: not found", "Failed to connect to the host via ssh"])
def test_what_is_about_something_else(text):
    assert explain_become(text, "host1", "ops") is None
