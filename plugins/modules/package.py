#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: package
short_description: Install packages, also on a bare host
version_added: 0.1.0
author: The cloudstack.kvm maintainers (@cloudstack-kvm)
description:
  - Installs packages that are missing, by C(apt-get) or C(dnf) themselves. Needs no python3-apt, no package lists
    fetched beforehand, and no locale, so that check mode predicts on a bare machine what the real run does.
  - On Debian and Ubuntu the lists are fetched before each installation, recommended packages are left out, and files
    that an operator has changed stay as they are.
  - It waits while another package manager is at work, as unattended-upgrades is in the first minutes after boot. An
    interrupted installation is finished first.
extends_documentation_fragment:
  - cloudstack.kvm.attributes.linux
options:
  names:
    description:
      - The packages, each a name or the name of something that a package provides, with a version if wanted,
        C(name=1.2*) on Debian and Ubuntu, C(name-1.2*) on EL.
    type: list
    elements: str
    required: true
  lock_timeout:
    description: Seconds to wait for another package manager.
    type: int
    default: 900
attributes:
  check_mode:
    description: Shows what would be installed, but not its dependencies.
    support: full
  diff_mode:
    description: Shows each package that is missing.
    support: full
"""

EXAMPLES = r"""
- name: Install chrony
  cloudstack.kvm.package:
    names: [chrony]
  become: true

- name: Install a version of the agent
  cloudstack.kvm.package:
    names: [cloudstack-common=4.22.1.0*, cloudstack-agent=4.22.1.0*]
  become: true
"""

RETURN = r"""
packages:
  description: What was missing and is installed now, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [chrony]
"""

import platform

from ansible_collections.cloudstack.kvm.plugins.module_utils.core import runtime
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.client.package_manager import PackageManager
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_services.plan.packages import plan_packages

SPEC = {
    "names": {"type": "list", "elements": "str", "required": True},
    "lock_timeout": {"type": "int", "default": 900},
}


def body(module):
    """Compare, and install what is missing unless in check mode."""
    manager = PackageManager(module.params["lock_timeout"])
    plan = plan_packages(module.params["names"], manager.installed())
    missing = [change.target for change in plan]
    if missing and not module.check_mode:
        manager.install(missing)
    return plan, {"packages": missing}


def main():
    """Wiring."""
    runtime.run(SPEC, body, host=platform.node())


if __name__ == "__main__":
    main()
