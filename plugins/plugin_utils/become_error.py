# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a task did not become root on a host, in the operator's words. Ansible's own are three, or those of a module that
printed no JSON."""

from __future__ import annotations

import re

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError

ALLOW = (
    "give the account sudo for all commands (sudoers on the host: {user} ALL=(ALL) ALL), or let Ansible log in as root"
)
ASK = (
    "start ansible-playbook with --ask-become-pass, set ansible_become_password (encrypted by ansible-vault), or let"
    " the account use sudo without a password (NOPASSWD: in sudoers)"
)
# What Ansible (plugins/connection/ssh.py, local.py) and sudo say -> the next step
REASONS = (
    (
        r"sudo: (?:command )?not found",
        "set ansible_user: root in the inventory if that is who logs in, or install sudo on the host",
    ),
    (r"Missing sudo password|sudo: a password is required", ASK),
    (
        r"Incorrect sudo password|incorrect password attempts?",
        "correct what --ask-become-pass was told, or ansible_become_password; with sudo's defaults it is the password"
        " of the account that logs in",
    ),
    (
        r"\S+ is not in the sudoers file|\S+ is not allowed to (?:execute|run)[^\r\n]*|\S+ may not run sudo[^\r\n]*",
        ALLOW,
    ),
    (r"sudo: [^\r\n]*must have a tty[^\r\n]*", "take requiretty for this account out of sudoers"),
    (
        r"[^\r\n]*install the sshpass program",
        "install sshpass on the controller, or ansible-core 2.19 or newer, which needs none; better: log in with a key",
    ),
)


def explain_become(text: str, host: str, user: str) -> KvmError | None:
    """The error for what Ansible or sudo said; None where it is about something else. `user` is the account that logs
    in, "" where the inventory does not say."""
    for pattern, next_step in REASONS:
        found = re.search(pattern, text)
        if found:
            seen = found[0].strip()
            who = user or "whoever ssh takes (ansible_user is not set)"
            return KvmError(
                f'Ansible cannot become root on it: "{seen}"',
                host=host,
                expected="a login as root, or sudo on the host",
                observed=f'"{seen}" after a login as {who}',
                next_step=f"{next_step.format(user=user or 'ACCOUNT')}. Nothing was changed on it",
            )
    return None
