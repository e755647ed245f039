# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation is killed at each step, and loses each answer: one password works, CloudStack has it, the next run ends
well. The cloud here answers as recorded/oobm.json does."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client import password_file
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.password_file import PasswordFile
from ansible_collections.cloudstack.kvm.plugins.module_utils.bmc.client.rotation import Rotation
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.cloudstack import NoAnswer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApiError

OLD = "planted-old1"
AUTH = (
    'Out-of-band Management action [STATUS] on Host {"id":1} failed due to authentication error: Loading IANA PEN'
    " Registry...\n> RAKP 2 HMAC is invalid\nError: Unable to establish IPMI v2 / RMCP+ session\n. Please check"
    " configured credentials."
)
SILENT = "... failed with error: Get Auth Capabilities error\nError: Unable to establish IPMI v2 / RMCP+ session\n"


class Killed(BaseException):
    """The controller dies here."""


class Cloud:
    """CloudStack and one BMC. `steps` counts what is done to the world; `kill_at` and `lose_at` are such numbers."""

    def __init__(self, kill_at=None, lose_at=None):
        self.bmc = self.stored = OLD
        self.kill_at, self.lose_at = kill_at, lose_at
        self.steps, self.calls = 0, []
        self.refuses, self.silent, self.locked = False, False, False

    def step(self):
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed
        if self.steps == self.lose_at:
            raise NoAnswer("no answer", observed="lost")

    def call(self, command, **params):
        assert command == "configureOutOfBandManagement"
        self.calls.append(command)
        self.step()
        self.stored = params["password"]
        self.step()
        return {}

    def job(self, command, **params):
        self.calls.append(command)
        self.step()
        if self.silent:
            raise ApiError("refused", code=530, text=SILENT)
        if self.locked or self.stored != self.bmc:
            text = AUTH if command.startswith("issue") else self.leaking()
            raise ApiError("refused", code=530, text=text)
        if command == "changeOutOfBandManagementPassword":
            if self.refuses:
                raise ApiError("refused", code=530, text=f"Failed to change ... -P {self.stored} user set: {AUTH}")
            self.bmc = params["password"][:16]
            self.step()  # the server may die here, between the BMC and its own database
            self.stored = params["password"]
            self.step()
            return {"outofbandmanagement": {"status": True}}
        return {"outofbandmanagement": {"powerstate": "On"}}

    def leaking(self):
        """As recorded: the command line with the password in clear."""
        return (
            f"Failed to find IPMI user [ADMIN]. Command [/usr/bin/ipmitool -P {self.stored} user list], error [{AUTH}]"
        )


@pytest.fixture
def file(tmp_path):
    return PasswordFile(str(tmp_path / "kvm01"))


@pytest.fixture
def killable_file(file, monkeypatch):
    """Writing and renaming the file are steps too."""

    def arm(cloud):
        for name in ("_write", "_sync_folder"):
            real = getattr(password_file, name)

            def stepping(*args, real=real):
                cloud.step()
                real(*args)
                cloud.step()

            monkeypatch.setattr(password_file, name, stepping)
        return file

    return arm


def rotate(cloud, file):
    record = {
        "id": "h1",
        "ipaddress": "192.0.2.11",
        "outofbandmanagement": {"driver": "ipmitool", "address": "198.51.100.11", "port": "623", "username": "ADMIN"},
    }
    Rotation(cloud, record, OLD, file).run()


def finished(cloud, file):
    return cloud.bmc == cloud.stored == file.finished() != OLD and file.is_finished()


def test_undisturbed(file):
    cloud = Cloud()
    rotate(cloud, file)
    assert finished(cloud, file)
    power = "issueOutOfBandManagementPowerAction"
    assert cloud.calls == [power, "changeOutOfBandManagementPassword", power]


@pytest.mark.parametrize("kill_at", range(1, 20))
def test_killed_at_each_step(kill_at, file, killable_file, monkeypatch):
    cloud = Cloud(kill_at=kill_at)
    try:
        rotate(cloud, killable_file(cloud))
    except Killed:
        monkeypatch.undo()
        kept = file.begin() if not file.is_finished() else file.finished()
        assert cloud.bmc in (OLD, kept), "the BMC has a password that nobody knows"
        if not file.is_finished():
            rotate(cloud, file)
    assert finished(cloud, file)


def test_there_are_no_more_steps(file, killable_file):
    cloud = Cloud()
    rotate(cloud, killable_file(cloud))
    assert 5 < cloud.steps < 20


@pytest.mark.parametrize("server_dies_at", [1, 2, 3, 4, 5])
def test_answers_get_lost(server_dies_at, file):
    cloud = Cloud(lose_at=server_dies_at)
    try:
        rotate(cloud, file)
    except NoAnswer:
        assert not file.is_finished()
        rotate(cloud, file)
    assert finished(cloud, file)


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(range(1, 14, 2), 2)))
def test_killed_twice(first, second, file, killable_file, monkeypatch):
    cloud = Cloud(kill_at=first)
    armed = killable_file(cloud)
    for kill_at in (second, None):
        try:
            if not file.is_finished():
                rotate(cloud, armed)
        except Killed:
            cloud.kill_at = kill_at
    monkeypatch.undo()
    if not file.is_finished():
        rotate(cloud, file)
    assert finished(cloud, file)


def test_a_bmc_that_refuses_the_new_password_keeps_the_old_one(file):
    cloud = Cloud()
    cloud.refuses = True
    with pytest.raises(ApiError) as caught:
        rotate(cloud, file)
    assert "did not take a new password" in str(caught.value)
    assert OLD not in str(caught.value)
    assert cloud.bmc == cloud.stored == OLD
    cloud.refuses = False
    rotate(cloud, file)
    assert finished(cloud, file)


def test_a_silent_bmc_changes_nothing(file):
    cloud = Cloud()
    cloud.silent = True
    with pytest.raises(ApiError, match="does not answer the management server"):
        rotate(cloud, file)
    assert cloud.bmc == cloud.stored == OLD
    assert set(cloud.calls) == {"issueOutOfBandManagementPowerAction"}


def test_a_locked_account_is_told_and_survives(file):
    cloud = Cloud()
    cloud.locked = True
    with pytest.raises(ApiError) as caught:
        rotate(cloud, file)
    assert "refuses the declared password" in str(caught.value)
    assert "and the new one" not in str(caught.value), "it was never sent"
    assert "locks an account" in str(caught.value)
    assert cloud.stored == OLD, "CloudStack is left with what was declared"
    cloud.locked = False
    rotate(cloud, file)
    assert finished(cloud, file)


def test_a_password_that_is_wrong_in_cloudstack_only_is_corrected_with_one_try(file):
    cloud = Cloud()
    cloud.stored = "wrong-one"
    rotate(cloud, file)
    assert finished(cloud, file)
    assert cloud.calls.count("configureOutOfBandManagement") == 1
