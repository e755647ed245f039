# SPDX-License-Identifier: GPL-3.0-or-later
"""The path check with real packets on real wires (network namespaces): what it says of each kind of peer, path and
host. Needs root."""

from __future__ import annotations

import shutil

import pytest

from tests.namespaces import Namespaces, missing
from tests.wires import PREFIX, Wires, about, arriving, by_peer, finish, forwarding, until

pytestmark = pytest.mark.skipif(bool(missing("nft")), reason=missing("nft"))
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;"
USER = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@pytest.fixture
def wires():
    with Namespaces() as spaces:
        yield Wires(spaces).host("asker")


@pytest.mark.parametrize("version", [4, 6])
def test_all_kinds_of_peers_at_once(wires, version):
    for name in ("good", "small", "filtered", "mute", "rejecting"):
        wires.host(name)
    wires.spaces.ip("switch", ["link set dev small mtu 1400"])
    wires.spaces.nft("filtered", arriving("icmp type echo-request drop; icmpv6 type echo-request drop;"))
    wires.spaces.nft("mute", arriving(f"{NEIGHBOURS} drop;"))
    wires.spaces.nft("rejecting", arriving(f"{NEIGHBOURS} reject with icmpx type admin-prohibited;"))
    peers = ["good", "small", "filtered", "mute", "rejecting", "nobody"]
    result = wires.ask("asker", [wires.probe(peer, version) for peer in peers])
    assert [each["peer"] for each in result["outcomes"]] == peers
    found = by_peer(result)
    verdicts = {name: (each["control"], each["passed"], each["failure"], each["tcp"]) for name, each in found.items()}
    assert verdicts == {
        "good": (True, True, "", None),
        "small": (True, False, "too_large", None),
        "filtered": (False, None, "silent", True),
        "mute": (False, None, "silent", False),
        "rejecting": (False, None, "prohibited", None),
        "nobody": (False, None, "no_neighbour", None),
    }
    assert found["good"]["path_mtu"] == 1500
    assert found["small"]["path_mtu"] in about(1400)
    assert found["rejecting"]["text"].endswith(": administratively prohibited")
    assert {name for name, each in found.items() if each["neighbour"]} == {
        "good",
        "small",
        "filtered",
        "mute",
        "rejecting",
    }
    assert (found["good"]["sent"], found["good"]["lost"]) == (10, 0)
    assert 0 < found["good"]["rtt_min_ms"] <= found["good"]["rtt_avg_ms"] <= found["good"]["rtt_p99_ms"]
    assert result["privileged"]


@pytest.mark.skipif(not shutil.which("ping"), reason="needs ping")
def test_the_same_as_ping(wires):
    wires.host("small")
    wires.spaces.ip("switch", ["link set dev small mtu 1387"])
    mtu = by_peer(wires.ask("asker", [wires.probe("small")]))["small"]["path_mtu"]
    ping = ["ping", "-n", "-c", "1", "-W", "1", "-M", "do", "10.77.0.2", "-s"]
    assert wires.spaces.run("asker", [*ping, str(mtu - 28)], check=False).returncode == 0
    assert wires.spaces.run("asker", [*ping, str(mtu - 27)], check=False).returncode == 1


# --- paths ---


def _small_port(wires):
    wires.host("peer")
    wires.spaces.ip("switch", ["link set dev peer mtu 1400"])


def _routed(wires):
    """The asker's eth0 -- router -- the peer's eth0."""
    wires.host("router")
    wires.add("peer")
    wires.spaces.ip("router", [f"link add name out0 type veth peer name eth0 netns {wires.spaces.path('peer')}"])
    wires.spaces.ip(
        "router",
        ["address add 198.51.100.1/24 dev out0", "address add 2001:db8:1::1/64 dev out0", "link set dev out0 up"],
    )
    addresses = [
        "address add 198.51.100.2/24 dev eth0",
        "address add 2001:db8:1::2/64 dev eth0",
        "link set dev eth0 up",
    ]
    wires.spaces.ip("peer", [*addresses, "route add default via 198.51.100.1", "route add default via 2001:db8:1::1"])
    wires.spaces.sysctl("router", "net.ipv4.ip_forward", "1")
    wires.spaces.sysctl("router", "net.ipv6.conf.all.forwarding", "1")
    wires.spaces.ip("asker", ["route add 198.51.100.0/24 via 10.77.0.2", "route add 2001:db8:1::/64 via 2001:db8::2"])


