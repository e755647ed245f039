# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests and their volumes. None can be made here, so that the lists are empty."""

from __future__ import annotations

from ..cloud import Cloud
from ..registry import Arguments, command


@command("listVirtualMachines", "listall projectid zoneid")
def list_machines(cloud: Cloud, given: Arguments) -> dict:
    return {}


@command("listVolumes", "listall projectid zoneid")
def list_volumes(cloud: Cloud, given: Arguments) -> dict:
    return {}
