# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what it made: keys, generated secrets, staged faults. Everything below one folder, mode 700."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import string
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .shell import run

ROOT = Path(__file__).resolve().parents[2]
# Shared by all checkouts on a machine, because building takes minutes: package pool and the tarball behind the image.
CACHE = Path(os.environ.get("LAB_CACHE", "/var/cache/cslab"))
RUN = Path("/run/cslab")


def _generate_key(path: Path, comment: str, kind: str) -> None:
    """Make a key pair. The private half comes last: where it is, the pair is whole."""
    options = ["-b", "256", "-m", "PEM"] if kind == "ecdsa" else ["-m", "RFC4716"]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        new = Path(folder) / "key"
        run(["ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", comment, "-f", str(new)])
        new.with_suffix(".pub").replace(path.with_suffix(".pub"))
        new.replace(path)


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
        letters = string.ascii_letters + string.digits
        path = self.path("secrets", name)
        self._once(path, lambda: self.write(path, "".join(secrets.choice(letters) for _ in range(length)) + "\n"))
        return path.read_text().strip()

    def write(self, path: Path, text: str) -> None:
        """Write a file that only its owner may read. Whoever reads it meanwhile sees all of the old text or all of the
        new."""
        number, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
        with os.fdopen(number, "w") as stream:
            stream.write(text)
        os.replace(new, path)

    def key(self, name: str, kind: str = "ed25519") -> Path:
        """An SSH key pair, the same at every call; the path of the private half."""
        path = self.path("ssh", name)
        self._once(path, lambda: _generate_key(path, f"lab {name}", kind))
        return path

    def _once(self, path: Path, make: Callable[[], None]) -> None:
        """Make a file that is missing. Two labctl, or two nodes that boot side by side, wait for one another."""
        if not path.exists():
            with self._locked():
                if not path.exists():
                    make()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.path(".lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def load(self, name: str, default: Any) -> Any:
        """A JSON value of the state folder."""
        path = self.path(name)
        return json.loads(path.read_text()) if path.exists() else default

    def save(self, name: str, value: Any) -> None:
        """Keep a JSON value."""
        self.write(self.path(name), json.dumps(value, indent=1) + "\n")