def _routed_to_less(wires):
    _routed(wires)
    wires.spaces.ip("router", ["link set dev out0 mtu 1400"])


def _pairs(wires):
    """Networks of two addresses, and link-local ones."""
    wires.host("peer")
    for name, last in (("asker", 0), ("peer", 1)):
        addresses = [f"203.0.113.{last}/31", f"2001:db8:2::{last}/127", f"fe80::1:{last}/64"]
        wires.spaces.ip(name, [f"address add {each} dev eth0" for each in addresses])


def _tunnel(wires, version=4, outer=1500):
    """VXLAN between asker and peer, whose device has the MTU that the kernel derives from eth0: 50 less, over IPv6
    70."""
    wires.host("peer")
    for name, other in (("asker", "peer"), ("peer", "asker")):
        ends = f"local {wires.address(name, version)} remote {wires.address(other, version)}"
        made = wires.spaces.run(
            name,
            [
                "ip",
                "link",
                "add",
                "vxlan7",
                "type",
                "vxlan",
                "id",
                "7",
                "dev",
                "eth0",
                "dstport",
                "4789",
                *ends.split(),
            ],
            check=False,
        )
        if made.returncode:
            pytest.skip(f"this kernel has no VXLAN: {made.stderr}")
        wires.spaces.ip(name, [f"address add 192.0.2.{wires.hosts[name]}/24 dev vxlan7", "link set dev vxlan7 up"])
    wires.spaces.ip("switch", [f"link set dev peer mtu {outer}"])


def _narrow_tunnel(wires):
    _tunnel(wires, outer=1400)


def _tunnel6(wires):
    _tunnel(wires, version=6)


INNER = "192.0.2.2"


@pytest.mark.parametrize(
    ("build", "device", "address", "size", "passed", "failure", "path_mtu", "text"),
    [
        (_small_port, "eth0", "2001:db8::2", 1500, False, "too_large", about(1400), ""),
        (_small_port, "eth0", "2001:db8::2", 1280, True, "", [1280], ""),
        (_pairs, "eth0", "203.0.113.1", 1500, True, "", [1500], ""),
        (_pairs, "eth0", "2001:db8:2::1", 1500, True, "", [1500], ""),
        (_pairs, "eth0", "fe80::1:1", 1500, True, "", [1500], ""),
        (_routed, "eth0", "198.51.100.2", 1500, True, "", [1500], ""),
        (_routed, "eth0", "2001:db8:1::2", 1500, True, "", [1500], ""),
        (
            _routed_to_less,
            "eth0",
            "198.51.100.2",
            1500,
            False,
            "router",
            [1400],
            "10.77.0.2: fragmentation needed, MTU 1400",
        ),
        (
            _routed_to_less,
            "eth0",
            "2001:db8:1::2",
            1500,
            False,
            "router",
            [1400],
            "2001:db8::2: packet too big, MTU 1400",
        ),
        (
            _routed,
            "eth0",
            "192.0.2.9",
            1500,
            None,
            "no_route",
            [None],
            "not in a network of eth0, and no route leads there through it",
        ),
        (_tunnel, "vxlan7", INNER, 1450, True, "", [1450], ""),
        (_tunnel, "vxlan7", INNER, 1500, False, "local", [1450], "vxlan7 has MTU 1450"),
        (_tunnel, "eth0", "10.77.0.2", 1500, True, "", [1500], ""),
        (_narrow_tunnel, "vxlan7", INNER, 1450, False, "too_large", about(1350), ""),
        (_narrow_tunnel, "eth0", "10.77.0.2", 1500, False, "too_large", about(1400), ""),
        (_tunnel6, "vxlan7", INNER, 1430, True, "", [1430], ""),
        (_tunnel6, "vxlan7", INNER, 1431, False, "local", [1430], "vxlan7 has MTU 1430"),
    ],
)
def test_paths(wires, build, device, address, size, passed, failure, path_mtu, text):
    """IPv6, pairs of two addresses, routed ones, and VXLAN, inside and outside."""
    build(wires)
    found = by_peer(wires.ask("asker", [wires.probe("peer", size=size, address=address)], device=device))["peer"]
    assert (found["passed"], found["failure"], found["text"]) == (passed, failure, text)
    assert found["path_mtu"] in path_mtu
    assert bool(found["neighbour"]) == (build not in (_routed, _routed_to_less))  # a router's is not the peer's


