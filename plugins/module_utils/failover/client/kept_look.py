# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the facts that the last pre-flight of a cluster has kept on the controller."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import KvmError
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.bmc_look import look_at
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.bmc import BmcLook
from ansible_collections.cloudstack.kvm.plugins.module_utils.failover.model.site import HaHost
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.client.report_folder import (
    FACTS,
    locked,
    read_json,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.preflight.parse.kept_report import read_facts


def read_look(folder: str, hosts: Sequence[HaHost]) -> BmcLook:
    """What is known of the BMCs of these hosts. A file that cannot be used is told in it, and raises nothing: all else
    of the report does not depend on it.
    """
    try:
        with locked(folder, shared=True):
            kept = read_json(folder, FACTS)
        return look_at(read_facts(kept) if kept is not None else None, hosts, _now())
    except KvmError as error:
        return BmcLook(missing=f"{FACTS} of the pre-flight cannot be used: {error}")


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), timezone.utc)
