# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Does a passphrase open a Java keystore? Answered from its integrity code, without a JVM: keytool needs seconds, and a
passphrase in its arguments could be read by every user.

JKS: SHA-1 over passphrase, a constant and the content (sun.security.provider.JavaKeyStore). PKCS #12, which keytool
makes since Java 9: HMAC with a key derived as in RFC 7292, appendix B."""

from __future__ import annotations

import hashlib
import hmac

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ParseError

SOURCE = "keystore"
_JKS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_JKS_SALT = b"Mighty Aphrodite"
_DIGESTS = {  # object identifier -> name in hashlib, block size in bytes
    bytes.fromhex("2b0e03021a"): ("sha1", 64),
    bytes.fromhex("608648016503040201"): ("sha256", 64),
    bytes.fromhex("608648016503040202"): ("sha384", 128),
    bytes.fromhex("608648016503040203"): ("sha512", 128),
}
_SEQUENCE, _INTEGER, _OCTETS, _OID, _CONTEXT = 0x30, 0x02, 0x04, 0x06, 0xA0
_MOST_ITERATIONS = 5_000_000  # more would take longer than an honest keystore ever does


def opens(data: bytes, passphrase: str) -> bool:
    """Whether the passphrase is the keystore's. Raises ParseError if `data` is no keystore that is understood."""
    if data[:4] in _JKS and len(data) > 24:
        digest = hashlib.sha1(passphrase.encode("utf-16-be", "replace") + _JKS_SALT + data[:-20]).digest()  # noqa: S324 - the format
        return hmac.compare_digest(digest, data[-20:])
    if data[:1] == bytes([_SEQUENCE]):
        return _opens_pkcs12(data, passphrase)
    raise ParseError(
        SOURCE, "neither JKS nor PKCS #12", expected="a keystore made by keytool", observed=f"{len(data)} bytes"
    )


def _opens_pkcs12(data: bytes, passphrase: str) -> bool:
    parts = _children(_only(data, _SEQUENCE))
    if len(parts) != 3:
        raise ParseError(SOURCE, "PKCS #12 without an integrity code")
    content = _content(parts[1])
    mac = _children(_body(parts[2], _SEQUENCE))
    if len(mac) not in (2, 3):
        raise ParseError(SOURCE, "PKCS #12 with an integrity code of an unknown form")
    algorithm, expected = _pair(_children(_body(mac[0], _SEQUENCE)))
    name, block = _digest(_children(_body(algorithm, _SEQUENCE)))
    iterations = int.from_bytes(_body(mac[2], _INTEGER), "big") if len(mac) == 3 else 1
    if not 0 < iterations <= _MOST_ITERATIONS:
        raise ParseError(SOURCE, f"PKCS #12 with {iterations} iterations")
    key = _derive(name, block, passphrase, _body(mac[1], _OCTETS), iterations)
    return hmac.compare_digest(hmac.new(key, content, name).digest(), _body(expected, _OCTETS))


def _content(part: tuple[int, bytes]) -> bytes:
    _kind, wrapped = _pair(_children(_body(part, _SEQUENCE)))
    return _only(_body(wrapped, _CONTEXT), _OCTETS)


def _digest(parts: list[tuple[int, bytes]]) -> tuple[str, int]:
    kind = _body(parts[0], _OID) if parts else b""
    if kind not in _DIGESTS:
        raise ParseError(SOURCE, "PKCS #12 with an integrity code of an unknown kind")
    return _DIGESTS[kind]


def _derive(name: str, block: int, passphrase: str, salt: bytes, iterations: int) -> bytes:
    """RFC 7292 B.2 with id 3 (integrity key), one block of output."""
    secret = passphrase.encode("utf-16-be", "replace") + b"\0\0"
    digest = hashlib.new(name, bytes([3]) * block + _fill(salt, block) + _fill(secret, block)).digest()
    for _round in range(iterations - 1):
        digest = hashlib.new(name, digest).digest()
    return digest


def _fill(text: bytes, block: int) -> bytes:
    size = -(-len(text) // block) * block
    return (text * (size // len(text) + 1))[:size] if text else b""


def _pair(parts: list[tuple[int, bytes]]) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    if len(parts) != 2:
        raise ParseError(SOURCE, "not the PKCS #12 structure")
    return parts[0], parts[1]


def _only(data: bytes, tag: int) -> bytes:
    parts = _children(data)
    if len(parts) != 1:
        raise ParseError(SOURCE, "not the PKCS #12 structure")
    return _body(parts[0], tag)


def _body(part: tuple[int, bytes], tag: int) -> bytes:
    if part[0] != tag:
        raise ParseError(SOURCE, "not the PKCS #12 structure", expected=f"tag {tag:#x}", observed=f"tag {part[0]:#x}")
    return part[1]


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """DER elements one behind the other -> tag and body of each."""
    found, position = [], 0
    while position < len(data):
        header = data[position + 1 : position + 2]
        count = header[0] & 0x7F if header and header[0] & 0x80 else 0
        start = position + 2 + count
        size = int.from_bytes(data[position + 2 : start], "big") if count else header[0] if header else -1
        if size < 0 or header == b"\x80" or start + size > len(data):
            raise ParseError(SOURCE, "cut off, or no DER")
        found.append((data[position], data[start : start + size]))
        position = start + size
    return found
