# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of options, environment and files of `cs` the client of a module is made from."""

from __future__ import annotations

import pytest
from ansible.module_utils.basic import AnsibleFallbackNotFound
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.client.api_options import (
    connect,
    from_configuration,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError

URL = "https://cloud.example.org/client/api"
GIVEN = {"api_url": URL, "api_key": "key", "api_secret": "planted", "api_timeout": None, "api_verify": None}
FILE = f"[cloudstack]\nendpoint = {URL}\nkey = file-key\nsecret = planted\nverify = false\nheader_x_team = kvm\n"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A home and a folder that are empty, and an environment without any setting of `cs`."""
    for name in ("ENDPOINT", "KEY", "SECRET", "CONFIG", "REGION", "VERIFY", "TIMEOUT"):
        monkeypatch.delenv(f"CLOUDSTACK_{name}", raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({}, {}, {"timeout": 900, "job_timeout": 900, "poll_interval": 2.0, "verify": True}),
        ({}, {"CLOUDSTACK_TIMEOUT": "30"}, {"timeout": 30, "job_timeout": 900}),
        (
            {},
            {"CLOUDSTACK_JOB_TIMEOUT": "60", "CLOUDSTACK_POLL_INTERVAL": "0.5"},
            {"job_timeout": 60, "poll_interval": 0.5},
        ),
        ({"api_timeout": 120}, {"CLOUDSTACK_TIMEOUT": "30"}, {"timeout": 120, "job_timeout": 120}),
        ({}, {"CLOUDSTACK_VERIFY": "false"}, {"verify": False}),
        ({}, {"CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY": "1"}, {"verify": False}),
        ({}, {"CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY": "1", "CLOUDSTACK_VERIFY": "true"}, {"verify": True}),
        ({"api_verify": "no"}, {"CLOUDSTACK_VERIFY": "true"}, {"verify": False}),
        ({"api_verify": ""}, {"CLOUDSTACK_VERIFY": "off"}, {"verify": False}),
        ({}, {"CLOUDSTACK_METHOD": "get", "CLOUDSTACK_TRACE": "1", "CLOUDSTACK_THEME": "x"}, {"more": {}}),
        ({}, {"CLOUDSTACK_RETRY": "2"}, {"more": {}}),  # it is meant for the server of another address
        (
            {},
            {"CLOUDSTACK_ENDPOINT": URL, "CLOUDSTACK_RETRY": "2", "CLOUDSTACK_EXPIRATION": "-1"},
            {"more": {"headers": {}, "retry": 2, "expiration": -1}},
        ),
    ],
)
def test_options_then_environment(options, environment, expected, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    access = connect({**GIVEN, **options}).access
    assert {name: getattr(access, name) for name in expected} == expected


def test_the_library_sends_by_post_whatever_its_settings_say(monkeypatch):
    monkeypatch.setenv("CLOUDSTACK_METHOD", "get")
    monkeypatch.setenv("CLOUDSTACK_TRACE", "true")
    api = connect(GIVEN)._api
    assert (api.method, api.trace) == ("post", False)


@pytest.mark.parametrize("name", ["home/.cloudstack.ini", "here/cloudstack.ini", "else/where.ini"])
def test_files(name, place, monkeypatch):
    path = place / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(FILE)
    monkeypatch.setenv("CLOUDSTACK_CONFIG", "../else/where.ini")
    assert [from_configuration(key) for key in ("endpoint", "key", "secret")] == [URL, "file-key", "planted"]
    access = connect(GIVEN).access
    assert (access.verify, access.more["headers"]) == (False, {"x_team": "kvm"})


def test_what_is_not_set_is_named_with_the_places():
    with pytest.raises(AnsibleFallbackNotFound):
        from_configuration("key")
    with pytest.raises(KvmError) as caught:
        connect({**GIVEN, "api_key": None, "api_secret": ""})
    for part in (
        "the credentials of the CloudStack API are not complete",
        "not set or empty: api_key (CLOUDSTACK_KEY), api_secret (CLOUDSTACK_SECRET); looked for in the environment",
        "the section [cloudstack] of ",
        "/home/.cloudstack.ini (not there), ",
        "/here/cloudstack.ini (not there)",
    ):
        assert part in str(caught.value)


def test_a_section_that_is_not_there(place, monkeypatch):
    (place / "home/.cloudstack.ini").write_text(FILE)
    monkeypatch.setenv("CLOUDSTACK_REGION", "geneva")
    with pytest.raises(KvmError, match=r"and there is no section \[geneva\] in them"):
        connect({**GIVEN, "api_key": None})


def test_files_are_not_read_where_the_environment_has_the_address(place, monkeypatch):
    (place / "home/.cloudstack.ini").write_text(FILE)
    monkeypatch.setenv("CLOUDSTACK_ENDPOINT", URL)
    with pytest.raises(KvmError, match=r"CLOUDSTACK_ENDPOINT is set: then `cs` reads none of its files"):
        connect({**GIVEN, "api_key": None})


@pytest.mark.parametrize(
    ("environment", "text", "words"),
    [
        ({}, "secret = planted\n", "cannot read {home}/.cloudstack.ini, line 1: a line stands before the first"),
        ({}, None, "cannot read {home}/.cloudstack.ini: Is a directory. Next: let the user that runs ansible-playbook"),
        ({"CLOUDSTACK_TIMEOUT": "soon"}, "", "CLOUDSTACK_TIMEOUT is not valid. Expected: a number from 1 up"),
        ({"CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY": "x"}, "", "CLOUDSTACK_DANGEROUS_NO_TLS_VERIFY is not valid"),
        ({"CLOUDSTACK_ENDPOINT": URL, "CLOUDSTACK_CERT": "/no.pem"}, "", "/no.pem: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_told_without_what_it_holds(environment, text, words, place, monkeypatch):
    path = place / "home/.cloudstack.ini"
    if text is None:
        path.mkdir()
    else:
        path.write_text(text)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(KvmError) as caught:
        connect(GIVEN)
    assert words.format(home=place / "home") in str(caught.value)
    assert "planted" not in str(caught.value)
