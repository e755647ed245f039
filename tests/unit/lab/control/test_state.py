# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and secrets are made once, whoever asks for them at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.control import state as module
from lab.control.state import State
from lab.control.topology import LabError


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_key_that_many_ask_for_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    made = []

    def generate(path: Path, comment: str, kind: str) -> None:
        made.append(path)
        path.with_suffix(".pub").write_text("public")
        path.with_suffix(".new").write_text("private")
        path.with_suffix(".new").rename(path)  # as _generate_key: whole, or not there

    monkeypatch.setattr(module, "_generate_key", generate)
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: State(tmp_path).key("hostkeys/host1", kind).read_text(), range(32)))
    assert (made, set(read)) == ([tmp_path / "ssh" / "hostkeys" / "host1"], {"private"})


def test_a_secret_that_many_ask_for_is_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        read = set(pool.map(lambda _: State(tmp_path).secret("api_key", 86), range(32)))
    assert len(read) == 1 and len(read.pop()) == 86


@pytest.mark.parametrize(("kind", "head"), [("ed25519", "ssh-ed25519"), ("ecdsa", "ecdsa-sha2-nistp256")])
def test_a_key_pair_is_whole(tmp_path: Path, kind: str, head: str) -> None:
    path = State(tmp_path).key("management", kind)
    assert path.read_text().startswith("-----BEGIN") and path.stat().st_mode & 0o777 == 0o600
    assert path.with_suffix(".pub").read_text().startswith(head)
    assert sorted(each.name for each in path.parent.iterdir()) == ["management", "management.pub"]


def test_a_key_that_was_cut_off_half_way_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(command: list[str]) -> None:
        Path(command[-1]).with_suffix(".pub").write_text("half")
        raise LabError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(module, "run", cut_off)
        with pytest.raises(LabError):
            State(tmp_path).key("id_ed25519")
    assert State(tmp_path).key("id_ed25519").with_suffix(".pub").read_text().startswith("ssh-ed25519")
