# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared bridges as keyfiles of NetworkManager, and back: a port keeps its profile, the bridge gets what it said of
IP; what would be lost is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.model import Bridge, Network
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.parse import keyfile
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkmanager import (
    FOLDER,
    IFCFG,
    configured,
    declared,
    own_path,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.networkmanager import (
    render as render_network,
)
from ansible_collections.cloudstack.kvm.plugins.module_utils.host_network.plan.said import says
from hypothesis import given
from hypothesis import strategies as st

MANAGEMENT = Bridge("cloudbr0", "eth0", 1500, "10.88.0.11/24", "10.88.0.1")
GUEST = Bridge("cloudbr1", "eth1", 9000)
CARD = f"{FOLDER}/Wired connection 1.nmconnection"
OWN = own_path("cloudbr0")
MACS = {"eth0": "02:00:00:00:00:01"}
# As nmcli 1.42 writes it.
WIRED = """[connection]
id=Wired connection 1
uuid=6ceb2073-9d27-3f50-a9c4-a00593869410
type=ethernet
interface-name=eth0
timestamp=1795982413

[ethernet]
wake-on-lan=64

# by hand
[ipv4]
address1=10.88.0.9/24,10.88.0.1
dns=10.88.0.2;10.88.0.3;
method=manual
route1=198.51.100.0/24,10.88.0.2

[ipv6]
addr-gen-mode=stable-privacy
method=auto

[proxy]
"""


def render(bridges, files, macs):
    return render_network(Network(bridges=tuple(bridges)), files, macs)


def test_the_profile_of_the_port_stays_its_profile_and_the_bridge_gets_what_it_said_of_ip():
    files = render([MANAGEMENT], {CARD: WIRED}, {})
    assert sorted(files) == [CARD, OWN]
    assert files[CARD] == (
        "[connection]\nid=Wired connection 1\nuuid=6ceb2073-9d27-3f50-a9c4-a00593869410\ntype=ethernet\n"
        "interface-name=eth0\ntimestamp=1795982413\nmaster=cloudbr0\nslave-type=bridge\n\n"
        "[ethernet]\nwake-on-lan=64\nmtu=1500\n\n# by hand\n"
    )
    assert keyfile.entries(files[OWN], "ipv4") == [
        ("method", "manual"),
        ("address1", "10.88.0.11/24"),
        ("gateway", "10.88.0.1"),
        ("dns", "10.88.0.2;10.88.0.3;"),
        ("route1", "198.51.100.0/24,10.88.0.2"),
    ]
    assert keyfile.entries(files[OWN], "ipv6") == [("addr-gen-mode", "stable-privacy"), ("method", "auto")]
    assert render([MANAGEMENT], {CARD: WIRED, **files}, {}) == {}


BY_MAC = WIRED.replace("interface-name=eth0\n", "").replace("[ethernet]", "[ethernet]\nmac-address=02:00:00:00:00:01")
BOND = "[connection]\nid=b\nuuid=1\ntype=bond\ninterface-name=bond0\nautoconnect=false\n\n[bond]\nmode=802.3ad\n"


@pytest.mark.parametrize(
    ("bridge", "text", "says"),
    [
        (MANAGEMENT, BY_MAC, ["interface-name=eth0", "mac-address=02:00:00:00:00:01", "master=cloudbr0"]),
        (Bridge("cloudbr0", "bond0"), BOND, ["type=bond", "mode=802.3ad", "slave-type=bridge", "[ethernet]\nmtu=1500"]),
        (MANAGEMENT, WIRED.replace("[ethernet]", "[802-3-ethernet]"), ["[802-3-ethernet]\nwake-on-lan=64\nmtu=1500"]),
    ],
)
def test_the_profile_is_found_and_keeps_what_it_is(bridge, text, says):
    new = render([bridge], {CARD: text}, MACS)[CARD]
    assert [part for part in says if part not in new] == []
    assert "autoconnect" not in new


def test_profiles_that_networkmanager_made_by_itself_do_not_count():
    path = "/run/NetworkManager/system-connections/Wired connection 1.nmconnection"
    files = {path: WIRED + "\n[.nmmeta]\nnm-generated=true\n"}
    assert sorted(render([MANAGEMENT], files, MACS)) == [OWN, own_path("eth0")]
    assert configured(files) == {}


def test_a_lease_is_asked_for_by_the_hardware_address_of_the_port():
    own = render([Bridge("cloudbr0", "eth0", 1500, "dhcp")], {}, MACS)[OWN]
    assert keyfile.value(own, "ethernet", "cloned-mac-address") == MACS["eth0"]
    assert keyfile.value(own, "ipv4", "method") == "auto"


CLOUD_INIT = f"{FOLDER}/cloud-init-eth0.nmconnection"
CLOUD = {"/etc/cloud/cloud.cfg": "users: [default]\n"}
TWO = WIRED.replace("address1=10.88.0.9/24,10.88.0.1", "address1=10.1.0.1/24\naddress2=10.2.0.1/24")
ASKING = (
    "[connection]\nid=x\nuuid=2\ntype=bridge\ninterface-name=cloudbr0\n\n"
    "[bridge]\nstp=false\nmulticast-querier=yes\nageing-time=9\n"
)
STP = "[connection]\nid=x\nuuid=2\ntype=bridge\ninterface-name=cloudbr0\n\n[bridge]\nstp=true\n"


@pytest.mark.parametrize(
    ("bridge", "files", "says"),
    [
        (MANAGEMENT, {CLOUD_INIT: WIRED, **CLOUD}, "cloud-init would write that file again"),
        (MANAGEMENT, {CLOUD_INIT: WIRED}, ""),
        (MANAGEMENT, {CARD: WIRED, f"{FOLDER}/b": WIRED}, "more than one profile"),
        (MANAGEMENT, {CARD: WIRED, f"{FOLDER}/b": WIRED.replace("id=", "autoconnect=false\nid=")}, ""),
        (MANAGEMENT, {f"{IFCFG}/ifcfg-eth0": "DEVICE=eth0\n"}, "ifcfg-eth0 configures eth0.*nmcli connection migrate"),
        (MANAGEMENT, {f"{IFCFG}/ifcfg-eth9": "DEVICE=eth9\n"}, ""),
        (MANAGEMENT, {"/usr/lib/NetworkManager/system-connections/a": WIRED}, "another program writes that file"),
        (MANAGEMENT, {CARD: WIRED.replace("type=eth", "master=bond0\ntype=eth")}, "Observed: master=bond0"),
        (MANAGEMENT, {CARD: TWO}, "address1=10.1.0.1/24; address2=10.2.0.1/24"),
        (MANAGEMENT, {OWN: STP}, "stp=true"),
        (MANAGEMENT, {f"{FOLDER}/bridge": ASKING}, "Observed: multicast-querier=true"),
        (MANAGEMENT, {OWN: ASKING}, ""),
        (replace(MANAGEMENT, multicast_querier=True), {f"{FOLDER}/bridge": ASKING}, ""),
        (Bridge("cloudbr0", "eth0"), {CARD: WIRED}, "dns=10.88.0.2;10.88.0.3;; route1=198.51.100.0/24,10.88.0.2"),
    ],
)
def test_what_would_be_lost_or_come_back_is_refused(bridge, files, says):
    if not says:
        assert render([bridge], files, {})
        return
    with pytest.raises(Exception, match=f"{says}.*[Nn]othing was changed|nothing was changed.*{says}"):
        render([bridge], files, {})


def test_a_multicast_querier_is_a_line_of_the_profile():
    own = render([replace(MANAGEMENT, multicast_querier=True)], {OWN: ASKING}, {})[OWN]
    assert keyfile.value(own, "bridge", "multicast-querier") == "true"
    own = render([MANAGEMENT], {OWN: own}, {})[OWN]
    assert keyfile.entries(own, "bridge") == [("stp", "false"), ("ageing-time", "9"), ("forward-delay", "0")]


ADDRESSES = st.sampled_from([None, "dhcp", "10.88.0.11/24", "192.0.2.7/31"])
BRIDGES = st.builds(Bridge, st.just("x"), st.just("y"), st.integers(576, 65535), ADDRESSES)
PLAIN = WIRED.replace("dns=10.88.0.2;10.88.0.3;\n", "").replace("route1=198.51.100.0/24,10.88.0.2\n", "")


@given(st.lists(BRIDGES, min_size=1, max_size=4), st.sampled_from(["", PLAIN, BY_MAC.replace(WIRED, PLAIN)]))
def test_what_is_rendered_is_read_back_and_rendered_no_more(bridges, card):
    named = [Bridge(f"cloudbr{number}", f"eth{number}", each.mtu, each.address) for number, each in enumerate(bridges)]
    files = {CARD: card.replace("dns=10.88.0.2;10.88.0.3;\n", "").replace("route1=198.51.100.0/24,10.88.0.2\n", "")}
    files = {**files, **render(named, files, MACS)}
    found = declared(files).devices
    assert [each for each in named if not says(found.get(each.name), each)] == []
    assert render(named, files, MACS) == {}


def test_what_the_files_configure_is_told_with_the_file():
    files = {CARD: WIRED, **render([GUEST], {}, {}), "/run/NetworkManager/system-connections/netplan-eth5": "x"}
    assert configured(files) == {"eth0": CARD, "eth1": own_path("eth1"), "cloudbr1": own_path("cloudbr1")}
