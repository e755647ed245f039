# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `bridge` with the real netplan, NetworkManager and systemd-networkd: a card with an address becomes a
bridge, a reboot keeps it, and each step is made to fail in turn, links and files compared before and after."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests import backend_host
from tests.backend_host import BackendHost
from tests.namespaces import missing as no_namespaces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces()),
    pytest.mark.skipif(bool(backend_host.missing()), reason=backend_host.missing()),
]

MANAGEMENT = {"name": "cloudbr0", "port": "eth0", "address": "10.88.0.11/24", "gateway": "10.88.0.1"}
GUEST = {"name": "cloudbr1", "port": "eth1"}
STORAGE = {**GUEST, "address": "10.88.2.11/255.255.255.0", "mtu": 9000}
# Each is declared when the one before it is there.
STAGES = {
    "a card with an address": [MANAGEMENT, {**GUEST, "mtu": 9000}],
    "an address": [MANAGEMENT, STORAGE],
    "another address": [MANAGEMENT, {**STORAGE, "address": "10.88.2.12/24"}],
    "no address": [MANAGEMENT, GUEST],
    "a multicast querier": [MANAGEMENT, {**GUEST, "multicast_querier": True}],
    "no multicast querier": [MANAGEMENT, GUEST],
    "another gateway": [{**MANAGEMENT, "gateway": "10.88.0.2"}, GUEST],
    "no gateway": [{**MANAGEMENT, "gateway": ""}, GUEST],
    "jumbo frames and a querier": [
        {**MANAGEMENT, "mtu": 9000},
        {**GUEST, "mtu": 9000, "multicast_querier": True},
    ],
}
# What is not declared and stays: addresses and routes by hand on what is changed, and on the unrelated eth9. A package
# that is installed lets systemd read its units again, and netplan then generates all its files anew.
BY_HAND = """
ip address add 10.99.0.7/32 dev eth0
ip route add 203.0.113.0/24 via 10.88.0.2 dev eth0 metric 77
ip address add 192.0.2.99/24 dev eth9
ip route add 203.0.113.128/25 via 192.0.2.1 dev eth9 metric 78
systemctl daemon-reload
"""


@dataclass(frozen=True)
class Kind:
    """A back end: what it needs, the files of a plain host, and where its files are. `tools` change something when they
    are called."""

    packages: Sequence[str]
    tools: Sequence[str]
    files: Mapping[str, str]
    folders: Sequence[str]
    prepare: str = ""
    mode: str = "600"


