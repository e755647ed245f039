#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_files
short_description: Write all configuration files of a role in one run
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Brings any number of files, directories and links to their declared state, in one module execution instead of one
    for each file.
  - Everything is planned and validated before the first write. If one entry cannot be done, none is.
  - A file is replaced in one step and synced to the disk. Its owner, mode and SELinux label stay unless options say
    otherwise. A file that is a mount point itself, such as C(/etc/hosts) in a container, is written in place.
  - A path that is a symbolic link is followed, except with O(files[].state=link) and O(files[].state=absent).
attributes:
  check_mode:
    description: Plans and validates, writes nothing. What does not exist yet (a directory, a user, a validating
      program) is not an error.
    support: full
  diff_mode:
    description: Shows every change. The content given by O(files[].secret_content), or of an entry with
      O(files[].secret=true), is hidden.
    support: full
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  files:
    description: The files, directories and links. An empty list is allowed and does nothing. A path may appear once.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      state:
        description:
          - V(present) is a file, with O(files[].content), O(files[].settings) or O(files[].lines); without any of them
            only mode and owner of an existing file are set.
          - V(absent) removes a file, a link or an empty directory.
          - V(link) is a symbolic link to O(files[].src); a file in its place is replaced.
          - V(directory) is a directory. Parents are not created; declare them as entries before it.
        type: str
        choices: [present, absent, link, directory]
        default: present
      content:
        description: The whole content.
        type: str
      secret_content:
        description: As O(files[].content), but neither logged nor shown. A new file gets mode 0600.
        type: str
      settings:
        description:
          - Keys and their values inside a file that has other content as well; V(null) removes a key.
          - A key is left alone when every active line of it says what is wanted, repeated lines included.
            If not, the last line is corrected and the others are removed.
          - A missing key is added after its commented default if there is one, else at the end.
        type: dict
      format:
        description:
          - How O(files[].settings) are written.
          - V(ini_flat) is C(key = value), as in C(sysctl.d).
          - V(shell) is C(KEY="value"), as in C(/etc/default). A line that has no quotes keeps none if the value needs
            none.
          - V(libvirt) is C(key = "text"), C(key = 1) or C(key = [ "a", "b" ]). Whether a key takes a number or a text
            is taken from the file's own line or commented default, then from the type of the value.
          - V(hosts) is C(/etc/hosts), keys are addresses and values are names, the first one canonical. These names are
            removed from all other addresses of the same family.
        type: str
        choices: [ini_flat, shell, libvirt, hosts]
        default: ini_flat
      lines:
        description: Lines that must be in the file, appended if missing.
        type: list
        elements: str
      lines_absent:
        description: Lines that must not be in the file.
        type: list
        elements: str
      src:
        description: The target of a link, required with O(files[].state=link).
        type: str
      mode:
        description: Permission bits, octal digits in quotes. A new file gets 0644, a new directory 0755.
        type: str
      owner:
        description: User name or number.
        type: str
      group:
        description: Group name or number.
        type: str
      validate:
        description: A command that must exit with 0 before the new content is written; C(%s) stands for the file to
          check. It is not run in a shell.
        type: str
      create:
        description: Whether O(files[].settings) and O(files[].lines) may create a file that does not exist.
        type: bool
        default: true
      secret:
        description: Whether to hide the content from the diff.
        type: bool
        default: false
  backup:
    description: Whether to keep a copy of what is overwritten or removed, beside the original.
    type: bool
    default: false
seealso:
  - module: cloudstack.kvm.daemon
    description: Restarts a service that must read them.
  - module: cloudstack.kvm.agent_properties
    description: For C(agent.properties), which this module must not edit.
"""

EXAMPLES = r"""
- name: Configure libvirt the way CloudStack will
  cloudstack.kvm.host_files:
    files:
      - path: /etc/libvirt/libvirtd.conf
        format: libvirt
        settings:
          listen_tls: 1
          tls_port: "16514"
      - path: /etc/default/libvirtd
        format: shell
        settings:
          LIBVIRTD_ARGS: --listen
      - path: /etc/sysctl.d/60-cloudstack.conf
        content: |
          net.ipv4.ip_forward = 1
        mode: "0644"
      - path: /etc/apparmor.d/disable/usr.sbin.libvirtd
        state: link
        src: /etc/apparmor.d/usr.sbin.libvirtd
    backup: true
  register: written

- name: Run libvirtd with these files
  cloudstack.kvm.daemon:
    name: libvirtd.service
    files: [/etc/libvirt/libvirtd.conf, /etc/default/libvirtd]
    changed: "{{ written.changed_paths }}"

- name: Make the FQDN resolve to the management address
  cloudstack.kvm.host_files:
    files:
      - path: /etc/hosts
        format: hosts
        settings:
          10.88.0.11: [host1.lab.test, host1]

- name: Let CloudStack log in and run its scripts
  cloudstack.kvm.host_files:
    files:
      - path: /root/.ssh
        state: directory
        mode: "0700"
      - path: /root/.ssh/authorized_keys
        lines: ["{{ management_key }}"]
        mode: "0600"
      - path: /etc/sudoers.d/cloudstack
        content: |
          cloudstack ALL=(root) NOPASSWD: ALL
        mode: "0440"
        validate: visudo -cf %s
