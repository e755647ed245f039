# SPDX-License-Identifier: GPL-3.0-or-later
"""What the back ends with a daemon ask of netplan, nmcli and networkctl. What these really do is shown by
tests/integration/test_bridge_backends.py."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.command import Answer
from ansible_collections.cloudstack.kvm.plugins.module_utils.core.errors import ApplyError, InputError
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends import netplan as netplan_backend
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.netplan import Netplan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.networkd import Networkd
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.backends.networkmanager import NetworkManager
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.client import networkd as daemon
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bond, Bridge, Network, Vlan
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan import networkmanager as profiles

BRIDGE = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
NETWORK = Network(bridges=(BRIDGE,))
QUERIER = Network(bridges=(Bridge("cloudbr1", "eth1", multicast_querier=True),))
CARDS = {"/etc/netplan/10-cards.yaml": "network:\n  ethernets:\n    eth9: {dhcp4: wrong}\n"}
PORT, OWN = profiles.own_path("eth0"), profiles.own_path("cloudbr0")


class Host:
    """Notes each command but questions for the state of a device, which is one of `states` after the other; those that
    begin with a word of `fails` fail with what stands there."""

    def __init__(self, **fails):
        self.fails, self.calls, self.states = fails, [], []

    def __call__(self, argv, timeout=20, stdin=""):
        if "GENERAL.STATE" in argv:
            return Answer(argv, 0, stdout=self.states.pop(0) if self.states else "100 (connected)\n")
        self.calls.append(" ".join(argv))
        if argv[0] not in self.fails:
            return Answer(argv, 0)
        said = self.fails[argv[0]]
        return Answer(argv, None, problem=said) if "installed" in said else Answer(argv, 1, stderr=said)


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Profiles(NetworkManager):
    def __init__(self, run, network=NETWORK, clock=None):
        super().__init__(run, clock)
        self.network = network

    def read(self):
        return profiles.render(self.network, {}, {})


@pytest.fixture(autouse=True)
def generators(monkeypatch):
    """Where netplan's generator could be: nowhere, whatever the machine of the test has."""
    monkeypatch.setattr(netplan_backend, "_GENERATORS", ("/nowhere/generate",))


def test_netplan_reads_a_copy_of_all_files():
    host = Host()
    Netplan(host).check(CARDS, ["eth0"])
    (call,) = host.calls
    assert call.startswith("netplan generate --root-dir /")


def test_its_generator_is_asked_without_netplan_which_would_reload_systemd(monkeypatch, tmp_path):
    (tmp_path / "generate").touch()
    monkeypatch.setattr(netplan_backend, "_GENERATORS", ("/nowhere/generate", str(tmp_path / "generate")))
    host = Host()
    Netplan(host).check(CARDS, ["eth0"])
    (call,) = host.calls
    assert call.startswith(f"{tmp_path}/generate --root-dir /")


def test_networkd_may_read_the_drop_ins_of_what_netplan_generates():
    """It runs as a user of its own; netplan's files are root's alone."""
    (drop_in,) = [path for path in Netplan(Host()).render(QUERIER, {}) if path.endswith(".conf")]
    assert oct(Netplan().file_mode(drop_in)) == "0o644"
    assert oct(Netplan().file_mode("/etc/netplan/90-cloudstack-kvm.yaml")) == "0o600"


def test_what_netplan_does_not_accept_is_said_without_the_path_of_the_copy():
    class Refuses(Host):
        def __call__(self, argv, timeout=20, stdin=""):
            return Answer(argv, 1, stderr=f"{argv[-1]}/etc/netplan/10-cards.yaml:3:13: Error:\n  invalid boolean value")

    with pytest.raises(InputError, match=r"Observed: /etc/netplan/10-cards.yaml:3:13: Error: invalid boolean value"):
        Netplan(Refuses()).check(CARDS, [])


@pytest.mark.parametrize(
    ("backend", "tool"), [(Netplan, "netplan"), (NetworkManager, "nmcli"), (Networkd, "networkctl")]
)
def test_a_host_without_the_tool_accepts_everything_and_is_not_in_force(backend, tool):
    host = Host(**{tool: f"{tool} is not installed", "systemctl": "inactive"})
    backend(host).check({**CARDS, **profiles.render(NETWORK, {}, {})}, ["eth0", "cloudbr0"])
    assert not backend(host).in_force()


def test_nmcli_checks_the_profiles_of_the_links_alone():
    host = Host()
    files = profiles.render(Network(bridges=(BRIDGE, Bridge("cloudbr1", "eth1"))), {}, {})
    NetworkManager(host).check(files, ["eth0", "cloudbr0"])
    assert host.calls == [
        "nmcli --offline connection modify connection.id cloudbr0",
        "nmcli --offline connection modify connection.id eth0",
    ]
    with pytest.raises(InputError, match="does not accept .*eth0.nmconnection; nothing was changed.*wrong MTU"):
        NetworkManager(Host(nmcli="Error: wrong MTU")).check(files, ["eth0"])


