# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's control socket, played by a thread: answers, refusals, a QEMU that is gone."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from lab.control.topology import LabError
from lab.vm import qmp


def play(path: Path, answers: list[dict]) -> tuple[threading.Thread, list[dict]]:
    """Greets, then answers each command with an event and the next answer."""
    listener, heard = socket.socket(socket.AF_UNIX), []
    listener.bind(str(path))
    listener.listen(1)

    def serve() -> None:
        with listener, listener.accept()[0] as connection, connection.makefile("rw") as stream:
            stream.write('{"QMP": {}}\n')
            stream.flush()
            for given in answers:
                heard.append(json.loads(stream.readline()))
                stream.write('{"event": "RTC_CHANGE"}\n' + json.dumps(given) + "\n")
                stream.flush()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread, heard


def test_events_between_command_and_answer_are_passed_over(tmp_path: Path) -> None:
    thread, heard = play(tmp_path / "qmp", [{"return": {}}, {"return": {"status": "running"}}])
    assert qmp.execute(tmp_path / "qmp", "query-status", detail=True) == {"status": "running"}
    thread.join(5)
    assert heard == [
        {"execute": "qmp_capabilities", "arguments": {}},
        {"execute": "query-status", "arguments": {"detail": True}},
    ]


def test_a_refusal_names_the_command_and_the_reason(tmp_path: Path) -> None:
    thread, _ = play(tmp_path / "qmp", [{"return": {}}, {"error": {"class": "GenericError", "desc": "no such thing"}}])
    with pytest.raises(LabError, match="refuses nonsense: no such thing"):
        qmp.execute(tmp_path / "qmp", "nonsense")
    thread.join(5)


def test_a_qemu_that_hangs_up_is_no_success(tmp_path: Path) -> None:
    thread, _ = play(tmp_path / "qmp", [{"return": {}}])
    with pytest.raises(LabError, match="hung up|does not answer"):
        qmp.execute(tmp_path / "qmp", "quit")
    thread.join(5)


def test_no_qemu_at_all(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not answer"):
        qmp.execute(tmp_path / "qmp", "quit")
