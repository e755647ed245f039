# SPDX-License-Identifier: GPL-3.0-or-later
"""Which back end is in charge, from facts; two that have the same link are refused."""

from __future__ import annotations

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.detect import (
    network_backend,
    require_alone,
)

ACTIVE, DEAD = {"active": "active"}, {"active": "inactive"}
NETPLAN = {"/etc/netplan": {"exists": True, "entries": ["50-cloud-init.yaml", "README"]}}
INTERFACES = {"/etc/network/interfaces": {"exists": True, "entries": None}}


@pytest.mark.parametrize(
    ("units", "files", "packages", "backend", "evidence"),
    [
        # Ubuntu
        (["systemd-networkd"], NETPLAN, ["netplan.io"], "netplan", "/etc/netplan/50-cloud-init.yaml"),
        (["NetworkManager"], NETPLAN, ["netplan.io"], "netplan", "/etc/netplan/50-cloud-init.yaml"),
        (["NetworkManager", "systemd-networkd"], NETPLAN, ["netplan.io"], "netplan", "50-cloud-init.yaml"),
        # files of a netplan that is gone, a folder without any
        (["systemd-networkd"], NETPLAN, [], "networkd", "systemd-networkd.service is active"),
        (["NetworkManager"], {"/etc/netplan": {"exists": True, "entries": []}}, ["netplan.io"], "networkmanager", ""),
        # EL, Arch, Debian with a desktop
        (["NetworkManager"], {}, [], "networkmanager", "NetworkManager.service is active"),
        (["NetworkManager", "networking"], INTERFACES, ["ifupdown"], "networkmanager", "NetworkManager.service"),
        (["systemd-networkd"], INTERFACES, ["ifupdown"], "networkd", "systemd-networkd.service"),
        (["NetworkManager", "systemd-networkd"], {}, [], "", "both NetworkManager.service and systemd-networkd"),
        # Debian
        (["networking"], INTERFACES, ["ifupdown"], "ifupdown", "networking.service is active"),
        ([], INTERFACES, ["ifupdown"], "ifupdown", "/etc/network/interfaces"),
        ([], {}, ["ifupdown"], "ifupdown", "package ifupdown"),
        ([], {}, [], "", "none of netplan's files, NetworkManager.service"),
    ],
)
def test_the_back_end_in_charge(units, files, packages, backend, evidence):
    known = ("NetworkManager", "systemd-networkd", "networking")
    states = {f"{name}.service": ACTIVE if name in units else DEAD for name in known}
    versions = {name: "1.0" if name in packages else None for name in ("netplan.io", "ifupdown")}
    found = network_backend({"units": states, "files": files, "packages": versions})
    assert found["backend"] == backend
    assert evidence in found["evidence"]


NAMES = ["eth0", "eth1", "cloudbr0", "cloudbr1"]


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({}, ""),
        ({"netplan": {}, "networkd": {"eth9": "/etc/systemd/network/eth9.network"}}, ""),
        ({"ifupdown": {"eth1": "/etc/network/interfaces"}}, "ifupdown configures eth1 too.*/etc/network/interfaces"),
        ({"networkmanager": {"cloudbr0": "/etc/a"}}, "networkmanager configures cloudbr0 too, which netplan is to"),
        ({"networkd": {"eth*": "/etc/b"}}, "networkd configures eth0 too.*set network_bridge_backend to networkd"),
    ],
)
def test_one_link_has_one_back_end(others, says):
    if not says:
        require_alone("netplan", NAMES, others)
        return
    with pytest.raises(InputError, match=f"{says}.*nothing was changed"):
        require_alone("netplan", NAMES, others)
