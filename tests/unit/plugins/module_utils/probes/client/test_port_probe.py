# SPDX-License-Identifier: GPL-3.0-or-later
"""Real sockets: a port that listens, one that does not, one behind a firewall that says nothing, a BMC that answers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client import port_probe
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.port_probe import PING, Target, probe

PONG = PING[:8] + b"\x40\x00\x00\x10" + bytes(16)


@pytest.fixture(params=["127.0.0.1", "::1"])
def address(request):
    return request.param


@contextmanager
def _listening(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, backlog=300) as server:
        yield server.getsockname()[1]


def _closed(address):
    with _listening(address) as port:
        return port


@contextmanager
def _bmc(*answers):
    """A UDP port that sends these answers to the first datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        heard = []

        def serve():
            data, peer = server.recvfrom(100)
            heard.append(data)
            for answer in answers:
                server.sendto(answer, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()
        assert heard == [PING]


def test_open_and_refused(address):
    with _listening(address) as port:
        there, nobody = probe([Target(address, port), Target(address, _closed(address))], 3)
    assert (there.state, there.text) == ("open", "")
    assert (nobody.state, nobody.text) == ("refused", "Connection refused")
    assert all(0 <= answer.ms < 1000 for answer in (there, nobody))


def test_nothing_to_ask():
    assert probe([], 3) == []


def test_more_targets_than_sockets_in_their_order(monkeypatch):
    monkeypatch.setattr(port_probe, "CONCURRENT", 7)
    with _listening("127.0.0.1") as port:
        closed = _closed("127.0.0.1")
        answers = probe([Target("127.0.0.1", port if number % 3 else closed) for number in range(100)], 3)
    assert [answer.state for answer in answers] == ["open" if number % 3 else "refused" for number in range(100)]


def test_no_socket_is_left_open():
    before = len(os.listdir("/proc/self/fd"))
    probe(
        [
            Target("127.0.0.1", _closed("127.0.0.1")),
            Target("no-such-name.invalid", 1),
            Target("127.0.0.1", 1, source="192.0.2.1"),
        ],
        3,
    )
    assert len(os.listdir("/proc/self/fd")) == before


def test_own_source_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        (answer,) = probe([Target("127.0.0.1", server.getsockname()[1], source="127.0.0.2")], 3)
        assert (answer.state, answer.source) == ("open", "127.0.0.2")
        peer, name = server.accept()
        peer.close()
    assert name[0] == "127.0.0.2"


@pytest.mark.parametrize(
    ("target", "state", "part"),
    [
        (Target("127.0.0.1", 1, source="192.0.2.1"), None, "cannot send from 192.0.2.1: "),
        (Target("127.0.0.1", 1, device="nosuchdev"), None, "cannot send from nosuchdev: No such device"),
        (Target("127.0.0.1", 1, source="192.0.2.1", device="lo"), None, "cannot send from 192.0.2.1 on lo: "),
        (Target("no-such-name.invalid", 1), "unreachable", "cannot be resolved"),
    ],
)
def test_what_cannot_be_asked(target, state, part):
    answer = probe([target], 0.5)[0]
    assert answer.state == state
    assert part in answer.text


def test_a_socket_that_reached_itself_is_nobody():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.connect(one.getsockname())  # simultaneous open with oneself
        assert port_probe._self_connected(one)


def test_bmc_answers():
    with _bmc(b"", b"\x06\x00\xff\x07", PONG) as port:  # noise first
        answer = probe([Target("127.0.0.1", port, rmcp=True)], 3)[0]
    assert answer.state == "open"


def test_a_datagram_is_answered_where_nobody_listens(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as listener:
        listener.bind((address, 0))
        listener.settimeout(10)
        taken, nobody = probe(
            [Target(address, listener.getsockname()[1], udp=True), Target(address, _closed(address), udp=True)], 0.3
        )
        heard = {listener.recv(100) for _twice in range(2)}
    assert (taken.state, taken.ms, nobody.state) == ("filtered", None, "refused")
    assert heard == {bytes(8)}  # RFC 7348, section 5: the I flag is not set


def test_no_bmc_there():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        quiet, nobody = probe(
            [
                Target("127.0.0.1", silent.getsockname()[1], rmcp=True),
                Target("127.0.0.1", _closed("127.0.0.1"), rmcp=True),
            ],
            0.2,
        )
    assert (quiet.state, quiet.ms, quiet.text) == ("filtered", None, "no answer within 0.2 s")
    assert nobody.state == "refused"


# --- firewalls and wires: network namespaces of their own ---

RULES = """
table inet t {
  chain in {
    type filter hook input priority 0;
    tcp dport 1001 drop
    tcp dport 1002 reject with tcp reset
    tcp dport 1003 reject with icmpx type admin-prohibited
    udp dport 1001 drop
    udp dport 1003 reject with icmpx type admin-prohibited
  }
}
"""
SCRIPT = """
import json, sys, time
from ansible_collections.cloudstack.kvm.plugins.module_utils.probes.client.port_probe import Target, probe
began = time.monotonic()
answers = probe([Target(**entry) for entry in json.load(sys.stdin)], 1.2)
print(json.dumps({"answers": [vars(answer) for answer in answers], "seconds": time.monotonic() - began}))
"""


@contextmanager
def _isolated(*commands):
    """Processes of a new network namespace, after these commands: nothing of it can be seen from this machine."""
    if os.geteuid() or not all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip", "nft")):
        pytest.skip("needs root, iproute2 and nft")
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo made; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        holder.stdout.readline()
        enter = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
        for command in commands:
            subprocess.run([*enter, "sh", "-ec", command], check=True)
        yield enter
    finally:
        holder.communicate()


def _probe_in(enter, *targets):
    path = os.pathsep.join(str(Path(each)) for each in sys.path)
    done = subprocess.run(
        [*enter, sys.executable, "-c", SCRIPT],
        input=json.dumps(targets),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_firewalls(address):
    with _isolated("ip link set lo up", f"nft -f - <<'X'\n{RULES}\nX") as enter:
        answer = _probe_in(enter, *[{"address": address, "port": port} for port in (1001, 1002, 1003, 1001)])
    dropped, reset, prohibited, again = answer["answers"]
    assert dropped == again == {"state": "filtered", "ms": None, "text": "no answer within 1.2 s", "source": ""}
    assert (reset["state"], prohibited["state"]) == ("refused", "unreachable")
    assert answer["seconds"] < 2.4, "the two dropped ports were waited for one after the other"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_firewalls_and_datagrams(address):
    with _isolated("ip link set lo up", f"nft -f - <<'X'\n{RULES}\nX") as enter:
        answer = _probe_in(enter, *[{"address": address, "port": port, "udp": True} for port in (1001, 1002, 1003)])
    assert [each["state"] for each in answer["answers"]] == ["filtered", "refused", "unreachable"]


def test_a_host_without_any_route():
    with _isolated("ip link set lo up") as enter:
        answer = _probe_in(
            enter,
            {"address": "192.0.2.1", "port": 1},
            {"address": "2001:db8::1", "port": 1},
            {"address": "192.0.2.1", "port": 623, "rmcp": True},
        )
    assert [each["state"] for each in answer["answers"]] == ["unreachable"] * 3


SERVER = """
import socket
bmc = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
bmc.bind(("10.99.0.211", 623))
print("ready", flush=True)
while True:
    data, peer = bmc.recvfrom(100)
    bmc.sendto(data[:8] + b"\\x40\\x00\\x00\\x10" + bytes(16), peer)
"""


def test_ping_through_an_interface_that_has_no_address():
    """A guest bridge has none. The BMC is on its wire, and no route leads there."""
    with _isolated("ip link set lo up") as bmc, _isolated("ip link set lo up") as host:
        peer = host[1].split("/")[2]
        subprocess.run(
            [*bmc, "ip", "link", "add", "b0", "type", "veth", "peer", "name", "guest0", "netns", peer], check=True
        )
        subprocess.run(
            [
                *bmc,
                "sh",
                "-ec",
                "ip addr add 10.99.0.211/24 dev b0; ip link set b0 up; ip route add 10.98.0.0/24 dev b0",
            ],
            check=True,
        )
        # the host's own address is on another interface
        subprocess.run(
            [
                *host,
                "sh",
                "-ec",
                "ip link add m0 type bridge; ip addr add 10.98.0.1/24 dev m0; ip link set m0 up; ip link set guest0 up",
            ],
            check=True,
        )
        with subprocess.Popen([*bmc, sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
            server.stdout.readline()
            target = {"address": "10.99.0.211", "port": 623, "rmcp": True}
            answer = _probe_in(host, target, {**target, "device": "guest0"})
            server.kill()
    without, through = answer["answers"]
    assert (without["state"], through["state"]) == ("unreachable", "open")
