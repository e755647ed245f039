#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""build.py OUTDIR: build the stand-in packages in two versions and index OUTDIR as a flat apt repository."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VERSIONS = ("4.22.0.0", "4.22.1.0")  # two, so that pinning means something
PACKAGES = ("cloudstack-common", "cloudstack-agent")


def build(package: str, version: str, out: Path) -> Path:
    """One .deb. Modes come from git: executable or not; what must be stricter is set by the package's own scripts."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        tree.chmod(0o755)
        shutil.copytree(HERE / package / "root", tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        control = tree / "DEBIAN"
        shutil.copytree(HERE / package / "debian", control)
        text = (control / "control").read_text().replace("@VERSION@", version)
        (control / "control").write_text(
            "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
        )
        for path in tree.rglob("*"):
            if path.is_file():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
                if path.suffix in (".py", "") and control not in path.parents:
                    _stamp(path, version)
            elif path.is_dir():
                path.chmod(0o755)
        target = out / f"{package}_{version}_all.deb"
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", tree, target],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return target


def _stamp(path: Path, version: str) -> None:
    text = path.read_text()
    if "@VERSION@" in text:
        path.write_text(text.replace("@VERSION@", version))


def index(out: Path) -> None:
    """Packages, Packages.gz and Release."""
    listed = subprocess.run(["apt-ftparchive", "packages", "."], cwd=out, check=True, capture_output=True).stdout
    (out / "Packages").write_bytes(listed)
    (out / "Packages.gz").write_bytes(gzip.compress(listed))
    options = [
        "-o",
        "APT::FTPArchive::Release::Origin=cloudstack-lab",
        "-o",
        "APT::FTPArchive::Release::Label=cloudstack-lab",
    ]
    release = subprocess.run(
        ["apt-ftparchive", *options, "release", "."], cwd=out, check=True, capture_output=True
    ).stdout
    (out / "Release").write_bytes(release)


def main() -> None:
    """Entry point."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for version in VERSIONS:
        for package in PACKAGES:
            build(package, version, out)
    index(out)


if __name__ == "__main__":
    main()
