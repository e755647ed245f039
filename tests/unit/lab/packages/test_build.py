# SPDX-License-Identifier: GPL-3.0-or-later
"""The built packages: two versions, an apt index, and files where the real packages have them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.unit.lab.packages import load

TOOLS = ("dpkg-deb", "apt-ftparchive")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, TOOLS)), reason=f"needs {' and '.join(TOOLS)} (Debian: dpkg, apt-utils)"
)
UNIT = "lib/systemd/system/cloudstack-agent.service"
WANTED = [
    "Requires=libvirtd.service",
    "After=libvirtd.service",
    "EnvironmentFile=/etc/default/cloudstack-agent",
    "ExecStartPre=/usr/share/cloudstack-common/scripts/installer/pre-check.sh",
    "Restart=always",
    "RestartSec=10s",
    "StandardOutput=append:/var/log/cloudstack/agent/agent.out",
    "StandardError=append:/var/log/cloudstack/agent/agent.err",
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    out = tmp_path_factory.mktemp("repository")
    subprocess.run(["python3", load.PACKAGES / "build.py", out], check=True)
    return out


def listing(repository, package):
    text = subprocess.run(["dpkg-deb", "-c", repository / package], check=True, capture_output=True, text=True).stdout
    return {line.split()[5].removeprefix("./"): line.split()[0] for line in text.splitlines()}


def test_two_versions_are_indexed_so_that_a_pin_means_something(repository):
    text = (repository / "Packages").read_text()
    found = [line for line in text.splitlines() if line.startswith(("Package:", "Version:"))]
    assert sorted(zip(found[::2], found[1::2])) == [
        (f"Package: cloudstack-{name}", f"Version: {version}")
        for name in ("agent", "common")
        for version in ("4.22.0.0", "4.22.1.0")
    ]
    assert "cloudstack-common (= 4.22.1.0)" in text
    assert "Packages.gz" in (repository / "Release").read_text()


def test_configuration_files_and_entry_points_have_the_modes_of_the_real_ones(repository):
    files = listing(repository, "cloudstack-agent_4.22.1.0_all.deb")
    conffiles = subprocess.run(
        ["dpkg-deb", "-I", repository / "cloudstack-agent_4.22.1.0_all.deb", "conffiles"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert {"agent.properties", "environment.properties", "log4j-cloud.xml", "uefi.properties"} <= {
        path.rpartition("/")[2] for path in conffiles
    }
    assert {files[path.lstrip("/")] for path in conffiles} == {"-rw-r--r--"}
    assert (
        files["usr/bin/cloudstack-setup-agent"]
        == files["usr/share/cloudstack-agent/lib/libvirtqemuhook"]
        == "-rwxr-xr-x"
    )
    common = listing(repository, "cloudstack-common_4.22.1.0_all.deb")
    scripts = ("util/keystore-setup", "util/keystore-cert-import", "installer/pre-check.sh")
    assert {common[f"usr/share/cloudstack-common/scripts/{name}"] for name in scripts} == {"-rwxr-xr-x"}


def test_the_unit_is_that_of_the_capture_but_for_the_program(repository, tmp_path):
    subprocess.run(["dpkg-deb", "-x", repository / "cloudstack-agent_4.22.1.0_all.deb", tmp_path], check=True)
    unit = [line for line in (tmp_path / UNIT).read_text().splitlines() if line and not line.startswith("#")]
    for line in WANTED:
        assert line in unit


def test_each_version_says_its_own(repository, tmp_path):
    for version in ("4.22.0.0", "4.22.1.0"):
        target = tmp_path / version
        subprocess.run(["dpkg-deb", "-x", repository / f"cloudstack-agent_{version}_all.deb", target], check=True)
        text = (target / "usr/share/cloudstack-agent/lib/cloudstack_agent/__init__.py").read_text()
        assert f'VERSION = "{version}"' in text
        assert not list(target.rglob("__pycache__"))
