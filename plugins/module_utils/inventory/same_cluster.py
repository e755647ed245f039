# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts of a play belong to the same CloudStack cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CLUSTER_VARIABLES = ("cloudstack_zone", "cloudstack_pod", "cloudstack_cluster")


def find_members(hosts: Iterable[str], variables: Mapping[str, Mapping[str, object]], host: str) -> list[str]:
    """Those of `hosts`, in their order, whose zone, pod and cluster are those of `host`.

    A host without a cluster belongs to no other host's: then the answer is the host alone, if it is one of `hosts`.
    """
    cluster = _cluster(variables[host])
    if not all(cluster):
        return [name for name in hosts if name == host]
    return [name for name in hosts if _cluster(variables[name]) == cluster]


def find_first(hosts: Iterable[str], variables: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """For each of `hosts` the first of them that is in its cluster, as find_members would find it, with one look at
    each.
    """
    first: dict[tuple[object, ...], str] = {}
    clusters = {name: _cluster(variables[name]) for name in hosts}
    found = {}
    for name, cluster in clusters.items():
        found[name] = first.setdefault(cluster, name) if all(cluster) else name
    return found


def _cluster(own: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(own.get(key) for key in CLUSTER_VARIABLES)