def test_somebody_who_fragments_what_he_must_not(wires):
    """A router that clears DF: nothing is lost, but the peer hears fragments."""
    _routed(wires)
    wires.spaces.ip("router", ["route change 198.51.100.0/24 dev out0 mtu 1400"])
    wires.spaces.nft(
        "router",
        "table ip t { chain c { type filter hook prerouting priority -300; ip saddr 10.77.0.1 ip frag-off set 0; }; "
        "}\n",
    )
    peer = wires.start("peer", [wires.probe("asker", size=1000)], listen_s=20)
    until(lambda: wires.spaces.sockets("peer"))
    assert by_peer(wires.ask("asker", [wires.probe("peer", address="198.51.100.2")]))["peer"]["passed"]
    peer.terminate()
    assert [(each["address"], each["fragmented"]) for each in finish(peer)["heard"]] == [("10.77.0.1", True)]


def test_answers_in_fragments(wires):
    wires.host("narrow")
    wires.spaces.ip("narrow", ["route change 10.77.0.0/24 dev eth0 mtu 1400"])
    found = by_peer(wires.ask("asker", [wires.probe("narrow")]))["narrow"]
    assert (found["passed"], found["fragmented"]) == (True, True)


def test_more_than_is_required(wires):
    wires.host("peer")
    found = by_peer(wires.ask("asker", [wires.probe("peer", size=1400)], larger=True))["peer"]
    assert (found["passed"], found["path_mtu"]) == (True, 1500)


# --- causes ---


def test_more_than_the_own_device_takes(wires):
    wires.host("good")
    found = by_peer(
        wires.ask("asker", [wires.probe("good", 4, 9000), {**wires.probe("good", 6, 9000), "peer": "good6"}])
    )
    for name in ("good", "good6"):
        assert (found[name]["control"], found[name]["passed"], found[name]["failure"], found[name]["path_mtu"]) == (
            True,
            False,
            "local",
            1500,
        )
        assert found[name]["text"] == "eth0 has MTU 1500"


def test_a_smaller_port_below_the_own_bridge(wires):
    wires.host("good")
    wires.spaces.ip(
        "asker",
        ["address flush dev eth0", "link add name cloudbr0 up type bridge", "link set dev eth0 master cloudbr0"],
    )
    wires.spaces.ip(
        "asker",
        ["address add 10.77.0.1/24 dev cloudbr0", "link set dev eth0 mtu 1400", "link set dev cloudbr0 mtu 1500"],
    )
    result = wires.ask("asker", [wires.probe("good")], device="cloudbr0")
    found = by_peer(result)["good"]
    assert (found["passed"], found["failure"], found["text"]) == (False, "local", "eth0 has MTU 1400")
    assert found["path_mtu"] in about(1400)
    assert result["networks"][0]["layers"] == [{"name": "cloudbr0", "mtu": 1500}, {"name": "eth0", "mtu": 1400}]


@pytest.mark.parametrize("version", [4, 6])
def test_which_way_it_gets_lost(wires, version):
    for name in ("there", "back", "quiet"):
        wires.host(name)
    length = "ip length" if version == 4 else "ip6 length"
    drops = [f'oifname "{name}" {length} > 1400 drop;' for name in ("there", "quiet")] + [
        f'iifname "back" {length} > 1400 drop;'
    ]
    wires.spaces.nft("switch", forwarding(" ".join(drops)))
    wires.spaces.nft("quiet", arriving("meta l4proto udp drop;"))
    found = by_peer(
        wires.ask("asker", [wires.probe(peer, version) for peer in ("there", "back", "quiet")], direction=True)
    )
    assert {name: each["forward"] for name, each in found.items()} == {"there": False, "back": True, "quiet": None}
    assert all(each["passed"] is False for each in found.values())


def test_one_way_is_heard(wires):
    """Nothing gets from the asker to the deaf host: it hears nothing of him, he hears it."""
    wires.host("deaf")
    wires.spaces.nft("switch", forwarding('oifname "deaf" ether type ip ip protocol icmp drop;'))
    asker = wires.start("asker", [wires.probe("deaf")], listen_s=20)
    until(lambda: wires.spaces.sockets("asker"))
    silent = wires.ask("deaf", [wires.probe("asker")])
    asker.terminate()
    result = finish(asker)
    assert [outcome["failure"] for each in (result, silent) for outcome in each["outcomes"]] == ["silent", "silent"]
    assert silent["heard"] == []
    heard = result["heard"]
    assert [(each["address"], each["fragmented"]) for each in heard] == [("10.77.0.2", False)]
    assert heard[0]["count"] == heard[0]["last"] - heard[0]["first"] + 1  # none was lost on the way


