# SPDX-License-Identifier: GPL-3.0-or-later
"""The KVM side of the simulator: logs in to real hosts, issues their certificates, listens for their agents."""

from __future__ import annotations

from typing import Any

from ..cloud import Cloud
from ..errands import Beside
from .agents import AgentServer
from .ca import CertificateAuthority
from .discoverer import KvmDiscoverer


def attach(cloud: Cloud, options: Any) -> None:
    """Give the cloud its KVM side. `options` are those of the command line."""
    authority = cloud.authority = CertificateAuthority(cloud.clock)
    cloud.agents = AgentServer(cloud, authority, options.host, options.agent_port)
    cloud.errands = Beside()
    cloud.agents.start()
    cloud.discoverer = KvmDiscoverer(cloud, authority, options.ssh_key, options.wait_interval, options.wait_polls)
