# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os

from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.configuration import read_configuration
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.api_access import access_problems, accesses


def of_this_process(hosts, variables):
    """The environment and the folder are those of ansible-playbook: the API modules run on the controller and take
    theirs from it, too.
    """
    try:
        configuration = read_configuration(os.environ)
    except ParseError:  # nothing can be called missing: the module is asked, and says what is wrong with the file
        return [{**access, "missing": []} for access in accesses(hosts, variables, {}, "")]
    return accesses(hosts, variables, configuration.settings, configuration.looked)


class FilterModule:
    """Wiring."""

    def filters(self):
        return {"api_access": of_this_process, "api_access_problems": access_problems}
