# SPDX-License-Identifier: GPL-3.0-or-later
"""The new password is on the disk before it is used, and only its owner reads it."""

from __future__ import annotations

import stat

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.password_file import (
    KINDS,
    LENGTH,
    PasswordFile,
    new_password,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, OperationFailed


@pytest.fixture
def file(tmp_path):
    return PasswordFile(str(tmp_path / "kvm01"))


def test_life_of_a_password(file, tmp_path):
    first = file.begin()
    pending = tmp_path / "kvm01.pending"
    assert stat.S_IMODE(pending.stat().st_mode) == 0o600
    assert (pending.read_text(), file.is_finished()) == (f"{first}\n", False)
    assert file.begin() == first, "a rotation in progress goes on with its password"
    file.finish()
    assert (file.is_finished(), file.finished(), sorted(each.name for each in tmp_path.iterdir())) == (
        True,
        first,
        ["kvm01"],
    )


def test_given_up(file):
    first = file.begin()
    file.give_up()
    assert not file.is_finished()
    assert file.begin() != first


def test_every_bmc_takes_it():
    for _ in range(200):
        password = new_password()
        assert len(password) == LENGTH
        assert all(any(each in kind for each in password) for kind in KINDS)
        assert not set(password) - set("".join(KINDS))


def test_others_can_read_it(file, tmp_path):
    file.begin()
    (tmp_path / "kvm01.pending").chmod(0o640)
    with pytest.raises(InputError, match="mode 0640"):
        file.begin()


def test_empty(file, tmp_path):
    (tmp_path / "kvm01.pending").touch(0o600)
    with pytest.raises(InputError, match="is empty"):
        file.begin()


def test_no_folder(tmp_path):
    with pytest.raises(OperationFailed, match="nothing was changed"):
        PasswordFile(str(tmp_path / "missing" / "kvm01")).begin()
