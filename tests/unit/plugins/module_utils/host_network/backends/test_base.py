# SPDX-License-Identifier: GPL-3.0-or-later
"""Every back end that the module bridge offers brings all that the seam asks for, and reads back what it renders."""

from __future__ import annotations

import inspect

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.base import Backend
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.registry import BACKENDS
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Network
from ansible_collections.cloudstack.kvm.plugins.modules import bridge

PARTS = [name for name, _part in inspect.getmembers(Backend, inspect.isfunction) if not name.startswith("_")]
BRIDGES = [
    Bridge("cloudbr0", "eth0", 1500, "192.0.2.11/24", "192.0.2.1"),
    Bridge("cloudbr1", "eth1", 9000),
    Bridge("cloudbr2", "eth2", 1500, "dhcp"),
]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("part", PARTS)
def test_it_has_every_part(name, part):
    assert inspect.signature(getattr(BACKENDS[name], part)) == inspect.signature(getattr(Backend, part))


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("bridges", [BRIDGES[:1], BRIDGES, BRIDGES[1:]])
def test_what_it_renders_it_reads_back_and_renders_no_more(name, bridges):
    backend = BACKENDS[name]()
    network = Network(bridges=tuple(bridges))
    files = backend.render(network, {})
    assert sorted(backend.declared(files).bridges, key=lambda bridge: bridge.name) == bridges
    assert backend.render(network, files) == {}


@pytest.mark.parametrize("name", BACKENDS)
def test_no_declaration_touches_no_file(name):
    backend = BACKENDS[name]()
    assert backend.render(Network(), backend.render(Network(bridges=tuple(BRIDGES)), {})) == {}


def test_the_module_documents_them_all():
    assert f"choices: [{', '.join(sorted(BACKENDS))}]" in bridge.DOCUMENTATION
