# SPDX-License-Identifier: GPL-3.0-or-later
"""vmlinux.py BZIMAGE OUT: the kernel inside a bzImage, which QEMU boots by PVH without the slow decompressor."""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

XZ_MAGIC = b"\xfd7zXZ\x00"


def unpack(image: bytes) -> bytes:
    """The ELF file in a kernel image. Raises ValueError where there is none, or where it is not packed with xz."""
    at = image.find(XZ_MAGIC)
    if at < 0:
        raise ValueError("expected a kernel packed with xz, as Debian's are, found no xz data in it")
    kernel = lzma.LZMADecompressor().decompress(image[at:])
    if kernel[:4] != b"\x7fELF":
        raise ValueError(f"expected an ELF file in the kernel image, found {kernel[:4]!r}")
    return kernel


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(unpack(Path(sys.argv[1]).read_bytes()))
