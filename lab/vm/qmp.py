# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's control socket: as much of it as the lab needs."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import IO, Any

from lab.control.topology import LabError


def execute(path: Path, command: str, **arguments: Any) -> Any:
    """Run one QMP command and return its answer. Raises LabError where QEMU is not there or refuses."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(path))
            stream = connection.makefile("rw")
            stream.readline()  # the greeting
            _ask(stream, "qmp_capabilities", {})
            return _ask(stream, command, arguments)
    except OSError as error:
        raise LabError(f"QEMU does not answer at {path}: {error}") from error


def _ask(stream: IO[str], command: str, arguments: dict[str, Any]) -> Any:
    stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    stream.flush()
    for line in stream:
        answer = json.loads(line)
        if "return" in answer:
            return answer["return"]
        if "error" in answer:
            raise LabError(f"QEMU refuses {command}: {answer['error'].get('desc')}")
    raise LabError(f"QEMU hung up before it answered {command}")
