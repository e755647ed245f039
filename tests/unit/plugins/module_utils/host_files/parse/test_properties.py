# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.properties is read as java.util.Properties.load does (the table is its Javadoc's rules)."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_files.parse.properties import (
    ENCODING,
    find_properties,
    parse_properties,
    was_stored,
    without_secrets,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.captured import text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("a = b ", {"a": "b "}),
        ("a:b", {"a": "b"}),
        ("a b c", {"a": "b c"}),
        ("  a\t=\f b", {"a": "b"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("=b", {"": "b"}),
        ("# a=b\n! c=d\n\n", {}),
        ("a=b=c", {"a": "b=c"}),
        (r"a\=b=c", {"a=b": "c"}),
        (r"a\ b=c", {"a b": "c"}),
        (r"a=\u00e9\t\q", {"a": "é\tq"}),
        ("a=one \\\n   two", {"a": "one two"}),
        ("a=one\\\\\nb=2", {"a": "one\\", "b": "2"}),
        ("a=end\\", {"a": "end"}),
        ("a=1\\\n#2", {"a": "1#2"}),
        ("a=1\rb=2\r\nc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=x\x0by", {"a": "x\x0by"}),
    ],
)
def test_as_java_reads(content, expected):
    assert parse_properties(content) == expected


def test_a_continued_value_knows_its_lines():
    found = find_properties("#x\na=1\\\n  2\nb=3\n")
    assert [(each.key, each.value, each.first, each.last) for each in found] == [("a", "12", 1, 2), ("b", "3", 3, 3)]


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [("a=1\nb=\\u00g", 2, "hexadecimal"), ("a=1\n\0\0", 2, "zero bytes"), ("\0" * 646, 1, "zero bytes")],
)
def test_what_java_refuses(content, line, part):
    with pytest.raises(ParseError, match=part) as caught:
        parse_properties(content)
    assert caught.value.line == line


def test_the_file_of_a_real_host_without_its_secret():
    found = parse_properties(text("agent.properties"))
    assert len(found) == 20
    assert found["LibvirtComputingResource.id"] == "18"
    assert "keystore.passphrase" in found
    assert "keystore.passphrase" not in without_secrets(found)
    assert len(without_secrets(found)) == 19


PIECES = st.lists(
    st.sampled_from(["a", "=", ":", " ", "\t", "\f", "\\", "\\u", "00e9", "\n", "\r", "#", "!", "é", "\0"]), max_size=30
).map("".join)


@given(st.one_of(PIECES, st.binary().map(lambda raw: raw.decode(ENCODING))))
def test_garbage_is_a_value_or_a_parse_error(content):
    try:
        found = find_properties(content)
    except ParseError as error:
        assert error.line >= 1
    else:
        positions = [(each.first, each.last) for each in found]
        assert positions == sorted(positions)
        assert all(first <= last for first, last in positions)


STORED_AT = 1795261631.0  # Sat Nov 21 11:47:11 UTC 2026, as the captured file of a joined host says


@pytest.mark.parametrize(
    ("content", "mtime", "expected"),
    [
        (text("kvm_host/agent.properties"), STORED_AT + 0.3, True),
        (
            text("kvm_host/agent.properties").replace("UTC", "IST").replace("11:47", "17:17"),
            STORED_AT + 0.3,
            True,
        ),  # half an hour apart
        (text("kvm_host/agent.properties"), STORED_AT + 5, False),  # edited five seconds later; the comment stayed
        ("a=b\n", STORED_AT, False),
        ("#Storage\na=b\n#Sat Nov 21 11:47:11 UTC 2026\n", STORED_AT, False),  # below a key it is any comment
        ("", STORED_AT, False),
    ],
)
def test_who_wrote_it_last(content, mtime, expected):
    assert was_stored(content, mtime) is expected
