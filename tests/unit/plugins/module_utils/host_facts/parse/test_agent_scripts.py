# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent's scripts and settings say about what they need."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.agent_scripts import (
    import_question,
    parse_temporary_folder,
)

# cloudstack-setup-agent 4.22.1 as installed on Debian 12.
SETUP_AGENT = """#!/usr/bin/python3
import os
import sys
# ---- This snippet of code adds the sources path and the waf configured PYTHONDIR to the Python path ----
for pythonpath in (
        "/usr/lib/python3/dist-packages",
        os.path.join(os.path.dirname(__file__),os.path.pardir,os.path.pardir,"python","lib"),
    ):
        if os.path.isdir(pythonpath): sys.path.insert(0,pythonpath)

from cloudutils.cloudException import CloudRuntimeException, CloudInternalException
from cloudutils.utilities import initLoging, bash
from cloudutils.syscfg import sysConfigFactory

from optparse import OptionParser
"""
SECURITY_GROUP = "#!/usr/bin/python3\nimport argparse\nimport re\nimport libvirt\nimport fcntl\n"


def test_imports_as_the_script_does():
    code = import_question(SETUP_AGENT)
    assert code == (
        "import sys; sys.path.insert(0, '/usr/lib/python3/dist-packages'); "
        "import cloudutils.cloudException, cloudutils.utilities, cloudutils.syscfg"
    )
    compile(code, "question", "exec")
    assert import_question(SECURITY_GROUP) == "import libvirt"


@pytest.mark.parametrize("script", ["", "#!/usr/bin/python3\nimport os\nimport libvirtaio\n", "#!/bin/sh\n"])
def test_a_script_that_needs_nothing(script):
    assert import_question(script) == ""


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        (None, "/usr/share/cloudstack-agent/tmp"),
        (
            'JAVA_OPTS="-Djava.io.tmpdir=/usr/share/cloudstack-agent/tmp -Xms256m -Xmx2048m"\n',
            "/usr/share/cloudstack-agent/tmp",
        ),
        ('JAVA_OPTS="-Xms256m -Xmx4096m"\n', "/tmp"),
        ('#JAVA_OPTS="-Djava.io.tmpdir=/a"\nJAVA_OPTS="-Djava.io.tmpdir=/var/tmp/agent"\n', "/var/tmp/agent"),
    ],
)
def test_temporary_folder(settings, folder):
    assert parse_temporary_folder(settings) == folder
