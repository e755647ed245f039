# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every threshold of the pre-flight, with its source. An inventory changes them in preflight_policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError


def _rule(default: Any, says: str) -> Any:
    if isinstance(default, Mapping):
        return field(default_factory=lambda: default, metadata={"says": says})  # pylint: disable=invalid-field-call
    return field(default=default, metadata={"says": says})  # pylint: disable=invalid-field-call


@dataclass(frozen=True)
class Policy:
    """Limits of the checks. Units are in the names; the text of each says why it is what it is."""

    verdict_max_age_s: int = _rule(3600, "A join needs a verdict younger than this.")
    clock_offset_max_s: float = _rule(
        1.0,
        "Between two hosts. CloudStack takes a heartbeat older than 60 s for a dead host (KVMHeartBeat); chrony "
        "holds a LAN below 1 ms.",
    )
    clock_uncertainty_max_s: float = _rule(
        0.5, "Half the round trip of the measurement. A larger one proves nothing at a limit of one second."
    )
    certificate_days_min: int = _rule(
        30,
        "Automatic renewal starts 15 days before the end (ca.framework.cert.expiry.alert.period); below 30 an "
        "operator should know.",
    )
    disk_free_min_bytes: int = _rule(1 << 30, "A full disk leaves an empty keystore behind (F69).")
    memory_reserved_bytes: int = _rule(
        1 << 30, "host.reserved.mem.mb of the agent: what CloudStack does not give to guests."
    )
    memory_difference_max_percent: int = _rule(
        10, "More than this between hosts of a cluster makes evacuation of the large one hard."
    )
    cpu_mhz_difference_max_percent: int = _rule(
        5,
        "Between hosts of one CPU model. A larger difference is another power profile or a failed detection (F37); "
        "less is how the TSC was measured.",
    )
    port_name_max_length: int = _rule(
        8, "br + name + - + four digits must fit into the kernel's 15 characters (IFNAMSIZ)."
    )
    connect_max_ms: float = _rule(
        1000.0,
        "A TCP connect inside a cluster that needs longer lost its first packet (initial retransmission, RFC 6298: "
        "1 s).",
    )
    name_lookup_max_s: int = _rule(
        3,
        "One name look-up. From five seconds on (glibc's timeout) the first name server did not answer; a join makes "
        "hundreds, and with 25 s each addHost was seen to fail after 798 s.",
    )
    latency_max_ms: Mapping[str, float] = _rule(
        {"Management": 10.0, "Guest": 5.0, "Public": 10.0, "Storage": 2.0},
        "Average round trip between hosts of a cluster, by traffic type. One switch adds microseconds; a "
        "synchronous write waits for a round trip, and "
        "10 ms is what Ceph allows between distant sites (IBM Storage Ceph, network configuration requirements).",
    )
    latency_outlier_factor: float = _rule(
        3.0,
        "A pair whose shortest round trip is longer than this many times the median of its network takes another "
        "way than the rest.",
    )
    latency_outlier_min_ms: float = _rule(
        0.5, "Shorter round trips are not outliers: below it only the hosts' own scheduling differs."
    )
    loss_max_percent: float = _rule(0.0, "A switched network that is not overloaded loses nothing.")
    nfs_step_max_ms: float = _rule(
        1000.0, "One small NFS operation. Heartbeats are given up after 60 s; one second is already a sick server."
    )
    speed_difference: bool = _rule(True, "Whether hosts of a cluster must have the same NIC speed for a traffic type.")

    def with_changes(self, changes: Mapping[str, Any]) -> Policy:
        """The policy with an inventory's values. Raises InputError for an unknown name or a value of another type."""
        known = {each.name: each for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise InputError(
                    f"preflight_policy has no {name}",
                    expected=", ".join(sorted(known)),
                    observed=name,
                    next_step="correct the name",
                )
            _require_type(name, getattr(self, name), value)
        return replace(self, **{name: type(getattr(self, name))(value) for name, value in changes.items()})


def documented_limits() -> dict[str, tuple[Any, str]]:
    """Name -> default and reason, for the documentation."""
    return {each.name: (getattr(Policy(), each.name), each.metadata["says"]) for each in fields(Policy)}


def _require_type(name: str, default: Any, value: Any) -> None:
    wanted: Any = type(default)
    if isinstance(default, float):
        wanted = (int, float)
    elif isinstance(default, Mapping):
        wanted = Mapping
    truth_for_number = isinstance(value, bool) and not isinstance(default, bool)
    if not isinstance(value, wanted) or truth_for_number or _not_finite(value):
        kind = getattr(wanted, "__name__", "number")
        raise InputError(
            f"preflight_policy.{name} is not valid",
            expected=f"a {kind} such as {default!r}",
            observed=repr(value),
            next_step="correct it",
        )


def _not_finite(value: Any) -> bool:
    """NaN and Infinity, which YAML can say: no comparison with them means anything."""
    numbers = value.values() if isinstance(value, Mapping) else [value]
    return any(isinstance(each, float) and not math.isfinite(each) for each in numbers)
