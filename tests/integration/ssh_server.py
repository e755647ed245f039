# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server on the loopback interface whose commands run in a shell with programs of the test in front of the
path."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from pathlib import Path

import paramiko


class _Rules(paramiko.ServerInterface):
    """Who may log in, and what a command does."""

    def __init__(self, server: SshServer) -> None:
        self._server = server

    def get_allowed_auths(self, username):
        return ",".join(["publickey", *(["password"] if self._server.password else [])])

    def check_auth_publickey(self, username, key):
        known = self._server.key is not None and key.asbytes() == self._server.key.asbytes()
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL if password == self._server.password else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def _run(self, channel, command):
        self._server.commands.append(command)
        env = {
            **os.environ,
            "PATH": f"{self._server.programs}:{os.environ['PATH']}",
            "PROGRAMS": str(self._server.programs),
        }
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, env=env)
        channel.sendall(done.stdout)
        channel.sendall_stderr(done.stderr)
        channel.send_exit_status(done.returncode)
        channel.close()


class SshServer:
    """`key`: the one public key that may log in. `password`: the one password, None where none may be used. `options`:
    what the server's transport may negotiate, by the names of paramiko's SecurityOptions."""

    def __init__(self, programs: Path, key=None, password=None, **options) -> None:
        self.programs, self.key, self.password, self.options = programs, key, password, options
        self.commands: list[str] = []
        self._transports: list[paramiko.Transport] = []
        self._host_key = paramiko.ECDSAKey.generate()

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()
        self._thread.join(10)
        for transport in self._transports:
            transport.close()

    def _accept(self):
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(raw)
            transport.add_server_key(self._host_key)
            for name, values in self.options.items():
                setattr(transport.get_security_options(), name, values)
            self._transports.append(transport)
            transport.start_server(event=threading.Event(), server=_Rules(self))

    def program(self, name: str, text: str) -> None:
        """A program of the host."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
