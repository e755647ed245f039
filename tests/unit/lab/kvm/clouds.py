# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud with a zone, a pod and a KVM cluster, and a clock that only moves when it is slept on."""

from __future__ import annotations

import threading

from lab.simulator.clock import Clock
from lab.simulator.cloud import Cloud

START = 1795600000.0  # a day in November 2026
LABELS = {"Management": "cloudbr0", "Guest": "cloudbr1", "Public": "cloudbr1"}


class SteppedClock(Clock):
    """Time that passes only by sleeping."""

    def __init__(self):
        self.seconds = START

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


def kvm_cloud(clock=None):
    """(cloud, zone, pod, cluster)."""
    cloud = Cloud(clock or SteppedClock(), "key", "secret", "10.88.0.254")
    zone = cloud.table("zone").add(name="truth-kvm")
    network = cloud.table("physicalnetwork").add(name="physnet1", zone=zone.number)
    for kind, label in LABELS.items():
        cloud.table("traffictype").add(network=network.number, traffictype=kind, kvmnetworklabel=label)
    pod = cloud.table("pod").add(name="truth-kvm-pod1", zone=zone.number)
    cluster = cloud.table("cluster").add(
        name="truth-kvm-c2", zone=zone.number, pod=pod.number, hypervisor="KVM", arch="x86_64"
    )
    return cloud, zone, pod, cluster


def until(condition, seconds=10):
    """Wait for something that another thread does. Fails after `seconds`."""
    never = threading.Event()
    for _ in range(int(seconds * 100)):
        if condition():
            return
        never.wait(0.01)
    raise AssertionError(f"did not come true within {seconds} s")