def test_loss(wires):
    wires.host("lossy")
    wires.spaces.nft(
        "switch", forwarding('oifname "lossy" ether type ip ip protocol icmp numgen random mod 100 < 20 drop;')
    )
    found = by_peer(wires.ask("asker", [wires.probe("lossy")], count=200))["lossy"]
    assert (found["passed"], found["sent"]) == (True, 200)
    assert 10 < found["lost"] < 80


@pytest.mark.parametrize("version", [4, 6])
def test_two_hosts_with_one_address(wires, version):
    wires.host("one").host("two")
    address = f"{PREFIX[version]}77"
    for name in ("one", "two"):
        wires.spaces.ip(name, [f"address add {address}/{24 if version == 4 else 64} dev eth0"])
    found = by_peer(wires.ask("asker", [wires.probe("one", size=1400, address=address)], duplicates=True))["one"]
    assert len(found["neighbours"]) == 2
    assert found["neighbour"] in found["neighbours"]


@pytest.mark.parametrize(
    ("options", "failure", "text"),
    [
        ({"device": "cloudbr7"}, "no_address", "there is no device cloudbr7, only eth0, lo"),
        ({"source": "10.77.0.77"}, "no_address", "eth0 does not have the source address"),
        ({"device": "", "source": "10.77.0.77"}, "no_address", "no device has the source address"),
    ],
)
def test_where_nothing_can_be_asked_from(wires, options, failure, text):
    result = wires.ask("asker", [wires.probe("nobody")], **options)
    outcome = result["outcomes"][0]
    assert (outcome["failure"], outcome["text"], outcome["control"], outcome["sent"]) == (failure, text, False, 0)
    assert result["packets_sent"] == 0


def test_a_device_that_is_down(wires):
    wires.spaces.ip("asker", ["link set dev eth0 down"])
    outcome = wires.ask("asker", [wires.probe("nobody")])["outcomes"][0]
    assert (outcome["failure"], outcome["text"]) == ("no_route", "eth0 is down")


def test_an_address_of_everybody(wires):
    outcome = wires.ask("asker", [wires.probe("all", address="10.77.0.255")])["outcomes"][0]
    assert (outcome["failure"], outcome["text"]) == (
        "prohibited",
        "eth0 does not let it out: a broadcast address, or a route that forbids it",
    )


def test_the_own_address(wires):
    assert (
        wires.ask("asker", [wires.probe("asker")])
        == "asker: the address of asker is this host's own. Expected: another host's. Observed: 10.77.0.1."
    )


def test_the_own_firewall(wires):
    wires.host("good")
    wires.spaces.nft(
        "asker", "table inet t { chain c { type filter hook output priority 0; ip protocol icmp drop; }; }\n"
    )
    outcome = wires.ask("asker", [wires.probe("good")])["outcomes"][0]
    assert (outcome["failure"], outcome["text"]) == ("prohibited", "this host's own firewall does not let it out")


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
class TestWithoutRoot:
    @pytest.mark.parametrize("version", [4, 6])
    def test_where_the_kernel_lets_everybody_ask(self, wires, version):
        wires.host("good").host("small").host("back")
        wires.spaces.ip("switch", ["link set dev small mtu 1400"])
        wires.spaces.sysctl("asker", "net.ipv4.ping_group_range", "0	2147483647")
        length = "ip length" if version == 4 else "ip6 length"
        wires.spaces.nft("switch", forwarding(f'iifname "back" {length} > 1400 drop;'))
        probes = [wires.probe(peer, version) for peer in ("good", "small", "back", "nobody")]
        result = wires.ask("asker", probes, user=USER, direction=True)
        found = by_peer(result)
        assert not result["privileged"]
        assert {name: each["failure"] for name, each in found.items()} == {
            "good": "",
            "small": "too_large",
            "back": "too_large",
            "nobody": "no_neighbour",
        }
        assert found["small"]["path_mtu"] in about(1400)
        assert (found["small"]["forward"], found["back"]["forward"]) == (False, True)
        assert found["good"]["neighbour"]

    def test_where_it_does_not(self, wires):
        wires.spaces.sysctl("asker", "net.ipv4.ping_group_range", "1	0")
        told = wires.ask("asker", [wires.probe("nobody")], user=USER)
        assert told.startswith("asker: this user may not send echo requests. Expected: ")
        assert "ping_group_range" in told
