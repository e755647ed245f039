# SPDX-License-Identifier: GPL-3.0-or-later
"""The table is loaded, kept at boot, lets in who should come in and nobody else to the protected ports."""

from __future__ import annotations

import json

import pytest
import testinfra

UNIT = "cloudstack-kvm-firewall"
LISTEN = "import socket, sys; s = socket.create_server(('', int(sys.argv[1]))); s.accept()"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"
CLUSTER = ["host1", "host2"]


@pytest.fixture(name="node")
def _node(host):
    """Gives the other machines of the scenario by name."""
    return lambda name: testinfra.get_host(f"ansible://{name}", ansible_inventory=host.backend.ansible_inventory)


@pytest.fixture(name="cluster_host")
def _cluster_host(host):
    if host.backend.host not in CLUSTER:
        pytest.skip(f"{host.backend.host} is the stranger, which has no firewall")
    return host


def _address(host):
    links = json.loads(host.check_output("ip -j -4 addr show dev eth0"))
    return links[0]["addr_info"][0]["local"]


@pytest.fixture(name="listening")
def _listening(cluster_host):
    """Gives a function that makes this host listen on a port, until the test is over."""
    opened = []

    def listen(port):
        cluster_host.check_output(f'systemd-run --quiet --collect --unit=listen-{port} python3 -c "{LISTEN}" {port}')
        opened.append(port)
        for _ in range(50):
            if cluster_host.run(f"ss -Hltn sport = :{port}").stdout.strip():
                return _address(cluster_host)
        raise AssertionError(f"nothing listens on {port}")

    yield listen
    for port in opened:
        cluster_host.run(f"systemctl stop listen-{port}")


def _reaches(source, address, port):
    return source.run(f'python3 -c "{CONNECT}" {address} {port}').rc == 0


def test_unit_is_enabled_and_the_guard_is_disarmed(cluster_host):
    assert cluster_host.service(UNIT).is_enabled
    assert cluster_host.service(UNIT).is_running
    assert not cluster_host.service(f"{UNIT}-rollback.timer").is_running


@pytest.mark.parametrize("port", [16509, 16514, 49152, 49216])
def test_peers_come_in_and_strangers_do_not(cluster_host, node, listening, port):
    address = listening(port)
    assert not _reaches(node("stranger"), address, port)
    peer = next(name for name in CLUSTER if name != cluster_host.backend.host)
    assert _reaches(node(peer), address, port)


def test_the_host_reaches_its_own_libvirt(cluster_host, listening):
    assert _reaches(cluster_host, listening(16514), 16514)


def test_a_stranger_does_not_reach_ssh_and_consoles(cluster_host, node, listening):
    assert not _reaches(node("stranger"), _address(cluster_host), 22)
    assert not _reaches(node("stranger"), listening(5901), 5901)


def test_what_is_not_named_is_left_alone(cluster_host, node, listening):
    assert _reaches(node("stranger"), listening(9100), 9100)


def test_other_tables_stay(cluster_host):
    cluster_host.check_output("nft add table ip of_somebody_else")
    cluster_host.check_output(f"systemctl restart {UNIT}")
    assert "table ip of_somebody_else" in cluster_host.check_output("nft list tables")
    assert "table inet cloudstack_kvm" in cluster_host.check_output("nft list tables")
    cluster_host.check_output("nft delete table ip of_somebody_else")


def test_restart_of_nftables_service_does_not_lose_the_table(cluster_host):
    cluster_host.check_output("systemctl restart nftables")
    # systemctl waits for the job that it was asked for, which has flushed all tables; that of our unit, which systemd
    # adds, ends after it
    there = "nft list table inet cloudstack_kvm >/dev/null 2>&1"
    cluster_host.check_output(f"timeout 60 sh -c 'until {there}; do sleep 0.2; done'")
    cluster_host.check_output("systemctl stop nftables && systemctl start cloudstack-kvm-firewall")
