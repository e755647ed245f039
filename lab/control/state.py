# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what it made: keys, generated secrets, staged faults. Everything below one folder, mode 700."""

from __future__ import annotations

import json
import os
import secrets
import string
from pathlib import Path
from typing import Any

from .shell import run

ROOT = Path(__file__).resolve().parents[2]
# Shared by all checkouts on a machine, because building takes minutes: package pool and the tarball behind the image.
CACHE = Path(os.environ.get("LAB_CACHE", "/var/cache/cslab"))
RUN = Path("/run/cslab")


class State:
    """The state folder: `.lab` in the checkout, or LAB_STATE."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(os.environ.get("LAB_STATE", ROOT / ".lab"))

    def path(self, *parts: str) -> Path:
        """A file of the state folder; its folder exists afterwards."""
        path = self.folder.joinpath(*parts)
        for parent in (self.folder, path.parent):
            parent.mkdir(parents=True, exist_ok=True)
            parent.chmod(0o700)
        return path

    def secret(self, name: str, length: int = 16) -> str:
        """A generated secret of letters and digits, the same at every call. A BMC takes at most 16 characters."""
        path = self.path("secrets", name)
        if not path.exists():
            letters = string.ascii_letters + string.digits
            self.write(path, "".join(secrets.choice(letters) for _ in range(length)) + "\n")
        return path.read_text().strip()

    def write(self, path: Path, text: str) -> None:
        """Write a file that only its owner may read."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text)

    def key(self, name: str, kind: str = "ed25519") -> Path:
        """An SSH key pair; the path of the private half."""
        path = self.path("ssh", name)
        if not path.exists():
            bits = ["-b", "256"] if kind == "ecdsa" else []
            run(
                [
                    "ssh-keygen",
                    "-q",
                    "-t",
                    kind,
                    *bits,
                    "-m",
                    "PEM" if kind == "ecdsa" else "RFC4716",
                    "-N",
                    "",
                    "-C",
                    f"lab {name}",
                    "-f",
                    str(path),
                ]
            )
        return path

    def load(self, name: str, default: Any) -> Any:
        """A JSON value of the state folder."""
        path = self.path(name)
        return json.loads(path.read_text()) if path.exists() else default

    def save(self, name: str, value: Any) -> None:
        """Keep a JSON value."""
        self.write(self.path(name), json.dumps(value, indent=1) + "\n")
