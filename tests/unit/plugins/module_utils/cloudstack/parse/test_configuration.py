# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of `cs` is read as the library reads it; where it cannot be, the message quotes nothing of it."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.cloudstack.parse.configuration import (
    headers_of,
    is_true,
    merge,
    number,
    read_section,
    reads_files,
    section_of,
    truth,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError, ParseError
from cs.client import read_config

HOME = "[cloudstack]\nendpoint = https://home/client/api\nkey = home-key\nsecret = home%%secret\ntimeout = 30\n"
HERE = "[cloudstack]\nkey = here-key\nverify = /etc/own-ca.pem\nheader_x_team = kvm\nunknown = word\n"
NAMED = "[DEFAULT]\nsecret = named-secret\n[zurich]\nendpoint = https://zurich/client/api\nkey = zurich-key\n"
ALL = {"CLOUDSTACK_ENDPOINT": "https://env", "CLOUDSTACK_KEY": "env-key", "CLOUDSTACK_SECRET": "env-secret"}
# environment, and the texts of ~/.cloudstack.ini, ./cloudstack.ini and the file that CLOUDSTACK_CONFIG names
CASES = {
    "environment alone": (ALL, "", "", ""),
    "environment alone, files or not": ({**ALL, "CLOUDSTACK_VERIFY": "/env.pem"}, HOME, HERE, NAMED),
    "home": ({}, HOME, "", ""),
    "the file here counts more than that of home": ({}, HOME, HERE, ""),
    "files count more than the environment": ({"CLOUDSTACK_KEY": "env-key", "CLOUDSTACK_RETRY": "3"}, HOME, "", ""),
    "but for what is named": (
        {**ALL, "CLOUDSTACK_TIMEOUT": "5", "CLOUDSTACK_OVERRIDES": "key, timeout"},
        HOME,
        HERE,
        "",
    ),
    "another section": ({"CLOUDSTACK_REGION": "zurich"}, HOME, "", NAMED),
    "the default section of a file": ({}, HOME, "", NAMED),
    "an empty variable is none": ({"CLOUDSTACK_ENDPOINT": "", "CLOUDSTACK_POLL_INTERVAL": "5"}, HOME, "", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_as_the_library_reads_it(case, tmp_path, monkeypatch):
    environment, *texts = CASES[case]
    paths = [tmp_path / ".cloudstack.ini", tmp_path / "here" / "cloudstack.ini", tmp_path / "named.ini"]
    paths[1].parent.mkdir()
    for path, text in zip(paths, texts):
        path.write_text(text)
    environment = {**environment, "CLOUDSTACK_CONFIG": str(paths[2]), "HOME": str(tmp_path)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(paths[1].parent)
    library = {key: value for key, value in read_config().items() if isinstance(value, str) and key != "name"}
    library.pop("headers", None)

    given = [(str(path), path.read_text()) for path in paths]
    section = read_section(given, section_of(environment)) if reads_files(environment) else {}
    ours = merge(environment, section or {})
    headers = headers_of(ours)
    ours = {key: value for key, value in ours.items() if not key.startswith("header_")}
    # What the library has of itself is not text, but for the method.
    assert {"method": "get", **ours} == library
    assert headers == read_config().get("headers", {})


def test_a_section_that_no_file_has():
    assert read_section([("a", HOME), ("b", NAMED)], "geneva") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("key = planted-secret\n", "line 1: a line stands before the first [section]"),
        ("[cloudstack]\nsecret: fine\nplanted-secret\n", "line 3: it is not of the form name = value"),
        ("[cloudstack]\nsecret = planted-secret\nsecret = planted-secret\n", "line 3: secret is there twice"),
        ("[cloudstack]\n[cloudstack]\n", "line 2: [cloudstack] is there twice"),
        ("[cloudstack]\nsecret = planted-secret%x\n", "section [cloudstack], secret: the percent sign is special"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_quoted(text, words):
    with pytest.raises(ParseError) as caught:
        read_section([("/home/ops/.cloudstack.ini", text)], "cloudstack")
    assert "cannot read /home/ops/.cloudstack.ini" in str(caught.value)
    assert words in str(caught.value)
    assert "Next: " in str(caught.value)
    assert "planted-secret" not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("Yes", True), ("1", True), ("False", False), (" off ", False), ("/etc/ca.pem", None), ("", None)],
)
def test_truth(value, expected):
    assert truth(value) is expected


def test_what_has_to_be_true_or_false():
    assert is_true("NAME", "on") is True
    with pytest.raises(InputError, match="NAME is not valid. Expected: true or false. Observed: 'perhaps'"):
        is_true("NAME", "perhaps")


@pytest.mark.parametrize(
    ("text", "default", "least", "expected"),
    [(None, 900, 1, 900), ("30", 900, 1, 30), ("0.5", 2.0, 0.1, 0.5), ("-1", 600, -1, -1)],
)
def test_number(text, default, least, expected):
    settings = {} if text is None else {"timeout": text}
    assert number(settings, "timeout", default, least=least) == expected


@pytest.mark.parametrize(("text", "default"), [("30s", 900), ("0", 900), ("0.5", 900), ("nan", 2.0), ("", 2.0)])
def test_a_number_that_is_none(text, default):
    with pytest.raises(InputError, match="CLOUDSTACK_TIMEOUT is not valid"):
        number({"timeout": text}, "timeout", default, least=1)
