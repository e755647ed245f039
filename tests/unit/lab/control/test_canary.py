# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary's image is built once for each recipe; without a lab there is nowhere to bring it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.control import canary
from lab.control.state import ROOT
from lab.control.topology import LabError, load


@pytest.fixture
def built(tmp_path, monkeypatch):
    """The images that were built, in a cache of this test's own."""
    images: list[Path] = []

    def run(command, timeout):
        assert command[0] == str(ROOT / "scripts" / "canary-image")
        images.append(Path(command[1]))
        images[-1].write_text("image")

    monkeypatch.setattr(canary, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(canary, "run", run)
    return images


def test_an_image_is_built_once(built):
    path = canary.image()
    assert canary.image() == path and built == [path]


def test_another_recipe_takes_the_place_of_the_old_one(built, tmp_path, monkeypatch):
    old = canary.image()
    init = tmp_path / "canary-init"
    init.write_text("#!/bin/busybox sh\n")
    monkeypatch.setattr(canary, "RECIPE", (canary.RECIPE[0], init))
    new = canary.image()
    assert built == [old, new] and list(canary.CACHE.iterdir()) == [new]


def test_without_a_lab_there_is_no_template(monkeypatch):
    monkeypatch.setattr(canary.namespaces, "exists", lambda: False)
    with pytest.raises(LabError, match="the lab is not up"):
        canary.bring(load(ROOT / "lab" / "topology.yml"), Path("canary.qcow2"))
