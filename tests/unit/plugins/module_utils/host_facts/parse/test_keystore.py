# SPDX-License-Identifier: GPL-3.0-or-later
"""A passphrase opens a keystore or it does not, told from keystores that keytool and openssl made."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.keystore import opens
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plugins.captured import raw

PASSPHRASE = "secret16characte"
NAMES = ["pkcs12.jks", "jks.jks", "openssl_legacy.p12"]


@pytest.mark.parametrize("name", NAMES)
def test_passphrase(name):
    data = raw(f"keystore/{name}")
    assert opens(data, PASSPHRASE)
    assert not opens(data, PASSPHRASE + "x")
    assert not opens(data, "")


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 600, b"PK\x03\x04", raw("keystore/pkcs12.jks")[:-40], raw("keystore/jks.jks")[:20]]
)
def test_what_is_no_keystore(data):
    with pytest.raises(ParseError):
        opens(data, PASSPHRASE)


def test_iterations_are_counted_and_bounded():
    data = raw("keystore/openssl_legacy.p12")
    assert data[-4:] == b"\x02\x02\x08\x00"  # 2048
    assert not opens(data[:-1] + b"\x01", PASSPHRASE)  # 2049 derive another key
    with pytest.raises(ParseError, match="0 iterations"):
        opens(data[:-4] + b"\x02\x02\x00\x00", PASSPHRASE)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_keystore_is_a_parse_error_or_does_not_open(data):
    content = bytearray(raw("keystore/jks.jks" if data.draw(st.booleans()) else "keystore/openssl_legacy.p12"))
    place = data.draw(
        st.integers(0, len(content) - 5)
    )  # behind it stands the number of iterations, a big one takes long
    content[place] ^= data.draw(st.integers(1, 255))
    try:
        assert opens(bytes(content), PASSPHRASE) in (True, False)
    except ParseError as error:
        assert PASSPHRASE not in str(error)


@given(st.binary(max_size=80).map(lambda body: b"\x30" + body))
def test_garbage(data):
    with pytest.raises(ParseError):
        opens(data, PASSPHRASE)
