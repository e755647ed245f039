# SPDX-License-Identifier: GPL-3.0-or-later
"""agent.properties, read and rewritten as java.util.Properties does: all of it, without comments, in hash order."""

import time


def read(path):
    """The properties of a file; a file full of zero bytes has none."""
    found = {}
    with open(path, encoding="latin-1") as stream:
        for line in stream:
            line = line.strip()
            if not line or line[0] in "#!\0" or "=" not in line:
                continue
            key, _, value = line.partition("=")
            found[key.strip()] = value.strip().replace("\\:", ":").replace("\\=", "=").replace("\\\\", "\\")
    return found


def java_hash(text):
    """String.hashCode, spread as HashMap spreads it."""
    value = 0
    for letter in text:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    return value ^ (value >> 16)


def store(path, values):
    """Rewrite the file; without flushing it to the disk, as the real agent."""
    size = 16
    while len(values) > size * 0.75:
        size *= 2
    keys = sorted(values, key=lambda key: java_hash(key) & (size - 1))  # within a bucket: as they came
    with open(path, "w", encoding="latin-1") as stream:
        stream.write("#Storage\n#" + time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime()) + "\n")
        for key in keys:
            value = str(values[key]).replace("\\", "\\\\").replace(":", "\\:").replace("=", "\\=")
            stream.write(f"{key}={value}\n")