KINDS = {
    "netplan": Kind(
        ["netplan.io"],
        ["netplan", "networkctl"],
        {
            "/etc/netplan/10-cards.yaml": """network:
  version: 2
  ethernets:
    eth0:  # management
      addresses: [10.88.0.11/24, "2001:db8::11/64"]
      nameservers: {addresses: [10.88.0.2], search: [example.org]}
      routes:
        - {to: default, via: 10.88.0.1}
        - {to: 198.51.100.0/24, via: 10.88.0.2}
    eth9:  # unrelated
      addresses: [192.0.2.9/24]
"""
        },
        ["/etc/netplan", "/run/systemd/network", "/etc/systemd/network"],
    ),
    "networkmanager": Kind(
        ["network-manager"],
        ["nmcli"],
        {
            "/etc/NetworkManager/conf.d/90-veth.conf": """# Debian's udev rules keep veth devices from NetworkManager;
# eth1, which has no profile, it would ask DHCP for, and give up after 45 s, in the middle of a comparison (EL's package
# NetworkManager-config-server sets this too).
[main]
no-auto-default=*

[device-veth]
match-device=interface-name:eth*
managed=1
""",
            "/etc/NetworkManager/system-connections/management.nmconnection": """[connection]
id=management
uuid=11111111-2222-4333-8444-555555555500
type=ethernet
interface-name=eth0

[ipv4]
method=manual
address1=10.88.0.11/24,10.88.0.1
dns=10.88.0.2;
dns-search=example.org;
route1=198.51.100.0/24,10.88.0.2

[ipv6]
method=manual
address1=2001:db8::11/64
""",
            "/etc/NetworkManager/system-connections/unrelated.nmconnection": """[connection]
id=unrelated
uuid=11111111-2222-4333-8444-555555555509
type=ethernet
interface-name=eth9

[ipv4]
method=manual
address1=192.0.2.9/24

[ipv6]
method=link-local
""",
        },
        ["/etc/NetworkManager/system-connections"],
    ),
    "networkd": Kind(
        [],
        ["networkctl"],
        {
            "/etc/systemd/network/10-management.network": """[Match]
MACAddress=02:00:00:00:00:00

[Network]
Address=10.88.0.11/24
Address=2001:db8::11/64
Gateway=10.88.0.1
DNS=10.88.0.2
Domains=example.org

[Route]
Destination=198.51.100.0/24
Gateway=10.88.0.2
""",
            "/etc/systemd/network/20-unrelated.network": """[Match]
Name=eth9

[Network]
Address=192.0.2.9/24
IPv6AcceptRA=no
""",
        },
        ["/etc/systemd/network"],
        "systemctl enable -q systemd-networkd.service",
        "644",
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def booted(request: pytest.FixtureRequest) -> Iterator[BackendHost]:
    kind = KINDS[request.param]
    with BackendHost(request.param, kind.packages, kind.tools) as host:
        yield host


@pytest.fixture
def host(booted: BackendHost) -> BackendHost:
    """With the files of a plain host, freshly booted, and what somebody set by hand."""
    kind = KINDS[booted.backend]
    booted.sh(f"find {' '.join(kind.folders)} -type f -delete 2>/dev/null || true; {kind.prepare}")
    booted.write(kind.files, kind.mode)
    booted.reboot()
    booted.sh(BY_HAND)
    return booted


def snapshot(host: BackendHost) -> tuple[Any, str]:
    return host.links(), host.files(*KINDS[host.backend].folders)


def test_a_card_becomes_a_bridge_and_stays_one_over_a_reboot(host):
    at_first = host.links()
    files = host.files(*KINDS[host.backend].folders)
    for declared in STAGES.values():
        before = snapshot(host)
        shown = host.bridge(declared, check=True)
        assert snapshot(host) == before, "check mode touches nothing"
        real = host.bridge(declared)
        assert (real.get("msg"), real.get("changed"), real.get("diff")) == (None, True, shown["diff"])
        again = host.bridge(declared)
        assert (again["changed"], again["diff"]) == (False, [])
    assert _of("eth9", host.links()) == _of("eth9", at_first), "an unrelated link is as it was"
    unrelated = [line for line in files.splitlines() if "eth9" in line]
    assert [line for line in unrelated if line not in host.files(*KINDS[host.backend].folders)] == []
    there = host.links()["links"]
    assert (there["cloudbr0"]["mtu"], there["eth0"]["mtu"], there["eth0"]["master"]) == (9000, 9000, "cloudbr0")
    host.reboot()
    rebooted = host.links()["links"]
    assert {name: rebooted[name] for name in ("eth0", "eth1", "cloudbr0", "cloudbr1")} == {
        name: there[name] for name in ("eth0", "eth1", "cloudbr0", "cloudbr1")
    }
    assert host.bridge(list(STAGES.values())[-1])["diff"] == []
    host.sh("ping -c 1 -W 5 10.88.0.1")


def _of(name: str, network: Mapping[str, Any]) -> Any:
    """A link and its routes."""
    return network["links"][name], [line for line in network["routes"] if f"dev {name}" in line]


NOTHING, HALF, BROKEN = "the command does nothing", "the command does its work", "the back end is broken from then on"


@pytest.mark.parametrize("how", [BROKEN, NOTHING, HALF])
def test_whatever_step_fails_links_and_files_are_as_before(host, how, capsys):
    tools = " ".join(KINDS[host.backend].tools)
    faults = {BROKEN: {"broken": tools}, HALF: {"after": "1"}, NOTHING: {}}[how]
    wrong = []
    # what differs between stages is what the back end is asked for; how it fails matters in the longest of them
    for stage, declared in list(STAGES.items())[: None if how == BROKEN else 1]:
        rows = []
        before, number, failed = snapshot(host), 0, True
        while failed:
            number += 1
            host.fail(number, **faults)
            result = host.bridge(declared)
            failed = bool(host.sh("cat /run/failed 2>/dev/null && echo yes || true"))
            command = (host.commands()[number - 1 : number] or ["none"])[0]
            after = snapshot(host)
            same = f"links {_word(after[0] == before[0])}, files {_word(after[1] == before[1])}"
            rows.append(f"{number:2} {command[:70]:70} {_told(result):9} {same}")
            if failed and after != before:
                wrong.append(f"{stage}: {rows[-1]}: {result.get('msg', '')}\n{before[0]}\n{after[0]}")
                break
        with capsys.disabled():
            print(f"\n{host.backend}: {stage}: {how}", *rows, sep="\n  ")
        if wrong:
            break
        assert not result.get("failed"), result["msg"]
    assert wrong == [], wrong[0]


def _told(result: Mapping[str, Any]) -> str:
    if not result.get("failed"):
        return "done"
    said = result["msg"]
    return "put back" if "put back as it was" in said else "refused" if "nothing was changed" in said else "NOT SAID"


def _word(same: bool) -> str:
    return "as before" if same else "DIFFER"


def test_a_host_that_is_cut_off_comes_back(host):
    before = snapshot(host)
    result = host.bridge([{**MANAGEMENT, "address": "10.99.0.11/24", "gateway": "10.99.0.1"}])
    assert "could not be reached over the new network; the network was put back as it was" in result["msg"]
    assert snapshot(host) == before


# A switch that says its name each second, as one with a wire to eth0 does each 30 s, and a management server.
LEAF = """
import socket, struct, time

def tlv(kind, value):
    return struct.pack("!H", kind << 9 | len(value)) + value

mac = bytes.fromhex("6edcf15e3823")
router = struct.pack("!HH", 16, 16)
said = [(1, b"\\4" + mac), (2, b"\\5Ethernet1"), (3, struct.pack("!H", 120)), (5, b"leaf1"), (7, router), (0, b"")]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("port0", 0))
while True:
    wire.send(bytes.fromhex("0180c200000e") + mac + b"\\x88\\xcc" + b"".join(tlv(*each) for each in said))
    time.sleep(1)
"""
HEARD = "timeout 30 sh -c 'until networkctl lldp --no-legend | grep -q eth0.*Ethernet1; do sleep 0.2; done'"

ASK = 'import socket; socket.create_connection(("10.88.0.2", 8250), 1)'
LISTENS = f"timeout 30 sh -c 'until python3 -c \"$1\" 2>/dev/null; do sleep 0.2; done' sh {shlex.quote(ASK)}"


def test_who_was_heard_from_before_is_heard_from_after(host):
    """Also with a NIC that has become the port of a bridge. NetworkManager does not listen for neighbours."""
    host.write({"/root/leaf.py": LEAF})
    inside = "systemd-run --quiet --collect nsenter --net=/run/netns/switch python3"
    host.sh(f"{inside} /root/leaf.py; {inside} -m http.server 8250 --bind 10.88.0.2")
    host.sh(LISTENS)
    if host.backend != "networkmanager":
        host.sh(HEARD)
    result = host.bridge([MANAGEMENT], rollback_timeout=40, management_servers=["10.88.0.2"])
    assert (result.get("msg"), result["changed"]) == (None, True)
    if host.backend != "networkmanager":
        host.sh(HEARD)
