# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of what only a real kernel can do: read from a host's answers, complete or not."""

from __future__ import annotations

import json

import pytest

from lab.vm import proof

POOL = {
    "target": "/mnt/1f0c3b6e-2f43-3a6a-9f0e-0d8a1c1d7a55",
    "source": "10.88.2.254:/export/primary",
    "fstype": "nfs4",
    "options": "rw",
}
TRACKING = "0A5800FE,10.88.0.254,3,1764062000.1,0.000012345,0.0,0.0,1.0,0.0,0.1,0.001,0.001,64.2,Normal"


def answer(
    *, kvm: str = "kvm", libvirt: str = "libvirt-kvm", tracking: str = TRACKING, mounts: list[dict] | None = None
) -> str:
    found = json.dumps({"filesystems": [POOL] if mounts is None else mounts}, indent=3) if mounts != [] else "{}"
    return "\n".join(["6.1.0-56-amd64", kvm, libvirt, tracking, found]) + "\n"


def test_a_host_that_has_everything_lacks_nothing() -> None:
    found = proof.parse(answer())
    assert found.lacks() == []
    assert found.kernel == "6.1.0-56-amd64"
    assert found.offset_s == pytest.approx(0.000012345)
    assert "10.88.2.254:/export/primary on /mnt/1f0c3b6e-2f43-3a6a-9f0e-0d8a1c1d7a55 type nfs4" in proof.report(
        "host1", found
    )


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"kvm": "no-kvm"}, "/dev/kvm"),
        ({"libvirt": "no-libvirt-kvm"}, "KVM domains in libvirt"),
        ({"tracking": "no-chrony"}, "a clock that follows"),
        ({"tracking": "7F7F0101,,0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,0.0,Not synchronised"}, "a clock that follows"),
        ({"tracking": TRACKING.replace("0.000012345", "-0.31")}, "a clock that follows"),
        ({"mounts": []}, "primary storage mounted"),
        ({"mounts": [{**POOL, "target": "/mnt/backup"}]}, "primary storage mounted"),
    ],
)
def test_what_is_missing_is_named(given: dict, lacking: str) -> None:
    found = proof.parse(answer(**given))
    assert [what for what in found.lacks() if what.startswith(lacking)], found
    assert len(found.lacks()) == 1
    assert f"MISSING: {lacking}" in proof.report("host1", found)


def test_a_mount_below_another_one_is_found() -> None:
    outer = {"target": "/srv", "source": "other:/srv", "fstype": "nfs4", "options": "rw", "children": [POOL]}
    assert [mount.target for mount in proof.parse(answer(mounts=[outer])).pools] == [POOL["target"]]


@pytest.mark.parametrize("text", ["", "6.1.0-56-amd64\nkvm\n"])
def test_an_answer_that_is_cut_off_is_no_proof(text: str) -> None:
    with pytest.raises(ValueError, match="five answers"):
        proof.parse(text)