"""

RETURN = r"""
changed_paths:
  description: The paths that were changed, or in check mode would be, in the order of the entries.
  returned: always
  type: list
  elements: str
  sample: [/etc/libvirt/libvirtd.conf]
backups:
  description: Path of the copy of each overwritten or removed file.
  returned: when O(backup=true) and not in check mode
  type: dict
  sample:
    /etc/libvirt/libvirtd.conf: /etc/libvirt/libvirtd.conf.20261125T074500Z~
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client import file_plan, files
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.client.places import resolve
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.model.file import FileGoal
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.plan.files import (
    missing_parents,
    parse_mode,
    plan_files,
)

ATTEMPTS = 3  # of replacing files that something else keeps writing

ENTRY = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "link", "directory"], "default": "present"},
    "content": {"type": "str"},
    "secret_content": {"type": "str", "no_log": True},
    "settings": {"type": "dict"},
    "format": {"type": "str", "choices": ["ini_flat", "shell", "libvirt", "hosts"], "default": "ini_flat"},
    "lines": {"type": "list", "elements": "str"},
    "lines_absent": {"type": "list", "elements": "str"},
    "src": {"type": "str"},
    "mode": {"type": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "validate": {"type": "str"},
    "create": {"type": "bool", "default": True},
    "secret": {"type": "bool", "default": False, "no_log": False},
}
ARGUMENT_SPEC = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ENTRY,
        "mutually_exclusive": [
            ("content", "secret_content", "settings", "lines"),
            ("content", "secret_content", "settings", "lines_absent"),
        ],
        "required_if": [("state", "link", ["src"])],
    },
    "backup": {"type": "bool", "default": False},
}


def read_goal(entry, check_mode):
    """One entry of `files` -> FileGoal."""
    path = entry["path"]
    if not path.startswith("/"):
        raise InputError("a path of files is not absolute", observed=path)
    follow = entry["state"] in ("present", "directory")
    content = entry["content"] if entry["secret_content"] is None else entry["secret_content"]
    return FileGoal(
        path=resolve(path) if follow else path.rstrip("/"),
        state=entry["state"],
        content=content,
        settings=entry["settings"],
        format=entry["format"],
        lines=tuple(entry["lines"] or ()),
        lines_absent=tuple(entry["lines_absent"] or ()),
        target=entry["src"],
        mode=parse_mode(entry["mode"], path),
        uid=_lookup(files.find_uid, entry["owner"], check_mode),
        gid=_lookup(files.find_gid, entry["group"], check_mode),
        validate=entry["validate"],
        create=entry["create"],
        secret=entry["secret"] or entry["secret_content"] is not None,
    )


def _lookup(find, name, check_mode):
    try:
        return find(name)
    except InputError:
        if not check_mode:
            raise
        return None  # the package that makes the account is not installed yet


def body(module):
    """Plan all entries, have the contents validated, write them unless in check mode."""
    if module.check_mode:
        steps, plan, missing, _states = _plan(module)
        for text in missing:
            module.warn(text)
        return plan, _result(steps)
    for attempt in range(ATTEMPTS):
        with files.locked(SystemClock()):
            try:
                return _write(module)
            # By something that knows no lock of ours: look again, unless half is done.
            except files.ChangedMeanwhile as error:
                if attempt + 1 == ATTEMPTS or error.details.get("changed_paths"):
                    raise
    raise AssertionError("a loop that always returns or raises")


def _plan(module):
    goals = [read_goal(entry, module.check_mode) for entry in module.params["files"]]
    states = file_plan.fetch(goal.path for goal in goals)
    plan = plan_files(goals, states)
    steps = [change.data for change in plan]
    missing = [f"{name} is not installed, its validation is left out" for name in file_plan.validate(steps)]
    return steps, plan, missing, states


def _result(steps):
    return {"changed_paths": list(dict.fromkeys(step.path for step in steps))}


def _write(module):
    steps, plan, missing, states = _plan(module)
    _refuse(missing, missing_parents(plan, file_plan.present_parents(step.path for step in steps)))
    stamp = SystemClock().now().strftime("%Y%m%dT%H%M%SZ")
    backups = file_plan.apply(steps, states, (lambda path: f"{path}.{stamp}~") if module.params["backup"] else None)
    return plan, {**_result(steps), **({"backups": backups} if module.params["backup"] else {})}


def _refuse(missing, parents):
    if missing:
        raise InputError(
            "a content cannot be validated, nothing was written",
            observed="; ".join(missing),
            next_step="install the program",
        )
    if parents:
        raise InputError(
            "a directory is not there, nothing was written",
            observed=", ".join(parents),
            next_step="install the package that makes it, or declare it with state: directory before its files",
        )


def main():
    """Wiring."""
    runtime.run(ARGUMENT_SPEC, body, host=platform.node())


if __name__ == "__main__":
    main()
