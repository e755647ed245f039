# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the agent's log for a way that is barred, against those of a real agent."""

from __future__ import annotations

import errno
import socket

import pytest

from tests.unit.lab.packages import load

CONNECTION = load.agent("connection")


@pytest.fixture
def written(monkeypatch):
    lines = []
    monkeypatch.setattr(
        CONNECTION.log,
        "write",
        lambda level, source, text, thread="main": lines.append(f"{level:<5} [{source}] ({thread}:[]) (logid:) {text}"),
    )
    return lines


def fail(monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(CONNECTION.socket, "create_connection", refuse)


@pytest.mark.parametrize(
    ("error", "server", "capture"),
    [
        (OSError(errno.ENETUNREACH, "x"), "192.0.2.2", "kvm_host/agent.log"),
        (OSError(errno.ETIMEDOUT, "x"), "10.88.0.254", "join/mgmt-8250-dropped.txt"),
        (socket.timeout("timed out"), "10.88.0.254", "join/mgmt-8250-dropped.txt"),
    ],
)
def test_each_line_stands_in_the_capture(monkeypatch, written, error, server, capture):
    fail(monkeypatch, error)
    with pytest.raises(CONNECTION.NotConnected):
        CONNECTION.once(server, 8250, "word")
    text = (load.FIXTURES / capture).read_text()
    closing = "INFO  [utils.nio.NioClient] (main:[]) (logid:) NioClient connection closed"
    assert [line for line in written if line != closing and line not in text] == []
    assert len(written) == 4


def test_a_stale_keystore_is_told_in_the_captured_words(monkeypatch, written):
    monkeypatch.setattr(CONNECTION, "keystore_problem", lambda _: "keystore password was incorrect")
    monkeypatch.setattr(CONNECTION.socket, "create_connection", lambda *_, **__: socket.socket())
    with pytest.raises(CONNECTION.NotConnected, match="keystore password was incorrect"):
        CONNECTION.once("10.88.0.254", 8250, "word")
    text = (load.FIXTURES / "join" / "stale-jks-other-pass.txt").read_text()
    assert [line for line in written if line not in text] == []


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "java.net.ConnectException: Connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "java.net.NoRouteToHostException: No route to host"),
        (socket.gaierror(-2, "x"), "java.net.UnknownHostException: Name or service not known"),
        (OSError("keystore password was incorrect"), "java.io.IOException: keystore password was incorrect"),
    ],
)
def test_names_as_java_has_them(error, name):
    assert CONNECTION.java_name(error) == name
