# SPDX-License-Identifier: GPL-3.0-or-later
"""The base image, the management image and the package pool: built once, and again when their recipe changes."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import yaml

from . import namespaces, podman
from .shell import run, say
from .state import CACHE, ROOT
from .topology import PREFIX, LabError

RECIPE = ROOT / "lab" / "image"
RELEASES = ("bookworm", "trixie")  # Debian 12 and 13; RELEASE=trixie chooses, for hosts of the lab and of molecule
OWN = RELEASES[0]  # what the management node runs, whatever the hosts run
IMAGES = "localhost/cslab/"
ROOMS = Path("/var/lib/cslab-beside")  # of scripts/beside, whose labs use these images too
APT_SOURCE = "10.88.0.254:8081/debian"  # where bare hosts get Debian's packages from: the management node
# Units that make no sense without hardware or without loadable modules.
MASKED = [
    "systemd-udev-trigger.service", "systemd-modules-load.service", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "run-rpc_pipefs.mount", "dev-hugepages.mount",
    "rng-tools-debian.service",
]  # fmt: skip


def release() -> str:
    """Codename of the Debian release that hosts run. Raises LabError for one that the lab does not know."""
    chosen = os.environ.get("RELEASE") or RELEASES[0]
    if chosen not in RELEASES:
        raise LabError(f"RELEASE={chosen}: expected {' or '.join(RELEASES)}")
    return chosen


def packages(of: str = "") -> dict[str, list[str]]:
    """The parts of packages.yml, with the names that a release has, by default the chosen one."""
    parts = yaml.safe_load((RECIPE / "packages.yml").read_text())
    renamed = parts.pop("renamed").get(of or release(), {})
    return {part: [renamed.get(name, name) for name in names] for part, names in parts.items()}


def base_hash(of: str = "") -> str:
    """Changes when what is downloaded changes: the base image's and the pool's packages. `of` is a release, by default
    the chosen one."""
    return _digest([RECIPE / "build-base", RECIPE / "packages.yml"], of or release())


def recipe_hash(of: str = "") -> str:
    """Changes when anything that the images are made of changes."""
    return _digest([*(path for path in sorted(RECIPE.rglob("*")) if path.is_file()), Path(__file__)], of or release())


def _digest(paths: list[Path], more: str) -> str:
    digest = hashlib.sha256(more.encode())
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def host_image(of: str = "") -> str:
    """Name of the image that bare hosts boot."""
    return f"{IMAGES}host:{recipe_hash(of)}"


def management_image() -> str:
    """Name of the image that the management node boots."""
    return f"{IMAGES}management:{recipe_hash(OWN)}"


def pool(of: str = "") -> Path:
    """The folder of Debian packages that hosts may install."""
    return CACHE / base_hash(of) / "pool"


def cloudstack_repository() -> Path:
    """The folder of the stand-in CloudStack packages."""
    return CACHE / "cloudstack"


def build() -> None:
    """Make what is missing."""
    namespaces.create()
    _forget_old()
    for each in sorted({OWN, release()}):
        base = _base(each)
        if not podman.image_exists(host_image(each)):
            say(f"host image, {each}")
            _host_image(base, host_image(each))
    if not podman.image_exists(management_image()):
        say("management image")
        _management_image(packages(OWN)["management"])
    build_cloudstack_packages()


def _base(of: str) -> Path:
    """The tarball of a release's bare root; made, with the pool, where it is missing."""
    base, parts = CACHE / base_hash(of) / "base.tar", packages(of)
    if not (pool(of) / "Release").exists() or not base.exists():
        say(f"base image: Debian {of} and the package pool (about a minute)")
        shutil.rmtree(base.parent, ignore_errors=True)
        base.parent.mkdir(parents=True)
        later = sorted({name for part in ("guests", "hosts", "management", "networks") for name in parts[part]})
        run(
            [str(RECIPE / "build-base"), of, str(base), str(pool(of)), " ".join(parts["base"]), " ".join(later)],
            timeout=1800,
        )
    return base


def _forget_old() -> None:
    """Remove what earlier recipes left, unless nodes of theirs may be there: the machine's, or those of a room."""
    rooms = (path for path in ROOMS.glob("*") if path.is_dir())
    if os.environ.get("BESIDE") or podman.containers(f"{PREFIX}-") or any(rooms):
        return
    folders = {cloudstack_repository(), *(CACHE / base_hash(each) for each in RELEASES)}
    for folder in CACHE.glob("*"):
        if folder not in folders:
            shutil.rmtree(folder)
    keep = {management_image(), *(name for each in RELEASES for name in (host_image(each), f"{host_image(each)}-base"))}
    for image in podman.images(IMAGES):
        if image not in keep:
            podman.podman("rmi", "-f", image)


def make_host_image() -> None:
    """The image of the chosen release alone, where base and pool are there."""
    _host_image(_base(release()), host_image())


def build_cloudstack_packages() -> None:
    """The stand-in cloudstack-common and cloudstack-agent, built again when their sources change."""
    sources = ROOT / "lab" / "packages"
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(sources)).encode() + path.read_bytes())
    target, mark = cloudstack_repository(), cloudstack_repository() / ".sources"
    if mark.exists() and mark.read_text() == digest.hexdigest():
        return
    say("stand-in CloudStack packages")
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():  # emptied, not removed: the management node has this folder mounted
        old.unlink() if old.is_file() else shutil.rmtree(old)
    run(["python3", str(sources / "build.py"), str(target)])
    mark.write_text(digest.hexdigest())


def _host_image(base: Path, image: str) -> None:
    podman.podman("import", "--quiet", str(base), f"{image}-base")
    name = podman.podman("create", "--pull", "never", f"{image}-base", "/bin/true").stdout.strip()
    try:
        root = podman.podman("mount", name).stdout.strip()
        _finish_root(root)
        podman.podman("umount", name)
        podman.podman(
            "commit", "--quiet", "--change", 'CMD ["/sbin/lab-init"]', "--change", "STOPSIGNAL SIGRTMIN+3", "--change",
            "ENV container=podman",
            name, image,
        )  # fmt: skip
    finally:
        podman.podman("rm", "-f", name)


def _finish_root(root: str) -> None:
    """Make a container's root file system boot like a host's. Seen from the lab's mount namespace."""
    script = f"""
install -m 755 {RECIPE}/lab-init {root}/sbin/lab-init
for unit in {" ".join(MASKED)}; do ln -sf /dev/null {root}/etc/systemd/system/$unit; done
cp -r --remove-destination {RECIPE}/root/. {root}/
"""
    run(namespaces.inside("sh", "-ec", script))


def _management_image(names: list[str]) -> None:
    name = "cslab-build-management"
    podman.podman("rm", "-f", "-i", name)
    podman.podman(
        "create", "--name", name, "--pull", "never", "--network", "none", *podman.BOOT_OPTIONS, "-v",
        f"{pool(OWN)}:/pool:ro", host_image(OWN)
    )  # fmt: skip
    try:
        podman.podman("start", name)
        podman.wait_for_systemd(name)
        script = f"""
echo 'deb [trusted=yes] file:/pool ./' > /etc/apt/sources.list
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends {" ".join(names)}
: > /etc/apt/sources.list
rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_*
: > /etc/machine-id
"""
        podman.podman("exec", name, "sh", "-ec", script)
        podman.podman("stop", "-t", "5", name)
        podman.podman("commit", "--quiet", name, management_image())
    finally:
        podman.podman("rm", "-f", "-t", "0", name)
