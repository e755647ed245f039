# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulator's core wants from the KVM side (lab/simulator/kvm), and what it offers to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class DiscoveryError(Exception):
    """A host could not be added; the text is what stands inside "due to: [..]"."""


class ResourcesNotFound(Exception):
    """The discoverer found nothing: "Cannot find the server resources at <url>"."""


@dataclass(frozen=True)
class AddHostRequest:
    """What addHost knows when it hands over to the KVM discoverer. Numbers are database ids."""

    url: str
    username: str
    password: str | None
    zone: int
    pod: int
    cluster: int
    labels: Mapping[str, str]  # traffic type -> KVM label, all of Management, Guest, Public
    management: str  # the global setting host


@dataclass
class Startup:
    """A StartupRoutingCommand: what an agent tells of its host."""

    guid: str
    name: str
    zone: str
    pod: str
    cluster: str
    private_ip: str
    fields: dict[str, Any] = field(default_factory=dict)


class Discoverer(Protocol):
    """Prepares a machine over SSH so that its agent connects."""

    def prepare(self, request: AddHostRequest) -> str:
        """Do everything up to the agent's start; returns the agent's guid. Raises DiscoveryError, ResourcesNotFound."""


class AgentLink(Protocol):
    """An agent's connection, as the core uses it."""

    def ask(self, command: str, fields: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Send a command and wait for its answer. Raises ConnectionError or TimeoutError."""

    def close(self, reason: str) -> None:
        """End the connection."""
