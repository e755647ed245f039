# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.log, in the real agent's form."""

import time

PATH = "/var/log/cloudstack/agent/agent.log"


def write(level, source, text, thread="main"):
    """One line. `source` is the end of a Java class name, as the real agent shortens it."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f",{int(now % 1 * 1000):03d}"
    with open(PATH, "a") as stream:
        stream.write(f"{stamp} {level:<5} [{source}] ({thread}:[]) (logid:) {text}\n")
