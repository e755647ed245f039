# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release the lab's nodes run, and what that changes."""

from __future__ import annotations

import pytest

from lab.control import images
from lab.control.topology import LabError


@pytest.mark.parametrize(
    "chosen, java",
    [("", "openjdk-17-jre-headless"), ("bookworm", "openjdk-17-jre-headless"), ("trixie", "openjdk-21-jre-headless")],
)
def test_packages_have_the_names_of_the_release(monkeypatch, chosen, java):
    monkeypatch.setenv("RELEASE", chosen)
    names = images.packages()
    assert [name for name in names["hosts"] if "openjdk" in name] == [java]
    assert "renamed" not in names


def test_each_release_has_images_and_packages_of_its_own(monkeypatch):
    monkeypatch.setenv("RELEASE", "trixie")
    assert images.host_image() == images.host_image("trixie") != images.host_image("bookworm")
    assert images.management_image() == f"{images.IMAGES}management:{images.recipe_hash('bookworm')}", (
        "the management node's own"
    )
    assert images.base_hash() == images.base_hash("trixie") != images.base_hash("bookworm")


def test_another_release_is_refused(monkeypatch):
    monkeypatch.setenv("RELEASE", "sid")
    with pytest.raises(LabError, match="RELEASE=sid: expected bookworm or trixie"):
        images.release()
