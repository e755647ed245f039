# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest error with its causes, out of logs that are mostly frames, logins and what a host that is well says "
"too."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.diagnosis.parse.errors import last_words, newest_error

FIXTURES = Path(__file__).parents[5] / "fixtures" / "join"
STAMP = "2026-11-21 11:25:04,944 "
JAVA = [
    f"{STAMP}ERROR [cloud.agent.AgentShell] (main:[]) (logid:) Unable to start agent:  com.example.Outer: outer words",
    "\tat com.cloud.agent.AgentShell.start(AgentShell.java:511)",
    "Caused by: com.example.Middle: middle words",
    "\tat com.cloud.agent.Agent.start(Agent.java:294)",
    "\t... 6 more",
    "Caused by: java.io.IOException: inner words",
    "\t... 7 more",
]
PYTHON = [
    "Traceback (most recent call last):",
    '  File "/usr/bin/cloudstack-setup-agent", line 180, in <module>',
    "    syscfg = sysConfigFactory.getSysConfigFactory(glbEnv)",
    "             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    "cloudutils.utilities.UnknownSystemException: Devuan",
]
SETUP = [
    "DEBUG:root:execute:ufw allow 22",
    "DEBUG:root:[Errno 32] Broken pipe",
    '  File "/usr/lib/python3/dist-packages/cloudutils/utilities.py", line 77, in writeProgressBar',
    "    sys.stdout.flush()",
]
WELL = [
    f"{STAMP}ERROR [kvm.resource.LibvirtComputingResource] (main:[]) (logid:) Failed to detect vddk version: Cannot "
    "run "
    'program "nbdkit": error=2, No such file or directory',
    f"{STAMP}WARN  [utils.script.Script] (main:[]) (logid:) Execution of process [2038] for command [/bin/bash -c ip "
    "route] failed.",
    f"{STAMP}INFO  [cloud.agent.AgentShell] (main:[]) (logid:) Agent started",
    "SLF4J: Defaulting to no-operation (NOP) logger implementation",
]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            JAVA,
            "Unable to start agent:  com.example.Outer: outer words; caused by: com.example.Middle: middle words; "
            "caused "
            "by: java.io.IOException: inner words",
        ),
        (PYTHON, "cloudutils.utilities.UnknownSystemException: Devuan"),
        (SETUP, "[Errno 32] Broken pipe"),
        (WELL, ""),
        ([*JAVA, *WELL], newest_error(JAVA)),
        ([*JAVA, *PYTHON], "cloudutils.utilities.UnknownSystemException: Devuan"),
        (
            [
                "java.lang.UnsatisfiedLinkError: /tmp/jna2.tmp: failed to map segment",
                "\tat com.sun.jna.Native.open(Native)",
            ],
            "java.lang.UnsatisfiedLinkError: /tmp/jna2.tmp: failed to map segment",
        ),
        (
            ['Exception in thread "main" java.lang.NoClassDefFoundError: x'],
            'Exception in thread "main" java.lang.NoClassDefFoundError: x',
        ),
        (
            [
                f"{STAMP}INFO  [cloud.agent.Agent] (main:[]) (logid:) trying again...",
                "Caused by: java.net.BindException: in use",
            ],
            "trying again...; caused by: java.net.BindException: in use",
        ),
        ([f"{STAMP}INFO  [cloud.agent.Agent] (main:[]) (logid:) Connecting to host: 10.0.0.5"], ""),
        (
            ["DEBUG:root:execute:ifup cloudbr0", "DEBUG:root:Failed to execute:ifup: unknown interface"],
            "ifup: unknown interface",
        ),
        (["DEBUG:root:Failed to execute:○ ufw.service - Uncomplicated firewall", "     Loaded: loaded"], ""),
        (["#", "#  SIGSEGV (0xb) at pc=0x00007f1c", "# If you would like"], "#  SIGSEGV (0xb) at pc=0x00007f1c"),
        ([], ""),
    ],
)
def test_newest_error(lines, expected):
    assert newest_error(lines) == expected


def test_log_of_a_real_host():
    lines = (FIXTURES / "agent.log.server-unreachable.txt").read_text().splitlines()
    assert newest_error(lines).endswith("com.cloud.utils.exception.NioConnectionException: Network is unreachable")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["the end", "h4 sshd[1]: pam_unix(sshd:session): session closed for user root"], "the end"),
        (["the end", "    sys.stdout.flush()", ""], "the end"),
        (["h4 sshd[1]: Received disconnect from 10.0.0.5", "h4 sshd[1]: Disconnected from user root"], ""),
    ],
)
def test_last_words(lines, expected):
    assert last_words(lines) == expected
