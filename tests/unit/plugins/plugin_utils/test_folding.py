# SPDX-License-Identifier: GPL-3.0-or-later
"""The same said of many hosts is said once, and nothing is lost."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.plugin_utils.folding import (
    HOST,
    Piece,
    fold,
    fold_counts,
    message,
    without_name,
)

RED = (("color", "red"),)


@pytest.mark.parametrize(
    ("text", "host", "expected"),
    [
        ("ok: [host1]", "host1", f"ok: [{HOST}]"),
        ("ok: [host1 -> localhost]", "host1", f"ok: [{HOST} -> localhost]"),
        ("host1: may not join", "host1", f"{HOST}: may not join"),
        ("fatal: [host1]: FAILED! => host1.", "host1", f"fatal: [{HOST}]: FAILED! => {HOST}."),
        (
            "host1 and host12, host1.example.org, my-host1, host1-a",
            "host1",
            f"{HOST} and host12, host1.example.org, my-host1, host1-a",
        ),
        ("at 10.0.0.1:22", "10.0.0.1", f"at {HOST}:22"),
        ("at 110.0.0.1", "10.0.0.1", "at 110.0.0.1"),
    ],
)
def test_only_the_whole_name_is_the_name(text, host, expected):
    assert without_name(text, host) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, []),
        ({"host1": []}, []),
        ({"host1": ["ok: [host1]"]}, ["ok: [host1]"]),
        ({f"host{n}": [f"ok: [host{n}]"] for n in range(1, 98)}, ["ok: [host[1-97]]"]),
        ({"host1": ["a"], "host2": ["b"], "host3": ["a"]}, ["a", "b"]),
        ({"host1": ["ok: [host1]", "x"], "host2": ["ok: [host2]"]}, ["ok: [host1]", "x", "ok: [host2]"]),
        ({"host1": ["host2 is down"], "host2": ["host2 is down"]}, ["host2 is down", "host2 is down"]),
    ],
    ids=["no host", "nothing", "one", "97", "in order", "more lines differ", "another host's name is kept"],
)
def test_fold(said, expected):
    assert [
        piece.text for piece in fold({host: [Piece(text) for text in texts] for host, texts in said.items()})
    ] == expected


def test_another_colour_is_another_piece():
    assert fold({"host1": [Piece("x", RED)], "host2": [Piece("x")]}) == [Piece("x", RED), Piece("x")]


def test_counts():
    good, bad = {"ok": 3, "failures": 0}, {"ok": 1, "failures": 1}
    assert fold_counts({"host1": good, "host2": bad, "host3": good}) == {"host[1,3]": good, "host2": bad}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"msg": "no", "changed": False}, "no"),
        ({"msg": "no", "assertion": "x", "evaluated_to": False, "_ansible_no_log": False}, "no"),
        ({"msg": "no", "expected": "a", "observed": "b", "next_step": "c"}, "no"),
        ({"msg": ["a", " b"]}, "\n    a\n     b"),
        ({"msg": "a\nb\n"}, "\n    a\n    b"),
        ({"msg": "no", "stderr": "more"}, ""),
        ({"msg": [1]}, ""),
        ({"changed": False}, ""),
    ],
)
def test_message(result, expected):
    assert message(result) == expected