def test_profiles_are_loaded_and_the_bridge_comes_first():
    host = Host()
    Profiles(host).bring_up(["eth0", "cloudbr0"])
    verbs = [call.split(" connection ")[1].split()[0] for call in host.calls]
    assert verbs == ["load", "up", "up"]
    assert [PORT in host.calls[0], OWN in host.calls[0]] == [True, True]
    with pytest.raises(ApplyError, match="connection load .* failed.*no such thing"):
        Profiles(Host(nmcli="no such thing")).bring_up(["eth0", "cloudbr0"])


def test_a_bridge_that_waits_for_its_port_is_waited_for():
    """nmcli says that it is active, and its address comes later (seen with 1.52)."""
    host, clock = Host(), Clock()
    host.states = ["70 (connecting (getting IP configuration))\n", "80 (connecting (checking IP connectivity))\n"]
    Profiles(host, clock=clock).bring_up(["eth0", "cloudbr0"])
    assert (host.states, round(clock.now, 1)) == ([], 0.2)
    host.states = ["70 (connecting (getting IP configuration))\n"] * 1000
    Profiles(host, clock=clock).load(["cloudbr0"])
    assert 15 < clock.now < 16, "not for ever"


def test_a_bond_is_raised_with_the_bridge_that_it_is_a_port_of():
    """Seen with NetworkManager 1.42.4: "Can not find a master for bond0" where the bridge's profile is not loaded, and
    the bridge that is activated again loses its port."""
    bond = Bond("bond0", ("eth0", "eth1"))
    network = Network(bonds=(bond,), bridges=(Bridge("cloudbr0", "bond0", 1500, "10.88.0.11/24"),))
    host = Host()
    backend = Profiles(host, network)
    backend.bring_up(["eth0", "eth1", "bond0"])
    assert OWN in host.calls[0]
    raised = len(host.calls)
    assert [call.split()[3:5] for call in host.calls[1:]] == [["connection", "up"]] * 3
    backend.bring_up(["cloudbr0"])
    assert [call.split()[1:3] for call in host.calls[raised:]] == [["connection", "load"]]


def test_networkmanager_makes_a_bond_anew_and_what_lies_on_it_and_keeps_bridges():
    """Seen with NetworkManager 1.42.4: a bond that is activated again keeps lacp_rate fast where its profile says slow,
    the kernel's default. It goes only when its new profile is loaded: NetworkManager makes it again at once."""
    bond = Bond("bond0", ("eth0", "eth1"))
    network = Network((bond,), (Vlan("bond0.7", "bond0", 7),), (Bridge("cloudbr0", "bond0.7"),))
    host = Host()
    backend = Profiles(host, network.layered)
    for name in ("cloudbr0", "bond0.7", "bond0", "eth0", "eth1"):
        backend.take_down(name)
    for name in ("bond0.7", "bond0"):
        backend.delete(name)
    assert host.calls == []
    for names in (["eth0", "eth1", "bond0"], ["bond0.7"], ["cloudbr0"]):
        backend.bring_up(names)
    uuids = {keyfile.value(text, "connection", "uuid"): text for text in backend.read().values()}
    called = {uuid: keyfile.value(text, "connection", "interface-name") for uuid, text in uuids.items()}
    assert [" ".join(called.get(word, word) for word in call.split()) for call in host.calls if "load" not in call] == [
        "nmcli --wait 30 connection down uuid bond0",
        "ip link delete bond0",
        "nmcli --wait 30 connection up uuid bond0",
        "nmcli --wait 30 connection up uuid eth0",
        "nmcli --wait 30 connection up uuid eth1",
        "nmcli --wait 30 connection down uuid bond0.7",
        "ip link delete bond0.7",
        "nmcli --wait 30 connection up uuid bond0.7",
    ]
    assert [call.split()[2] for call in host.calls if "load" in call] == ["load"] * 3


def test_where_nmcli_does_not_work_networkmanager_is_started_again():
    host = Host(nmcli="broken")
    Profiles(host).resume(["eth0"])
    assert host.calls == [
        "nmcli connection reload",
        "systemctl restart NetworkManager.service",
        "nm-online --quiet --wait-for-startup --timeout 30",
    ]


def test_a_profile_that_cannot_be_applied_again_is_activated():
    class Stubborn(Host):
        def __call__(self, argv, timeout=20, stdin=""):
            super().__call__(argv)
            return Answer(argv, 1 if "reapply" in argv else 0)

    host = Stubborn()
    Profiles(host).resume(["eth0"])
    assert [call.split(" 30 ")[-1][:17] for call in host.calls[1:]] == ["device reapply et", "connection up uui"]


