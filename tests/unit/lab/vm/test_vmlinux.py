# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel image is unpacked, or refused with what was found in it."""

from __future__ import annotations

import lzma

import pytest

from lab.vm import vmlinux


def test_the_packed_kernel_is_found_behind_the_boot_code() -> None:
    kernel = b"\x7fELF" + bytes(range(256))
    assert vmlinux.unpack(b"MZ boot code" + lzma.compress(kernel) + b"rest") == kernel


@pytest.mark.parametrize("image", [b"", b"MZ boot code \x02\x21\x4c\x18 lz4", b"MZ" + lzma.compress(b"no kernel")])
def test_anything_else_is_refused(image: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        vmlinux.unpack(image)
