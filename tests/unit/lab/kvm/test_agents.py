# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent port: real TLS on the loopback interface, agents played by the test."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading

import pytest

from lab.simulator import ha_look
from lab.simulator.clock import Clock
from lab.simulator.errands import Beside
from lab.simulator.kvm.agents import INVESTIGATION, AgentServer
from lab.simulator.kvm.ca import CertificateAuthority
from tests.unit.lab.kvm.clouds import SteppedClock, kvm_cloud, until

GUID = "1761d99e-ecea-3a07-ba88-bd764830d2f1-LibvirtComputingResource"
STARTUP = {
    "command": "StartupRoutingCommand", "cpuSockets": 1, "cpus": 1, "speed": 2596, "arch": "x86_64", "memory": 1 << 30,
    "caps": "hvm,snapshot",
    "hostDetails": {"Host.OS": "Debian GNU/Linux", "secured": "true"}, "guid": GUID, "name": "h4",
    "privateIpAddress": "10.88.0.14",
}  # fmt: skip


class HeldClock(SteppedClock):
    """The agent server's own watch must not run in these tests: its thread stops at its first sleep."""

    def sleep(self, seconds):
        threading.Event().wait()


class Agent:
    """Connects as an agent does and answers from a table; what it was asked is in `asked`."""

    def __init__(self, world, **answers):
        self.answers, self.asked, self.ended = answers, [], threading.Event()
        self.before = lambda message: None  # what it does before it answers
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        world.agents.append(self)
        context.load_verify_locations(cadata=world.authority.certificate)
        if world.pair:
            context.load_cert_chain(world.pair)
        self.socket = socket.create_connection(("127.0.0.1", world.server.port), timeout=10)
        self.socket = context.wrap_socket(self.socket)
        self.socket.settimeout(10)

    def send(self, **message):
        self.socket.sendall((json.dumps(message) + "\n").encode())

    def start(self, world, **fields):
        self.send(
            **{
                **STARTUP,
                "dataCenter": str(world.zone.number),
                "pod": str(world.pod.number),
                "cluster": str(world.cluster.number),
                **fields,
            }
        )
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        try:
            with self.socket.makefile("r", encoding="utf-8") as stream:
                for line in stream:
                    message = json.loads(line)
                    self.asked.append(message)
                    self.before(message)
                    if "seq" in message:
                        self.send(seq=message["seq"], answer=self.answers.get(message["command"], {"result": True}))
        except (OSError, ValueError):
            pass
        finally:
            self.ended.set()

    def close(self):
        """End without a word."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class World:
    """A cloud that listens for agents."""

    def __init__(self, authority, folder):
        self.clock = HeldClock()
        self.cloud, self.zone, self.pod, self.cluster = kvm_cloud(self.clock)
        self.authority, self.agents = authority, []
        self.server = self.cloud.agents = AgentServer(self.cloud, authority, "127.0.0.1", 0)
        self.server.start()
        issued = authority.issue("", ["10.88.0.14"])
        self.pair = folder / "agent.pem"
        self.pair.write_text(issued.key + issued.certificate)

    def end(self):
        """Nothing is left open."""
        self.server.stop()
        for agent in self.agents:
            agent.close()

    def rows(self):
        return list(self.cloud.table("host"))

    def state(self):
        return self.rows()[0]["state"] if self.rows() else None

    def alerts(self):
        """Alerts of hosts."""
        return [(row["type"], row["description"]) for row in self.cloud.table("alert") if row["type"] == 7]

    def pool(self):
        return self.cloud.table("storagepool").add(
            name="primary1",
            type="NetworkFilesystem",
            scope="CLUSTER",
            zone=self.zone.number,
            cluster=self.cluster.number,
            ipaddress="10.88.2.254",
            path="/export",
        )


@pytest.fixture(scope="module")
def authority():
    """Its certificates must hold on the real day: real TLS looks at it."""
    return CertificateAuthority(Clock())


@pytest.fixture
def world(authority, tmp_path):
    made = World(authority, tmp_path)
    yield made
    made.end()


def up(world, **answers):
    agent = Agent(world, **answers).start(world)
    until(lambda: world.state() == "Up")
    return agent


def test_a_host_is_up_after_all_questions(world):
    agent = up(world)
    assert [message["command"] for message in agent.asked] == ["StartupAnswer", "CheckNetworkCommand", "ReadyCommand"]
    assert agent.asked[1]["labels"] == ["cloudbr1", "cloudbr0", "cloudbr1"]
    row = world.rows()[0]
    assert (row["resourcestate"], row["ipaddress"], row["cluster"]) == ("Enabled", "10.88.0.14", world.cluster.number)
    assert agent.asked[0]["uuid"] == row.uuid


def test_a_label_without_a_port_leaves_the_row_in_alert(world):
    agent = Agent(world, CheckNetworkCommand={"result": False, "details": "Can not find network: cloudbr1"}).start(
        world
    )
    until(lambda: world.state() == "Alert" and agent.asked[-1].get("leave"))
    text = "Incorrect Network setup on agent, Reinitialize agent after network names are setup, details : Can not find network: cloudbr1"  # noqa: E501
    assert world.alerts()[-1] == (7, text)
    assert agent.asked[-1]["details"] == text


def test_a_pool_that_cannot_be_mounted_blocks_the_host(world):
    world.pool()
    Agent(world, ModifyStoragePoolCommand={"result": False, "details": "mount.nfs: access denied"}).start(world)
    until(lambda: world.state() == "Alert")
    assert "to storage pool primary1 due to mount.nfs: access denied" in world.alerts()[-1][1]


def test_the_same_guid_is_the_same_row(world):
    first = up(world)
    row = world.rows()[0]
    second = Agent(world).start(world)
    until(lambda: any(message["command"] == "ReadyCommand" for message in second.asked) and world.state() == "Up")
    assert world.rows() == [row]
    assert first.ended.wait(10), "the older connection is closed"


def test_a_clean_stop_is_disconnected(world):
    up(world).send(command="ShutdownCommand", reason="sig.kill")
    until(lambda: world.state() == "Disconnected")
    assert world.alerts() == []


def test_a_lost_link_without_a_heartbeat_pool_is_alert(world):
    up(world).close()
    until(lambda: world.state() == "Alert")
    assert world.alerts()[-1][1].startswith("Host disconnected, name: h4 (id:")


def test_a_lost_link_with_a_heartbeat_pool_is_still_up_until_it_was_silent_for_too_long(world):
    world.pool()
    agent = up(world)
    agent.close()
    until(lambda: world.server._links == {})
    world.server.give_up_silent()
    assert world.state() == "Up"
    world.clock.seconds += 150 + INVESTIGATION + 1
    world.server.give_up_silent()
    assert world.state() == "Alert"


def test_an_agent_that_pings_is_not_silent(world):
    agent = up(world)
    world.clock.seconds += 280
    agent.send(command="PingCommand", guid=GUID)
    until(lambda: world.rows()[0]["pinged"] == world.clock.seconds)
    world.clock.seconds += 100
    world.server.give_up_silent()
    assert world.state() == "Up"


def test_the_agent_of_a_deleted_host_is_told_to_stay_away(world):
    agent = up(world)
    world.server.forget(world.rows()[0])
    assert agent.ended.wait(10)
    assert agent.asked[-1] == {"command": "ShutdownCommand", "reason": "deleteHost"}


def test_a_changed_list_of_servers_is_pushed(world):
    agent = up(world)
    world.server.push_management_list("test_host")
    until(lambda: agent.asked[-1].get("list") == "test_host@static")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"arch": "aarch64"}, "Can't add host whose arch is: aarch64 into cluster of arch type: x86_64"),
        ({"cluster": "99"}, "Unable to find the cluster 99"),
        ({"cluster": "default"}, "Unable to find the cluster default"),
    ],
)
def test_a_host_that_does_not_belong_here_is_refused_and_leaves_no_row(world, fields, words):
    agent = Agent(world).start(world, **fields)
    until(lambda: agent.asked)
    assert agent.asked[0]["leave"]
    assert words in agent.asked[0]["details"]
    assert world.rows() == []


def test_another_distribution_in_the_cluster_is_refused(world):
    up(world)
    other = {**STARTUP["hostDetails"], "Host.OS": "Rocky Linux"}
    agent = Agent(world).start(world, guid="another", privateIpAddress="10.88.0.15", hostDetails=other)
    until(lambda: agent.asked)
    assert agent.asked[0]["details"] == (
        'Can\'t add host: 10.88.0.15 with hostOS, "Rocky Linux"into a cluster, in which there are "Debian GNU/Linux" '
        "hosts added."
    )


def test_an_agent_without_a_certificate_is_refused(world):
    world.pair = None
    with pytest.raises(OSError):  # noqa: PT011 - TLS 1.3 tells it at the first read, older versions at the handshake
        agent = Agent(world)
        agent.send(**STARTUP)
        agent.socket.recv(1)
        agent.socket.recv(1)
    assert world.rows() == []


# --- guests


def test_an_agent_is_asked_and_its_words_come_back(world):
    agent = up(world, HostVmStateReportCommand={"result": True, "guests": ["i-2-3-VM"]})
    answer = world.server.ask(world.rows()[0], "HostVmStateReportCommand", 10)
    assert answer["guests"] == ["i-2-3-VM"]
    world.server.ask(world.rows()[0], "StartCommand", 10, name="i-2-3-VM", memory_mib=128)
    assert {key: agent.asked[-1][key] for key in ("command", "name", "memory_mib")} == {
        "command": "StartCommand",
        "name": "i-2-3-VM",
        "memory_mib": 128,
    }


def test_an_agent_that_is_lost_cannot_be_asked(world):
    world.pool()
    up(world).close()
    until(lambda: world.server._links == {})
    with pytest.raises(ConnectionError):
        world.server.ask(world.rows()[0], "CheckOnHostCommand", 10)


def test_a_ping_tells_which_guests_run(world):
    agent = up(world)
    guests = world.cloud.table("virtualmachine")
    for name in ("i-2-3-VM", "i-2-4-VM"):
        guests.add(host=world.rows()[0].number, state="Running", instancename=name)
    agent.send(command="PingCommand", guid=GUID, guests=["i-2-3-VM"])
    until(lambda: [row.get("missing") for row in guests] == [None, world.clock.seconds])
    agent.send(command="PingCommand", guid=GUID)  # of an agent that could not look
    agent.send(command="PingCommand", guid=GUID, guests=["i-2-3-VM", "i-2-4-VM"])
    until(lambda: [row.get("missing") for row in guests] == [None, None])


def test_health_is_what_the_agent_answers(world):
    world.cloud.errands = Beside(grace=10)
    agent, row = up(world), world.rows()[0]
    assert ha_look.healthy(world.cloud, row)
    agent.answers["CheckOnHostCommand"] = {"result": False}
    assert not ha_look.healthy(world.cloud, row)


def test_a_slow_answer_leaves_what_was_known(world):
    world.cloud.errands = Beside(grace=0.01)
    agent, held = up(world), threading.Event()
    row = world.rows()[0]
    agent.before = lambda message: message["command"] == "CheckOnHostCommand" and held.wait(10)
    assert ha_look.healthy(world.cloud, row)
    agent.answers["CheckOnHostCommand"] = {"result": False}
    held.set()
    until(lambda: not ha_look.healthy(world.cloud, row))