@pytest.mark.parametrize("backend", [Netplan, Networkd])
def test_networkd_makes_a_bond_anew_and_keeps_what_is_taken_down(backend):
    """Seen with networkd 252: a bond that is there keeps its mode and hash policy, whatever its .netdev file says by
    then. What is deleted need not be in the files: they may say it in a form that is not understood, or not at all."""
    host = Host()
    made = backend(host)
    made.read = dict
    for name in ("cloudbr0", "eth0"):
        made.take_down(name)
    assert host.calls == []
    for name in ("bond0.7", "bond0"):
        made.delete(name)
    assert host.calls == ["ip link delete bond0.7", "ip link delete bond0"]


@pytest.mark.parametrize("options", [{"id": 201, "protocol": "802.1Q"}, {"id": 200, "protocol": "802.1ad"}])
@pytest.mark.parametrize("backend", [Netplan, Networkd])
def test_a_vlan_device_that_networkd_makes_with_its_old_tag_is_made_anew(backend, options):
    """Seen with networkd 252: "Device was already configured by", of the file that said it first."""
    data = dict(options)
    shown = {"ifname": "eth0.7", "link": "eth0", "linkinfo": {"info_kind": "vlan", "info_data": data}}

    class Stubborn(Host):
        def __call__(self, argv, timeout=20, stdin=""):
            answer = super().__call__(argv)
            return Answer(argv, 0, json.dumps([shown])) if "show" in argv else answer

    host, network = Stubborn(), Network((), (Vlan("eth0.7", "eth0", 200), Vlan("eth0.8", "eth0", 8)))
    made = backend(host)
    made.read = lambda: made.render(network, {})
    made.bring_up(["eth0", "eth0.7"])
    kept = [call for call in host.calls if call.startswith(("ip link", "networkctl"))]
    assert kept == [
        "networkctl reload",
        "ip link delete eth0.7",
        "ip link add link eth0 name eth0.7 type vlan protocol 802.1Q id 200",
        "networkctl reconfigure eth0 eth0.7",
    ]
    data.update({"id": 200, "protocol": "802.1Q"})
    made.bring_up(["eth0.7"])
    assert len([call for call in host.calls if "link add" in call]) == 1


def test_ports_of_a_bond_that_is_made_anew_are_configured_again(tmp_path, monkeypatch):
    """Seen with networkd 252: a port whose file has not changed goes on waiting for the bond that is gone."""
    port, other = tmp_path / "eth0.network", tmp_path / "eth9.network"
    port.write_text("[Match]\nName=eth0\n\n[Network]\nBond=bond0\n")
    other.write_text("[Match]\nName=eth9\n\n[Network]\nBond=bond01\n")
    for path in (port, other):
        os.utime(path, (1, 1))
    monkeypatch.setattr(daemon, "_FOLDERS", (str(tmp_path),))
    host = Host()
    daemon.Networkd(host).forget("bond0")
    assert host.calls == ["ip link delete bond0"]
    assert port.stat().st_mtime > 1
    assert other.stat().st_mtime == 1


def test_networkd_reads_its_files_and_is_waited_for():
    host = Host()
    Networkd(host).bring_up(["eth0", "cloudbr0"])
    asked = [call for call in host.calls if call.startswith("networkctl")]
    assert asked == ["networkctl reload", "networkctl reconfigure eth0 cloudbr0"]
    assert host.calls[1].endswith("--interface=eth0:off --interface=cloudbr0:off")
    with pytest.raises(ApplyError, match="`networkctl reload` failed"):
        Networkd(Host(networkctl="no bus")).load(["eth0"])


def test_when_all_is_loaded_the_other_links_of_networkd_are_waited_for(monkeypatch, tmp_path):
    """Not those that it never finishes with: without a carrier, or not its own."""
    for name, carrier in (("eth0", "1"), ("eth9", "1"), ("eth8", "0"), ("vnet0", "1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "carrier").write_text(f"{carrier}\n")
    monkeypatch.setattr(daemon, "_LINKS", str(tmp_path))

    class Lists(Host):
        def __call__(self, argv, timeout=20, stdin=""):
            rows = " 2 eth0  ether routable configured\n 9 vnet0 ether degraded unmanaged\n"
            return replace(super().__call__(argv), stdout=rows if "list" in argv else "")

    host = Lists()
    Networkd(host).load(["eth0"])
    waited = [call.partition("--interface=")[2] for call in host.calls if "wait-online" in call]
    assert waited == ["eth0:off", "eth0:off --interface=eth9:off"]


def test_what_is_resumed_may_fail():
    Networkd(Host(networkctl="no bus")).resume([])
    Netplan(Host(networkctl="no bus")).resume([])
