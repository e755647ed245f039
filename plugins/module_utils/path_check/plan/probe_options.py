# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probes of the path check -> what each host is told to ask: the options of the module path_mtu."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible_collections.cloudstack.kvm.plugins.module_utils.path_check.model.path import Attachment, Probe

PACKETS = 1000  # small ones of one host in all: a second's worth
COUNT_MIN = 10  # to each peer, so that loss of some percent is seen on one path


def probe_options(
    probes: Iterable[Probe],
    attachments: Iterable[Attachment],
    askers: Collection[str],
    own: Mapping[str, Collection[str]],
    count: int = 20,
) -> dict[str, dict[str, Any]]:
    """Host -> `networks`, `probes` and `count`, for the hosts that have something to ask.

    `count` small packets are sent to each peer, fewer where there are so many peers that it would take long. `askers`
    are the hosts of this run; what another one should ask (--limit), the other end asks. `own`: all addresses of each
    host: an address that the asking host has itself is not asked for (NET008 reports it).
    """
    at = {(each.host, each.network): each for each in attachments}
    found: dict[str, dict[Probe, None]] = {}
    for probe in probes:
        if probe.host not in askers:
            probe = Probe(probe.peer, probe.network, probe.host, at[probe.host, probe.network].address, probe.size)
        if probe.host in askers and probe.address not in own.get(probe.host, ()):
            found.setdefault(probe.host, {})[probe] = None
    return {host: _options(host, list(of_host), at, count) for host, of_host in sorted(found.items())}


def _options(host: str, probes: list[Probe], at: Mapping[tuple[str, str], Attachment], count: int) -> dict[str, Any]:
    networks = []
    for name in dict.fromkeys(probe.network for probe in probes):
        networks.append({"name": name, "device": name, "source": at[host, name].address})
    return {
        "networks": networks,
        "count": min(count, max(COUNT_MIN, PACKETS // len(probes))),
        "probes": [
            {"network": each.network, "peer": each.peer, "address": each.address, "size": each.size} for each in probes
        ],
    }
