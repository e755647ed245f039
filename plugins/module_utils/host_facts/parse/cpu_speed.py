# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clock speed of a CPU as CloudStack's agent finds it (KVMHostInfo.java of 4.22; failure F37).

It takes the first of these that is above 0: the GHz in lscpu's model name, lscpu's CPU max MHz, base_frequency and
scaling_max_freq of the first CPU's cpufreq, the time stamp counter in libvirt's capabilities, and what libvirt reads in
/proc/cpuinfo. All results are whole MHz, 0 for nothing found."""

from __future__ import annotations

import re
import struct

from ansible_collections.cloudstack.kvm.plugins.module_utils.host_facts.parse.system import lscpu_fields

_GHZ = re.compile(r"([0-9].[0-9]+)GHz")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]*)?")
# Where libvirt looks in /proc/cpuinfo. It knows no place on ARM (virHostCPUParseFrequency).
_CPUINFO = {"x86_64": "cpu MHz", "s390x": "cpu MHz dynamic"}


def lscpu_mhz(text: str) -> int:
    """What the agent takes from lscpu: GHz in the model name, else CPU max MHz. `text` is that of `lscpu -J`. Raises
    ParseError."""
    fields = lscpu_fields(text)
    # The agent takes the first line with "model name" in any case, which is "BIOS Model name" where lscpu prints no
    # other.
    line = next((str(value) for name, value in fields if "model name" in name.lower()), "")
    match = _GHZ.search(line)
    found = int(_java_float(_java_float(float(match[1])) * 1000)) if match and _NUMBER.fullmatch(match[1]) else 0
    return found or next((_whole(str(value)) for name, value in fields if "cpu max mhz" in name.lower()), 0)


def cpufreq_mhz(text: str) -> int:
    """A file of cpufreq, which holds kHz."""
    return _whole(text) // 1000


def libvirt_mhz(cpuinfo: str, arch: str) -> int:
    """What `virsh nodeinfo` says: the whole MHz of the last CPU of /proc/cpuinfo. `arch` as `uname -m` says."""
    name = _CPUINFO.get(arch)
    found = 0
    for line in cpuinfo.splitlines() if name else []:
        key, _colon, value = line.partition(":")
        if key.strip() == name:
            found = _whole(value)
    return found


def _java_float(value: float) -> float:
    """Rounded to 32 bits, as Java computes: 8.03 GHz become 8029 MHz, while 2.01 do not become 2009."""
    return struct.unpack("f", struct.pack("f", value))[0]


def _whole(text: str) -> int:
    return int(text.strip().split(".")[0]) if _NUMBER.fullmatch(text.strip()) else 0
